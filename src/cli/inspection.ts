import type { Database } from '../database/database.js'
import type { Resource } from '../tenants.js'

/** What `pgfleet status` reads of the database itself. */
export interface Inspection {
  readonly engine: string
  readonly databaseBytes: number
  readonly tables: readonly TableSize[]
  /** Rows of each tenant when last measured; empty for a login that may not see them. */
  readonly usage: readonly { tenant: string; resource: Resource; rows: number; measuredAt: Date }[]
}

/** A table with its indexes, and all its partitions. */
export interface TableSize {
  readonly table: string
  readonly partitions: number
  readonly bytes: number
}

const ENGINE = `
  select current_setting('server_version') as version, pg_database_size(current_database())::bigint as bytes`

const TABLES = `
  select n.nspname || '.' || c.relname as table, count(p.relid)::integer as partitions,
    (pg_total_relation_size(c.oid) + coalesce(sum(pg_total_relation_size(p.relid)), 0))::bigint as bytes
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join lateral pg_partition_tree(c.oid) p on p.isleaf and p.relid <> c.oid
  where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p') and not c.relispartition
  group by n.nspname, c.oid, c.relname
  order by bytes desc, 1`

const USAGE = `
  select u.tenant_id as tenant, u.resource, u.row_count as rows, u.measured_at as "measuredAt"
  from platform.tenant_usage u
  order by u.tenant_id, u.resource`

const SCHEMAS = ['platform', 'learning', 'delivery', 'memory', 'metadata']

/** Reads versions and sizes. One read-only transaction; catalogue only, so it costs little whatever the tables hold. */
export async function inspect(database: Database): Promise<Inspection> {
  return await database.lend(async (connection) => {
    const engine = await connection.query<{ version: string; bytes: number }>(ENGINE)
    const tables = await connection.query<TableSize>(TABLES, [SCHEMAS])
    const { rows: usage } = await asMonitor(connection)
    const { version = 'unknown', bytes = 0 } = engine.rows[0] ?? {}
    const where = database.isEmbedded ? 'embedded PostgreSQL (PGlite)' : 'PostgreSQL'
    return { engine: `${where} ${version}`, databaseBytes: bytes, tables: tables.rows, usage }
  })
}

/** Usage is of all tenants, so it is read in the role that may see them; an application's login may not take it. */
async function asMonitor(connection: Parameters<Parameters<Database['lend']>[0]>[0]) {
  try {
    await connection.query('begin read only')
    await connection.query('set local role pgfleet_monitor')
    return await connection.query<Inspection['usage'][number]>(USAGE)
  } catch (error) {
    if ((error as { code?: string }).code === '42501') return { rows: [] }
    throw error
  } finally {
    await connection.query('rollback')
  }
}
