import type { Connection } from '../doctor/connection.js'
import type { IndexMethod, Offered } from './definition.js'

/** A column with what the planner knows of its values. */
export interface Column {
  readonly name: string
  /** The type's own name: `int8`, `text`, `_text` for an array of it. */
  readonly type: string
  /** The type's modifier: dimensions of a vector. -1 for none. */
  readonly modifier: number
  /** Compared byte by byte, so that a plain index serves LIKE. */
  readonly isByteOrder: boolean
  readonly notNull: boolean
  /** Values that differ, of the whole table; undefined before ANALYZE. */
  readonly distinct: number | undefined
  /** Share of NULLs. */
  readonly nullShare: number
  /** Bytes on average. */
  readonly width: number
  /** How far the order of rows follows that of values, -1 to 1. */
  readonly correlation: number
  /** The share of each of the commonest values, as texts. */
  readonly shares: ReadonlyMap<string, number>
}

/** A table that the workload reads or writes. */
export interface Table {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly isPartitioned: boolean
  readonly rows: number
  readonly pages: number
  /** The share of its pages whose rows all can see, which index-only scans skip. */
  readonly visibleShare: number
  readonly owner: string
  /** Whom row-level security concerns: nobody, all but the owner, all. Superusers and BYPASSRLS aside. */
  readonly security: 'none' | 'enabled' | 'forced'
  /** What the policies for reading say, as SQL. */
  readonly policies: readonly string[]
  readonly inserts: number
  readonly updates: number
  readonly hotUpdates: number
  readonly deletes: number
  readonly columns: ReadonlyMap<string, Column>
  readonly primaryKey: readonly string[]
  /** Levels of partitions below it; 0 for a table of none. */
  readonly depth: number
  /** The lowest partitions; empty for a table of none. */
  readonly leaves: readonly { readonly schema: string; readonly name: string }[]
}

/** A foreign key. */
export interface ForeignKey {
  readonly name: string
  readonly tableOid: number
  readonly columns: readonly string[]
  /** Deletions from the table that it refers to. */
  readonly parent: string
  readonly parentDeletes: number
}

/** An index that exists. */
export interface ExistingIndex extends Offered {
  readonly oid: number
  /** Qualified and quoted where it has to be. */
  readonly name: string
  readonly tableOid: number
  readonly schema: string
  readonly table: string
  readonly definition: string
  readonly bytes: number
  readonly scans: number
  /** Since when it has been idle; undefined where nobody knows (before PostgreSQL 16, or never scanned). */
  readonly lastScan: Date | undefined
  readonly isValid: boolean
  readonly isBuilding: boolean
  readonly isUnique: boolean
  /** What it has to stay for; empty when nothing but queries. */
  readonly duties: readonly string[]
  /** Everything that makes it what it is, without its name: two with the same are duplicates. */
  readonly identity: string
  /** Every column in it: keys, stored, expressions, condition. */
  readonly columns: readonly string[]
}

/** What the database has. */
export interface Catalog {
  readonly tables: readonly Table[]
  readonly indexes: readonly ExistingIndex[]
  readonly foreignKeys: readonly ForeignKey[]
  /** Roles that no policy concerns. */
  readonly privileged: ReadonlySet<string>
  /** Schemas that an unqualified name is looked for in, in order. */
  readonly searchPath: readonly string[]
  /** Bytes of all tables without their indexes. */
  readonly tableBytes: number
}

const USER_SCHEMAS = `n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'`

