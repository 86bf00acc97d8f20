import type { Fleet } from 'pgfleet'
import { sql } from '../setup/index.js'

const CATALOG = `
with schemas as (select n.oid, n.nspname, n.nspowner, n.nspacl from pg_namespace n where n.nspname in ('platform', 'learning'))
select 'schema ' || nspname || ' ' || nspowner::regrole || ' ' || coalesce(nspacl::text, '') as line from schemas
union all
select 'relation ' || c.oid::regclass || ' ' || c.relkind::text || ' ' || c.relowner::regrole || ' ' || c.relrowsecurity || c.relforcerowsecurity
  || ' ' || coalesce(c.reloptions::text, '') || ' ' || coalesce(c.relacl::text, '') || ' ' || coalesce(obj_description(c.oid, 'pg_class'), '')
  || ' ' || coalesce(pg_get_partkeydef(c.oid), '') || ' ' || case when c.relkind = 'v' then pg_get_viewdef(c.oid) else '' end
from pg_class c join schemas s on s.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
union all
select 'column ' || c.oid::regclass || ' ' || a.attnum || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
  || ' ' || coalesce(l.collname, '') || ' ' || a.attgenerated::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
  || ' ' || coalesce(a.attacl::text, '') || ' ' || coalesce(col_description(c.oid, a.attnum), '')
from pg_class c join schemas s on s.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_collation l on l.oid = a.attcollation left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind in ('r', 'p', 'v')
union all
select 'constraint ' || t.conrelid::regclass || ' ' || t.conname || ' ' || pg_get_constraintdef(t.oid) from pg_constraint t join schemas s on s.oid = t.connamespace
union all
select 'index ' || pg_get_indexdef(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indrelid join schemas s on s.oid = c.relnamespace
union all
select 'policy ' || p.schemaname || '.' || p.tablename || ' ' || p.policyname || ' ' || p.permissive || ' ' || p.roles::text || ' ' || p.cmd
  || ' ' || coalesce(p.qual, '') || ' ' || coalesce(p.with_check, '')
from pg_policies p join schemas s on s.nspname = p.schemaname
union all
select 'function ' || p.proowner::regrole || ' ' || coalesce(p.proacl::text, '') || ' ' || coalesce(obj_description(p.oid, 'pg_proc'), '') || ' ' || pg_get_functiondef(p.oid)
from pg_proc p join schemas s on s.oid = p.pronamespace
union all
select 'trigger ' || pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid join schemas s on s.oid = c.relnamespace where not t.tgisinternal
order by 1`

/** Everything that makes the schema, one line an object, so that two databases can be compared. */
export async function catalogSnapshot(fleet: Pick<Fleet, 'database'>): Promise<string[]> {
  return (await sql<{ line: string }>(fleet, CATALOG)).map(({ line }) => line)
}

const CONTENT = [
  'select version, name, checksum, package_version from platform.migrations order by version',
  'select path, checksum, package_version from platform.routines order by path',
  'select * from platform.partitioned_tables order by schema_name, table_name',
  'select * from learning.agent_type_defaults order by agent_type',
]

/** The rows that migrations write. */
export async function migratedRows(fleet: Pick<Fleet, 'database'>): Promise<unknown[][]> {
  const content: unknown[][] = []
  for (const text of CONTENT) content.push(await sql(fleet, text))
  return content
}
