import { z } from 'zod'
import type { Database } from '../database/database.js'
import { type Statement, statement } from '../database/statement.js'
import { newId } from '../id.js'
import { check, text } from '../input.js'
import { runAsOwner } from './as-owner.js'
import {
  continueErasure,
  ERASURE_STATEMENTS,
  type EraseOptions,
  type EraseProgress,
  type Erasure,
  eraseSteps,
  eraseTenant,
  LOWEST_ID,
  readErasures,
} from './erasure.js'
import { assertTenantId } from './tenant-id.js'

/** How erasures are applied again. */
export interface ReapplyOptions {
  /** Who orders it, 1 to 200 characters. */
  readonly by: string
  /** Receipts that were kept elsewhere, at most 10,000: those that the restored database does not know are recorded first. */
  readonly receipts?: readonly Erasure[]
  /** As for `erase`. */
  readonly rowsMax?: number
  /** As for `erase`. */
  readonly waitMs?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: EraseProgress) => void
}

/** Erases tenants, and keeps the receipts. */
export interface Erasures {
  /**
   * Removes everything of a tenant, and returns the receipt. First nobody enters the tenant any more (TENANT_UNAVAILABLE); then
   * rows go step by step, each a transaction. When it was interrupted, calling again goes on. The id stays taken by the
   * receipt. For a tenant whose import was interrupted it cleans up, and frees the id. Errors: TENANT_UNKNOWN; TENANT_HELD, also
   * when a hold comes in the middle: what is left then stays; TIMEOUT when older transactions do not end; ABORTED.
   */
  erase(id: string, options: EraseOptions): Promise<Erasure>
  /** Receipts, of one tenant or of all, by tenant and age; `after` continues behind one. @default limit 1000 */
  erasures(options?: { tenant?: string; after?: Erasure; limit?: number }): Promise<Erasure[]>
  /**
   * Erases again what came back with a backup or an archive: each tenant that has a receipt, and has rows. A tenant that was made
   * under a reused id is another one, and is left alone. Returns the receipts of what was done. When it was interrupted, calling again
   * goes on. Errors: as `erase`; INPUT_INVALID for a receipt that is none.
   */
  reapplyErasures(options: ReapplyOptions): Promise<Erasure[]>
}

const APPLY = statement<{ tenant_id: string; tombstone_id: string; erasure_id: string | null }>(
  'platform.apply_erasures',
  'select a.tenant_id, a.tombstone_id, a.erasure_id from platform.apply_erasures($1::text, $2::uuid, $3::text, $4::uuid) a',
)

const RECORD = statement<unknown>(
  'platform.record_erasures',
  `insert into platform.erasures (tenant_id, erasure_id, reason, erased_by, started_at, finished_at, seal_number, seal_hash, row_counts)
  select x.tenant_id, x.erasure_id, x.reason, x.erased_by, x.started_at, x.finished_at, x.seal_number, decode(x.seal_hash, 'hex'), x.row_counts
  from jsonb_to_recordset($1::jsonb) as x(tenant_id text, erasure_id uuid, reason text, erased_by text, started_at timestamptz,
    finished_at timestamptz, seal_number bigint, seal_hash text, row_counts jsonb)
  order by x.tenant_id, x.erasure_id
  on conflict (tenant_id, erasure_id) do nothing`,
)

/** Every statement of erasures, for the test that prepares them all. */
export const ERASURES_STATEMENTS: readonly Statement<unknown>[] = [...ERASURE_STATEMENTS, APPLY, RECORD]

const time = z.union([z.date(), z.iso.datetime().transform((text) => new Date(text))])

/** A receipt, as the library gives it or as it comes out of JSON. */
const receipt = z.object({
  tenant: text(1, 63),
  erasureId: z.uuid(),
  reason: text(1, 1000),
  by: text(1, 200),
  startedAt: time,
  finishedAt: time,
  reusedAt: z.null('is of an id that was reused'),
  auditHead: z.object({ seal: z.int().min(1), hash: z.hex().length(64) }).nullable(),
  tables: z.record(z.string(), z.int().min(0)),
})

const reapplyOptions = eraseSteps.extend({
  by: text(1, 200),
  receipts: z.array(receipt).max(10_000).default([]),
})

const listOptions = z.strictObject({
  tenant: z.string().optional(),
  after: z.object({ tenant: z.string(), erasureId: z.uuid() }).optional(),
  limit: z.int().min(1).max(10_000).default(1000),
})

export function createErasures(database: Database): Erasures {
  return {
    erase: (id, options) => eraseTenant(database, id, options),
    async erasures(options = {}) {
      const { tenant, after, limit } = check('options', listOptions, options)
      if (tenant !== undefined) assertTenantId(tenant)
      return await readErasures(database, [after?.tenant ?? '', after?.erasureId ?? LOWEST_ID], tenant ?? null, limit)
    },
    async reapplyErasures(options) {
      const { by, receipts, ...steps } = check('options', reapplyOptions, options)
      if (receipts.length > 0) await runAsOwner(database, RECORD, [JSON.stringify(receipts.map(toRow))])
      const done: Erasure[] = []
      for (let place: readonly [string, string] = ['', LOWEST_ID]; ; ) {
        const [looked] = await runAsOwner(database, APPLY, [by, newId(), ...place])
        if (looked === undefined) return done
        if (looked.erasure_id !== null) {
          done.push(await continueErasure(database, looked.tenant_id, looked.erasure_id, steps))
        }
        place = [looked.tenant_id, looked.tombstone_id]
      }
    },
  }
}

function toRow(one: z.output<typeof receipt>): Record<string, unknown> {
  assertTenantId(one.tenant)
  return {
    tenant_id: one.tenant,
    erasure_id: one.erasureId,
    reason: one.reason,
    erased_by: one.by,
    started_at: one.startedAt,
    finished_at: one.finishedAt,
    seal_number: one.auditHead?.seal ?? null,
    seal_hash: one.auditHead?.hash ?? null,
    row_counts: one.tables,
  }
}