/** Tables of given names; statistics of a partitioned one are its leaves' sum, and its inherited ones. */
const TABLES = `
  select c.oid::int8::float8 as oid, n.nspname as schema, c.relname as name, c.relkind = 'p' as "isPartitioned",
    s.rows, s.pages, s.visible / greatest(s.pages, 1) as "visibleShare", pg_get_userbyid(c.relowner) as owner,
    case when not c.relrowsecurity then 'none' when c.relforcerowsecurity then 'forced' else 'enabled' end as security,
    s.inserts, s.updates, s."hotUpdates", s.deletes, coalesce(s.leaves, '[]') as leaves,
    case when c.relkind = 'p' then (select max(p.level) from pg_partition_tree(c.oid) p) else 0 end as depth,
    (select coalesce(jsonb_agg(pg_get_expr(p.polqual, p.polrelid)), '[]') from pg_policy p
      where p.polrelid = c.oid and p.polqual is not null and p.polcmd in ('r', '*')) as policies,
    (select coalesce(jsonb_agg(a.attname order by k.place), '[]') from pg_index i
      cross join lateral unnest(i.indkey) with ordinality k (attnum, place)
      join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      where i.indrelid = c.oid and i.indisprimary) as "primaryKey",
    (select jsonb_agg(jsonb_build_object('name', a.attname, 'type', t.typname, 'modifier', a.atttypmod, 'notNull', a.attnotnull,
      'isByteOrder', coalesce(o.collname in ('C', 'POSIX', 'ucs_basic')
        or o.collname = 'default' and d.datlocprovider <> 'i' and d.datcollate in ('C', 'POSIX'), true),
      'distinct', st.n_distinct, 'nullShare', coalesce(st.null_frac, 0), 'width', coalesce(st.avg_width, greatest(t.typlen, 32)),
      'correlation', coalesce(st.correlation, 0), 'values', st.most_common_vals::text::text[], 'shares', st.most_common_freqs))
      from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_collation o on o.oid = a.attcollation
      cross join (select * from pg_database where datname = current_database()) d
      left join pg_stats st on st.schemaname = n.nspname and st.tablename = c.relname and st.attname = a.attname
        and st.inherited = (c.relkind = 'p')
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  cross join lateral (
    select sum(greatest(l.reltuples, 0))::float8 as rows, sum(l.relpages)::float8 as pages, sum(l.relallvisible)::float8 as visible,
      sum(pg_stat_get_tuples_inserted(l.oid))::float8 as inserts, sum(pg_stat_get_tuples_updated(l.oid))::float8 as updates,
      sum(pg_stat_get_tuples_hot_updated(l.oid))::float8 as "hotUpdates", sum(pg_stat_get_tuples_deleted(l.oid))::float8 as deletes,
      jsonb_agg(jsonb_build_object('schema', m.nspname, 'name', l.relname) order by l.oid) filter (where l.oid <> c.oid) as leaves
    from pg_class l join pg_namespace m on m.oid = l.relnamespace
    where l.relkind <> 'p' and l.oid in (select c.oid where c.relkind <> 'p'
      union all select p.relid from pg_partition_tree(c.oid) p where c.relkind = 'p' and p.isleaf)) s
  where c.relkind in ('r', 'p', 'm') and ${USER_SCHEMAS} and c.relname = any ($1::text[])
  order by c.oid`

/** All indexes of user tables that somebody might drop or that serve; the largest first. */
const INDEXES = `
  select i.indexrelid::int8::float8 as oid, i.indexrelid::regclass::text as name, i.indrelid::int8::float8 as "tableOid", n.nspname as schema,
    t.relname as table, m.amname as method, pg_get_indexdef(i.indexrelid) as definition, c.relpages::float8 * current_setting('block_size')::int as bytes,
    pg_stat_get_numscans(i.indexrelid)::float8 as scans, {lastScan} as "lastScan", i.indisvalid as "isValid",
    exists (select from pg_stat_progress_create_index g where g.index_relid = i.indexrelid or g.relid = i.indrelid and not i.indisvalid) as "isBuilding",
    i.indisunique as "isUnique", pg_get_expr(i.indpred, i.indrelid) as predicate,
    array_remove(array[
      case when i.indisprimary then 'it is the primary key' when i.indisexclusion then 'it keeps an exclusion constraint'
        when i.indisunique then 'it keeps values unique' end,
      case when i.indisreplident then 'it is the replica identity' end,
      case when i.indisclustered then 'the table is clustered by it' end,
      case when exists (select from pg_constraint k where k.conindid = i.indexrelid) and not i.indisunique then 'a constraint rests on it' end,
      case when c.relkind = 'I' or exists (select from pg_inherits h where h.inhrelid = i.indexrelid) then 'it is part of a partitioned index' end,
      (select 'it supports the foreign key ' || min(k.conname) from pg_constraint k where k.contype = 'f' and k.conrelid = i.indrelid
        and i.indpred is null and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey
        and not exists (select from pg_index o where o.indrelid = i.indrelid and o.indexrelid <> i.indexrelid and o.indisvalid and o.indpred is null
          and (string_to_array(o.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey
          and (o.indnatts > i.indnatts or o.indisunique or o.indnatts = i.indnatts and o.indexrelid < i.indexrelid)))], null) as duties,
    concat_ws('|', i.indrelid, m.amname, i.indkey, i.indnkeyatts, i.indclass, i.indcollation, i.indoption, i.indnullsnotdistinct, i.indpred::text, i.indexprs::text) as identity,
    (select jsonb_agg(jsonb_build_object('text', pg_get_indexdef(i.indexrelid, k, true),
      'columns', case when i.indkey[k - 1] = 0 then '[]'::jsonb else jsonb_build_array(a.attname) end,
      'opclass', case when o.opcdefault then null else o.opcname end,
      'descending', (i.indoption[k - 1] & 1) = 1, 'nullsFirst', (i.indoption[k - 1] & 2) = 2) order by k)
      from generate_series(1, i.indnkeyatts) k join pg_opclass o on o.oid = i.indclass[k - 1]
      left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k - 1]) as keys,
    (select coalesce(jsonb_agg(a.attname), '[]') from generate_series(i.indnkeyatts + 1, i.indnatts) k
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k - 1]) as include,
    (select coalesce(jsonb_agg(distinct a.attname), '[]') from pg_attribute a where a.attrelid = i.indrelid and a.attnum > 0
      and (a.attnum = any (string_to_array(i.indkey::text, ' ')::int2[]) or exists (select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refclassid = 'pg_class'::regclass
          and d.refobjid = i.indrelid and d.refobjsubid = a.attnum))) as columns
  from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  where ${USER_SCHEMAS} and ($1::text[] is null or n.nspname = any ($1::text[]) or t.relname = any ($2::text[]))
  order by c.relpages desc, i.indexrelid limit 5000`

