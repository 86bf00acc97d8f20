import { z } from 'zod'
import type { Database } from './database/database.js'
import { type Statement, statement } from './database/statement.js'
import { FleetError, isFleetError } from './errors.js'
import { check, members, text } from './input.js'
import { AS_OWNER, runAsOwner } from './tenants/as-owner.js'
import { createErasures, ERASURES_STATEMENTS, type Erasures } from './tenants/erasures.js'
import { createLegalHolds, LEGAL_HOLD_STATEMENTS, type LegalHolds } from './tenants/legal-holds.js'
import { assertTenantId } from './tenants/tenant-id.js'
import { createTransfers, TRANSFER_STATEMENTS, type Transfers } from './tenants/transfers.js'

/** What is counted of every tenant: rows, and the bytes that artifacts are stored in. */
export const COUNTED_RESOURCES = [
  'q_values',
  'trajectories',
  'patterns',
  'sessions',
  'artifacts',
  'artifact_bytes',
] as const

/** What may be counted and limited. What is not among COUNTED_RESOURCES may be very much, and is counted where it has a quota. */
export const RESOURCES = [
  ...COUNTED_RESOURCES,
  'vectors',
  'entities',
  'events',
  'hook_executions',
  'key_values',
  'workflows',
] as const
export type Resource = (typeof RESOURCES)[number]

/**
 * Limits that hold for each key, value and entity of the metadata store: characters of a key (200 where absent, at most
 * 500), bytes of a value (65,536, at most 1 MiB), keys of an entity (1,000).
 */
export const METADATA_LIMITS = ['metadata_key_length', 'metadata_value_bytes', 'metadata_keys_per_entity'] as const
export type MetadataLimit = (typeof METADATA_LIMITS)[number]

/** Most rows allowed, by resource, where an absent one has no limit; and limits of the metadata store. */
export type Quotas = Partial<Record<Resource | MetadataLimit, number>>

/** A tenant to create. */
export interface NewTenant {
  /** 1 to 63 characters: a-z, 0-9, "-", "_" or ".", beginning with a letter or digit. Never changes. */
  readonly id: string
  readonly displayName?: string
  readonly quotas?: Quotas
  readonly metadata?: Record<string, unknown>
}

/** A tenant as it is. */
export interface TenantRecord {
  readonly id: string
  readonly displayName: string | null
  readonly quotas: Quotas
  readonly metadata: Record<string, unknown>
  readonly createdAt: Date
  /** Only what is active can be used; the others are being erased or imported. */
  readonly state: 'active' | 'erasing' | 'importing'
}

/** Rows of a tenant when last measured. */
export interface Usage {
  readonly resource: Resource
  readonly rows: number
  readonly measuredAt: Date
}

/** Creates, lists, limits, holds, moves and erases tenants. Needs a login that may act as pgfleet_owner; others get PERMISSION_DENIED. */
export interface Tenants extends LegalHolds, Erasures, Transfers {
  /**
   * Errors: TENANT_EXISTS, unless `ifNotExists`; TENANT_ERASED when one of that id was erased, unless `reuse`;
   * TENANT_INVALID.
   */
  create(tenant: NewTenant, options?: { ifNotExists?: boolean; reuse?: boolean }): Promise<void>
  /** All tenants by id, `limit` at a time; `after` continues behind that id. @default limit 1000 */
  list(options?: { after?: string; limit?: number }): Promise<TenantRecord[]>
  /** Replaces the quotas. Errors: TENANT_UNKNOWN. */
  setQuotas(id: string, quotas: Quotas): Promise<void>
  /** Counts the tenant's rows, of what may be very many only what has a quota; quotas are enforced against the last count. Reads every row: for a schedule, not a request. */
  measure(id: string): Promise<Usage[]>
}

const CREATE = statement<unknown>(
  'platform.create_tenant',
  'select platform.create_tenant($1::text, $2::text, $3::jsonb, $4::jsonb, $5::boolean)',
)

const LIST = statement<{
  tenant_id: string
  display_name: string | null
  quotas: Quotas
  metadata: Record<string, unknown>
  created_at: Date
  state: TenantRecord['state']
}>(
  'platform.list_tenants',
  `select t.tenant_id, t.display_name, t.quotas, t.metadata, t.created_at, t.state
  from platform.tenants t
  where t.tenant_id > $1::text
  order by t.tenant_id
  limit $2::integer`,
)

const SET_QUOTAS = statement<{ tenant_id: string }>(
  'platform.set_quotas',
  'update platform.tenants t set quotas = $2::jsonb where t.tenant_id = $1::text returning t.tenant_id',
)

const MEASURE = statement<{ resource: Resource; row_count: number; measured_at: Date }>(
  'platform.measure_usage',
  'select m.resource, m.row_count, m.measured_at from platform.measure_usage($1::text) m',
)

/** Every statement of this file, for the test that prepares them all. */
export const TENANT_STATEMENTS: readonly Statement<unknown>[] = [
  CREATE,
  LIST,
  SET_QUOTAS,
  MEASURE,
  AS_OWNER,
  ...LEGAL_HOLD_STATEMENTS,
  ...ERASURES_STATEMENTS,
  ...TRANSFER_STATEMENTS,
]

const quotas = z.partialRecord(z.enum([...RESOURCES, ...METADATA_LIMITS]), z.int().min(0).max(Number.MAX_SAFE_INTEGER))
const newTenant = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/),
  displayName: text(0, 200).optional(),
  quotas: quotas.default({}),
  metadata: members.default({}),
})

export function createTenants(database: Database): Tenants {
  const asOwner = <Row>(work: Statement<Row>, values: readonly unknown[]) => runAsOwner(database, work, values)
  return {
    ...createLegalHolds(database),
    ...createErasures(database),
    ...createTransfers(database),
    async create(tenant, options = {}) {
      assertTenantId(tenant?.id)
      const { id, displayName, quotas, metadata } = check('tenant', newTenant, tenant)
      try {
        await asOwner(CREATE, [
          id,
          displayName ?? null,
          JSON.stringify(quotas),
          JSON.stringify(metadata),
          options.reuse ?? false,
        ])
      } catch (error) {
        if (!(options.ifNotExists && isFleetError(error, 'TENANT_EXISTS'))) throw error
      }
    },
    async list(options = {}) {
      const { after, limit } = check(
        'options',
        z.strictObject({ after: z.string().default(''), limit: z.int().min(1).max(10_000).default(1000) }),
        options,
      )
      const rows = await asOwner(LIST, [after, limit])
      return rows.map((row) => ({
        id: row.tenant_id,
        displayName: row.display_name,
        quotas: row.quotas,
        metadata: row.metadata,
        createdAt: row.created_at,
        state: row.state,
      }))
    },
    async setQuotas(id, next) {
      assertTenantId(id)
      const rows = await asOwner(SET_QUOTAS, [id, JSON.stringify(check('quotas', quotas, next))])
      if (rows.length === 0) throw new FleetError('TENANT_UNKNOWN', { message: `there is no tenant '${id}'` })
    },
    async measure(id) {
      assertTenantId(id)
      const rows = await database.run(MEASURE, [id], { idempotent: true })
      return rows.map((row) => ({ resource: row.resource, rows: row.row_count, measuredAt: row.measured_at }))
    },
  }
}
