import { z } from 'zod'
import type { Database } from '../database/database.js'
import { type Statement, statement } from '../database/statement.js'
import { check, text } from '../input.js'
import { runAsOwner } from '../tenants/as-owner.js'

/** How long a tenant wants rows of a table kept. */
export interface RetentionPolicy {
  readonly tenant: string
  /** Like `memory.events`. */
  readonly table: string
  /** In milliseconds: by the time inside the id of a row, for webhooks since they came, for the graph since a version was superseded, for rollups since their end. */
  readonly keepMs: number
  readonly changedAt: Date
}

/** A table that has a retention, for all who have no policy. */
export interface RetainedTable {
  readonly table: string
  /** In milliseconds; null: for ever. */
  readonly keepMs: number | null
  /** What becomes of partitions that nobody wants kept; tables that are not partitioned lose their rows. */
  readonly atEnd: AtEnd
}

/** What becomes of a partition that nobody wants kept. */
export type AtEnd = 'drop' | 'archive'

/** How long tenants want their rows kept. Needs a login that may act as pgfleet_owner; others get PERMISSION_DENIED. */
export interface RetentionPolicies {
  /**
   * Keeps a tenant's rows of the table so long instead of as long as all others' are kept; at least a day. With `keepMs` null
   * they are kept like the others' again. The audit log and the ids of experiences may be kept longer, never shorter.
   * Rows that go are gone with the next run of the service `retention`, those of a tenant under a legal hold once it is
   * lifted. Errors: INPUT_INVALID, TENANT_UNKNOWN, PERMISSION_DENIED.
   */
  set(policy: { readonly tenant: string; readonly table: string; readonly keepMs: number | null }): Promise<void>
  /**
   * Whether partitions of the table that nobody wants kept are dropped by the service `retention`, or archived by `archive`. Rows of
   * tenants that want less than is registered go all the same. Errors: INPUT_INVALID, PERMISSION_DENIED.
   */
  setAtEnd(policy: { readonly table: string; readonly atEnd: AtEnd }): Promise<void>
  /** The policies, by tenant and table; of one tenant, or all of them. At most 10,000. Errors: PERMISSION_DENIED. */
  list(options?: { readonly tenant?: string }): Promise<RetentionPolicy[]>
  /** The tables that a policy may be set for, with what holds without one. */
  tables(): Promise<RetainedTable[]>
}

const SET = statement<unknown>(
  'platform.set_retention',
  `select platform.set_retention($1::text, $2::text, $3::text, $4::float8 * interval '1 millisecond')`,
)
const LIST = statement<{ tenant_id: string; name: string; keep_ms: number; changed_at: Date }>(
  'platform.list_retention_policies',
  `select p.tenant_id, p.schema_name || '.' || p.table_name as name, extract(epoch from p.keep)::float8 * 1000 as keep_ms, p.changed_at
  from platform.retention_policies p
  where $1::text is null or p.tenant_id = $1::text
  order by p.tenant_id, p.schema_name, p.table_name
  limit 10000`,
)
const SET_AT_END = statement<unknown>(
  'platform.set_archiving',
  'select platform.set_archiving($1::text, $2::text, $3::boolean)',
)
const TABLES = statement<{ name: string; keep_ms: number | null; is_archived: boolean }>(
  'platform.list_retained_tables',
  `select r.schema_name || '.' || r.table_name as name, extract(epoch from r.retention)::float8 * 1000 as keep_ms,
    exists (select from platform.archived_tables d where d.schema_name = r.schema_name and d.table_name = r.table_name) as is_archived
  from platform.partitioned_tables r
  union all
  values ('delivery.webhook_deliveries', null::float8, false), ('memory.entity_versions', null, false),
    ('delivery.minute_rollups', null, false), ('delivery.hour_rollups', null, false), ('delivery.day_rollups', null, false)
  order by 1`,
)
export const RETENTION_STATEMENTS: readonly Statement<unknown>[] = [SET, LIST, SET_AT_END, TABLES]

const tableName = z
  .string()
  .regex(/^[a-z_]+\.[a-z_]+$/, 'is not the name of a table with its schema, like memory.events')
const policy = z.strictObject({
  tenant: text(1, 63),
  table: tableName,
  keepMs: z.int().min(86_400_000).max(3_153_600_000_000).nullable(),
})

export function createRetentionPolicies(database: Database): RetentionPolicies {
  return {
    async set(input) {
      const { tenant, table, keepMs } = check('policy', policy, input)
      await runAsOwner(database, SET, [tenant, ...table.split('.'), keepMs])
    },
    async setAtEnd(input) {
      const shape = z.strictObject({ table: tableName, atEnd: z.enum(['drop', 'archive']) })
      const { table, atEnd } = check('policy', shape, input)
      await runAsOwner(database, SET_AT_END, [...table.split('.'), atEnd === 'archive'])
    },
    async list(options = {}) {
      const { tenant } = check('options', z.strictObject({ tenant: text(1, 63).optional() }), options)
      return (await runAsOwner(database, LIST, [tenant ?? null])).map((row) => ({
        tenant: row.tenant_id,
        table: row.name,
        keepMs: row.keep_ms,
        changedAt: row.changed_at,
      }))
    },
    async tables() {
      return (await runAsOwner(database, TABLES, [])).map((row) => ({
        table: row.name,
        keepMs: row.keep_ms,
        atEnd: row.is_archived ? 'archive' : 'drop',
      }))
    },
  }
}
