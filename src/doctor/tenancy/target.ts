import type { Connection } from '../connection.js'

/** Something that a tenant reads, and ought to see its own rows of alone. */
export interface Target {
  /** Qualified and quoted; a function with its parentheses. */
  readonly relation: string
  readonly kind: 'table' | 'partition' | 'view' | 'materialised view' | 'function'
  /** The column that tells whose a row is, quoted. */
  readonly column: string
  /** The setting by which the policy knows the tenant. */
  readonly setting: string
  /** Size when last analysed, in pages; 0 for what has none. */
  readonly pages: number
}

/**
 * What there is to prove: tables with a policy that compares a column with a setting; their partitions; views over them and
 * functions without arguments that return that column. One row a target.
 */
export const TARGETS = `
  with policies as (
    select p.polrelid, d.refobjsubid as attnum, substring(pg_get_expr(p.polqual, p.polrelid) from 'current_setting\\(''([^'']+)''') as setting
    from pg_policy p join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refobjid = p.polrelid and d.refobjsubid > 0
    where pg_get_expr(p.polqual, p.polrelid) ~ 'current_setting\\('''
  ),
  tables as (
    select distinct on (p.polrelid) p.polrelid as oid, a.attname, p.setting, c.relpages, c.relispartition
    from policies p join pg_class c on c.oid = p.polrelid and c.relkind in ('r', 'p')
    join pg_attribute a on a.attrelid = p.polrelid and a.attnum = p.attnum
    order by p.polrelid, p.attnum
  ),
  parts as (
    select distinct k.relid as oid, t.attname, t.setting
    from tables t cross join lateral pg_partition_tree(t.oid) k
    where k.relid <> t.oid and k.isleaf
  ),
  views as (
    select distinct v.oid, v.relkind, t.attname, t.setting
    from tables t join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid and d.classid = 'pg_rewrite'::regclass
    join pg_rewrite w on w.oid = d.objid join pg_class v on v.oid = w.ev_class and v.relkind in ('v', 'm') and v.oid <> t.oid
    join pg_attribute a on a.attrelid = v.oid and a.attname = t.attname and a.attnum > 0
  ),
  functions as (
    select distinct p.oid, n.nspname, p.proname, t.attname, t.setting
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    join (select distinct attname, setting from tables) t on true
    where p.proretset and p.prokind = 'f' and p.provolatile in ('s', 'i') and p.pronargs = p.pronargdefaults
      and n.nspname not in ('pg_catalog', 'information_schema')
      and (t.attname = any (p.proargnames) or exists (select from pg_type y join pg_attribute a on a.attrelid = y.typrelid
        where y.oid = p.prorettype and a.attname = t.attname and a.attnum > 0))
      and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  )
  select t.oid::regclass::text as relation, case when t.relispartition then 'partition' else 'table' end as kind,
    quote_ident(t.attname) as "column", t.setting, t.relpages::int as pages
  from tables t
  union
  select p.oid::regclass::text, 'partition', quote_ident(p.attname), p.setting, c.relpages::int
  from parts p join pg_class c on c.oid = p.oid where p.oid not in (select oid from tables)
  union
  select v.oid::regclass::text, case v.relkind when 'v' then 'view' else 'materialised view' end, quote_ident(v.attname), v.setting, 0 from views v
  union
  select format('%I.%I()', f.nspname, f.proname), 'function', quote_ident(f.attname), f.setting, 0 from functions f
  order by 2 desc, 1`

/** Reads the targets; a transaction of its own, read only. */
export async function readTargets(connection: Connection): Promise<Target[]> {
  await connection.query('begin read only; set local search_path = pg_catalog, pg_temp; set local lock_timeout = 200')
  try {
    return await connection.query<Target>(TARGETS)
  } finally {
    await connection.query('commit').catch(() => {})
  }
}

/** The two tenants with the most rows in the first table that has two, as a login sees that policies do not hold. */
export async function readTenants(connection: Connection, targets: readonly Target[]): Promise<string[]> {
  const tables = targets.filter(({ kind }) => kind === 'table').toSorted((a, b) => b.pages - a.pages)
  for (const { relation, column } of tables) {
    await connection.query('begin read only; set local statement_timeout = 20000; set local lock_timeout = 200')
    try {
      const rows = await connection.query<{ tenant: string }>(
        `select ${column}::text as tenant from ${relation} where ${column} is not null group by 1 order by count(*) desc limit 2`,
      )
      if (rows.length === 2) return rows.map(({ tenant }) => tenant)
    } catch {
      // A table that cannot be read, or not in time, is passed over: another will do.
    } finally {
      await connection.query('commit').catch(() => {})
    }
  }
  return []
}
