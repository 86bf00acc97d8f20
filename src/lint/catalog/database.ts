import type { Connection } from '../../database/connections.js'
import { FleetError } from '../../errors.js'
import { PG_VERSIONS, type PgVersion } from '../rule.js'
import { Catalog, type Column, type Table } from './catalog.js'
import { type Prepare, preparing } from './prepare.js'
import { type Trace, tracing } from './trace.js'

const VERSION = `select current_setting('server_version_num')::integer / 10000 as major`

// One row a table; names are short so that a large catalogue stays small on its way.
const TABLES = `
  select n.nspname as schema, c.relname as name, c.relkind as kind, c.relrowsecurity as secured, c.relforcerowsecurity as forced,
    p.partattrs::integer[] as "partitionKey",
    (select parent.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class parent on parent.oid = i.inhparent
     where i.inhrelid = c.oid and c.relispartition limit 1) as "partitionOf",
    (select count(*)::integer from pg_catalog.pg_policy y where y.polrelid = c.oid) as policies,
    (select json_agg(json_build_array(a.attnum, a.attname, t.typname, a.atttypmod, a.attnotnull, a.atthasdef or a.attidentity <> '', a.attgenerated <> '',
       a.attidentity <> '' or coalesce(pg_catalog.pg_get_serial_sequence(pg_catalog.format('%I.%I', n.nspname, c.relname), a.attname) is not null, false))
       order by a.attnum)
     from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    (select json_agg(json_build_array(i.relname, m.amname, x.indkey::integer[], x.indisunique, x.indpred is not null,
       (select json_agg(o.opcname order by k.place) from pg_catalog.unnest(x.indclass::oid[]) with ordinality k(class, place)
        join pg_catalog.pg_opclass o on o.oid = k.class), x.indnkeyatts) order by i.relname)
     from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid join pg_catalog.pg_am m on m.oid = i.relam
     where x.indrelid = c.oid and x.indisvalid) as indexes
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_partitioned_table p on p.partrelid = c.oid
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and n.nspname !~ '^pg_(toast_)?temp_'
  order by n.nspname, c.relname
  limit 50001`

/** Compressions and ways of input and output are compiled in or not. */
const CHOICES = `
  select s.name, s.enumvals as values
  from pg_catalog.pg_settings s
  where s.vartype = 'enum' and s.name ~ '(compression|io_method)$'`

const FUNCTIONS = `
  select p.proname as name, min(p.provolatile) as first, max(p.provolatile) as last
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname not in ('pg_catalog', 'information_schema') and p.prokind = 'f'
  group by p.proname
  order by p.proname
  limit 50000`

interface Row {
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly secured: boolean
  readonly forced: boolean
  readonly partitionKey: readonly number[] | null
  readonly partitionOf: string | null
  readonly policies: number
  readonly columns: readonly [number, string, string, number, boolean, boolean, boolean, boolean][] | null
  readonly indexes: readonly [string, string, number[], boolean, boolean, (string | null)[] | null, number][] | null
}

/** What a database tells the linter. */
export interface DatabaseKnowledge {
  readonly catalog: Catalog
  readonly version: PgVersion
  /** Asks whether the server takes a statement. */
  readonly prepare?: Prepare
  /** Runs files. */
  readonly trace?: Trace
}

/**
 * Reads tables, columns, indexes, keys of partitions, policies and functions of a database, and lends them to the callback
 * in one transaction with time-outs, which is rolled back; it is read-only unless files are to be traced in it. Errors: DATABASE_UNEXAMINED for a major that is not known.
 */
export async function withDatabaseKnowledge<T>(
  connection: Connection,
  work: (knowledge: DatabaseKnowledge) => Promise<T>,
  { trace = false }: { readonly trace?: boolean } = {},
): Promise<T> {
  const { rows: versions } = await connection.query<{ major: number }>(VERSION)
  const major = versions[0]?.major ?? 0
  const version = PG_VERSIONS.find((each) => each === major)
  if (version === undefined) {
    throw new FleetError('DATABASE_UNEXAMINED', {
      message: `the server is of major ${major}, and ${PG_VERSIONS[0]} to ${PG_VERSIONS.at(-1)} are known`,
      hint: 'Lint without --url, with the --pg-version that comes nearest.',
    })
  }
  await connection.query(trace ? 'begin' : 'begin transaction read only')
  try {
    await connection.query("set local statement_timeout = '30s'")
    await connection.query("set local lock_timeout = '2s'")
    const catalog = await readCatalog(connection)
    // What is traced changes what the next statements would be prepared against, so one or the other.
    if (trace) return await work({ catalog, version, trace: await tracing(connection) })
    return await work({ catalog, version, prepare: preparing(connection) })
  } finally {
    await connection.query('rollback').catch(() => {})
  }
}

async function readCatalog(connection: Connection): Promise<Catalog> {
  const catalog = new Catalog()
  const { rows } = await connection.query<Row>(TABLES)
  if (rows.length > TABLES_MAX) {
    throw new FleetError('OPTIONS_INVALID', { message: 'the database holds more than 50,000 tables', field: 'url' })
  }
  for (const row of rows) catalog.add(tableOf(row))
  const functions = await connection.query<{ name: string; first: 'i' | 's' | 'v'; last: 'i' | 's' | 'v' }>(FUNCTIONS)
  for (const { name, first, last } of functions.rows) catalog.volatilities.set(name, first === last ? first : undefined)
  const choices = await connection.query<{ name: string; values: string[] }>(CHOICES)
  for (const { name, values } of choices.rows) catalog.choices.set(name, values)
  return catalog
}

/** A larger catalogue does not fit in memory beside the rest. */
const TABLES_MAX = 50_000

function tableOf(row: Row): Table {
  const byNumber = new Map((row.columns ?? []).map((column) => [column[0], column[1]]))
  const name = (number: number) => byNumber.get(number)
  const columns = (row.columns ?? []).map(
    ([, column, type, modifier, notNull, hasDefault, generated, serial]): [string, Column] => [
      column,
      {
        name: column,
        type: type.replace(/^_(.*)$/, '$1[]'),
        modifiers: modifiersOf(type, modifier),
        notNull,
        hasDefault,
        generated,
        serial,
      },
    ],
  )
  return {
    schema: row.schema,
    name: row.name,
    kind: row.kind === 'v' || row.kind === 'm' ? 'view' : 'table',
    columns: new Map(columns),
    complete: true,
    indexes: (row.indexes ?? []).map(([index, method, keys, unique, partial, classes, count]) => ({
      name: index,
      method,
      columns: keys.slice(0, count).map(name),
      unique,
      partial,
      classes: keys.slice(0, count).map((_, i) => classes?.[i] ?? undefined),
      expressionColumns: [],
    })),
    partitionKey: row.partitionKey?.flatMap((number) => name(number) ?? []),
    partitionOf: row.partitionOf ?? undefined,
    rowSecurity: row.secured,
    forced: row.forced,
    policies: row.policies,
  }
}

function modifiersOf(type: string, modifier: number): number[] {
  if (modifier < 0) return []
  if (type === 'numeric') return [((modifier - 4) >> 16) & 0xffff, (modifier - 4) & 0x7ff]
  return type === 'vector' || type === 'halfvec' ? [modifier] : [modifier - 4]
}