const FOREIGN_KEYS = `
  select k.conname as name, k.conrelid::int8::float8 as "tableOid", k.confrelid::regclass::text as parent,
    pg_stat_get_tuples_deleted(k.confrelid)::float8 as "parentDeletes",
    (select jsonb_agg(a.attname order by c.place) from unnest(k.conkey) with ordinality c (attnum, place)
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.attnum) as columns
  from pg_constraint k join pg_class t on t.oid = k.conrelid join pg_namespace n on n.oid = t.relnamespace
  where k.contype = 'f' and k.conparentid = 0 and ${USER_SCHEMAS} and ($1::text[] is null or n.nspname = any ($1::text[]))
  order by k.oid limit 2000`

const OTHERS = `
  select current_schemas(false)::text[] as "searchPath",
    (select coalesce(jsonb_agg(r.rolname), '[]') from pg_roles r where r.rolsuper or r.rolbypassrls) as privileged,
    (select coalesce(sum(c.relpages), 0)::float8 * current_setting('block_size')::int from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and ${USER_SCHEMAS} and ($1::text[] is null or n.nspname = any ($1::text[]))) as "tableBytes"`

type Raw<T, K extends keyof T> = Omit<T, K>
type RawColumn = Raw<Column, 'shares' | 'distinct'> & {
  readonly distinct: number | null
  readonly values: readonly string[] | null
  readonly shares: readonly number[] | null
}
type RawIndex = Raw<ExistingIndex, 'keys' | 'predicate' | 'lastScan' | 'method'> & {
  readonly method: string
  readonly predicate: string | null
  readonly lastScan: Date | null
  readonly keys: readonly {
    text: string
    columns: string[]
    opclass: string | null
    descending: boolean
    nullsFirst: boolean
  }[]
}

/**
 * Reads what concerns the tables of these names, and of all indexes and foreign keys, or those of some schemas. The connection is
 * in a transaction whose search path is the workload's.
 */
export async function readCatalog(
  connection: Connection,
  { names, schemas, major }: { names: readonly string[]; schemas: readonly string[] | undefined; major: number },
): Promise<Catalog> {
  const all = [...names]
  const foreignKeys = await connection.query<ForeignKey & { childName?: string }>(FOREIGN_KEYS, [schemas ?? null])
  const children = await connection.query<{ name: string }>(
    'select relname as name from pg_class where oid = any ($1::oid[])',
    [foreignKeys.filter(({ parentDeletes }) => parentDeletes > 0).map(({ tableOid }) => tableOid)],
  )
  all.push(...children.map(({ name }) => name))
  const tables = await connection.query<Raw<Table, 'columns'> & { columns: RawColumn[] | null }>(TABLES, [all])
  const lastScan = major >= 16 ? 'pg_stat_get_lastscan(i.indexrelid)' : 'null::timestamptz'
  const indexes = await connection.query<RawIndex>(INDEXES.replace('{lastScan}', lastScan), [schemas ?? null, all])
  const [others] = await connection.query<{ searchPath: string[]; privileged: string[]; tableBytes: number }>(OTHERS, [
    schemas ?? null,
  ])
  return {
    tables: tables.map(({ columns, ...table }) => ({
      ...table,
      columns: new Map((columns ?? []).map((column) => [column.name, columnOf(column, table.rows)])),
    })),
    indexes: indexes.map(indexOf),
    foreignKeys,
    privileged: new Set(others?.privileged ?? []),
    searchPath: others?.searchPath ?? [],
    tableBytes: others?.tableBytes ?? 0,
  }
}

function columnOf({ distinct, values, shares, ...column }: RawColumn, rows: number): Column {
  return {
    ...column,
    distinct: distinct === null ? undefined : distinct < 0 ? -distinct * rows : distinct,
    shares: new Map((values ?? []).map((value, at) => [value, shares?.[at] ?? 0])),
  }
}

function indexOf({ keys, predicate, lastScan, method, ...index }: RawIndex): ExistingIndex {
  return {
    ...index,
    method: method as IndexMethod,
    lastScan: lastScan ?? undefined,
    keys: keys.map(({ opclass, descending, nullsFirst, ...key }) => ({
      ...key,
      ...(opclass === null ? {} : { opclass }),
      ...(descending ? { descending } : {}),
      ...(nullsFirst === descending ? {} : { nullsFirst }),
    })),
    ...(predicate === null ? {} : { predicate: { text: predicate } }),
  }
}

/** The share of a column's rows that a constant meets, as pg_stats knows it; undefined before ANALYZE. */
export function shareOf(column: Column, value: string): number | undefined {
  if (column.distinct === undefined) return undefined
  const known = column.shares.get(value)
  if (known !== undefined) return known
  const rest = 1 - column.nullShare - [...column.shares.values()].reduce((sum, share) => sum + share, 0)
  return Math.max(0, rest) / Math.max(1, column.distinct - column.shares.size)
}
