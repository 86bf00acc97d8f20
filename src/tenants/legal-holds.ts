import { z } from 'zod'
import type { Database } from '../database/database.js'
import { sqlstateOf } from '../database/failure.js'
import { type Statement, statement } from '../database/statement.js'
import { FleetError } from '../errors.js'
import { newId } from '../id.js'
import { check, text } from '../input.js'
import { runAsOwner } from './as-owner.js'
import { assertTenantId } from './tenant-id.js'

/** A legal hold to place. */
export interface NewLegalHold {
  /** The case or the order that it goes back to, 1 to 1000 characters. */
  readonly reason: string
  /** Who places it, 1 to 200 characters. */
  readonly by: string
  /** A UUIDv7; with the same one a repeated call places one hold. @default a new one */
  readonly holdId?: string
}

/** A legal hold: it stands until it is lifted, and stays as a record then. */
export interface LegalHold {
  readonly holdId: string
  readonly reason: string
  readonly placedBy: string
  readonly placedAt: Date
  /** Null while it stands. */
  readonly liftedAt: Date | null
  readonly liftedBy: string | null
}

/** Places, lifts and lists legal holds. While one stands, nothing of the tenant is erased. */
export interface LegalHolds {
  /**
   * Places a hold, and resolves once it is committed: from then on no row of the tenant is erased.
   * Errors: TENANT_UNKNOWN, ID_CONFLICT when the id is that of another hold.
   */
  hold(id: string, hold: NewLegalHold): Promise<LegalHold>
  /** Ends a hold; one that was lifted before stays as it was. Errors: HOLD_UNKNOWN. */
  lift(id: string, holdId: string, lift: { by: string }): Promise<LegalHold>
  /** The tenant's holds, also those that were lifted, oldest first. Errors: TENANT_UNKNOWN. */
  holds(id: string): Promise<LegalHold[]>
}

interface LegalHoldRow {
  hold_id: string
  reason: string
  placed_by: string
  placed_at: Date
  lifted_at: Date | null
  lifted_by: string | null
}

const PLACE = statement<LegalHoldRow & { is_same: boolean }>(
  'platform.place_legal_hold',
  // The update changes nothing; it returns the row that was there.
  `insert into platform.legal_holds as h (tenant_id, hold_id, reason, placed_by)
  values ($1::text, $2::uuid, $3::text, $4::text)
  on conflict (tenant_id, hold_id) do update set hold_id = excluded.hold_id
  returning h.hold_id, h.reason, h.placed_by, h.placed_at, h.lifted_at, h.lifted_by,
    h.reason = $3::text and h.placed_by = $4::text as is_same`,
)

const LIFT = statement<LegalHoldRow>(
  'platform.lift_legal_hold',
  `update platform.legal_holds h
  set lifted_at = coalesce(h.lifted_at, now()), lifted_by = coalesce(h.lifted_by, $3::text)
  where h.tenant_id = $1::text and h.hold_id = $2::uuid
  returning h.hold_id, h.reason, h.placed_by, h.placed_at, h.lifted_at, h.lifted_by`,
)

const LIST = statement<Partial<LegalHoldRow>>(
  'platform.list_legal_holds',
  `select h.hold_id, h.reason, h.placed_by, h.placed_at, h.lifted_at, h.lifted_by
  from platform.tenants t
  left join platform.legal_holds h on h.tenant_id = t.tenant_id
  where t.tenant_id = $1::text
  order by h.placed_at, h.hold_id`,
)

/** Every statement of this file, for the test that prepares them all. */
export const LEGAL_HOLD_STATEMENTS: readonly Statement<unknown>[] = [PLACE, LIFT, LIST]

const newLegalHold = z.strictObject({
  reason: text(1, 1000),
  by: text(1, 200),
  holdId: z.uuidv7().optional(),
})

export function createLegalHolds(database: Database): LegalHolds {
  return {
    async hold(id, hold) {
      assertTenantId(id)
      const { reason, by, holdId = newId() } = check('hold', newLegalHold, hold)
      const [placed] = await runAsOwner(database, PLACE, [id, holdId, reason, by]).catch((error) => {
        if (sqlstateOf(error) === '23503') throw unknownTenant(id)
        throw error
      })
      if (!placed?.is_same) {
        throw new FleetError('ID_CONFLICT', {
          message: `the id ${holdId} is that of another hold`,
          field: 'hold.holdId',
        })
      }
      return toLegalHold(placed)
    },
    async lift(id, holdId, lift) {
      assertTenantId(id)
      check('holdId', z.uuid(), holdId)
      const { by } = check('lift', z.strictObject({ by: text(1, 200) }), lift)
      const [lifted] = await runAsOwner(database, LIFT, [id, holdId, by])
      if (lifted === undefined) {
        throw new FleetError('HOLD_UNKNOWN', { message: `tenant '${id}' has no hold ${holdId}`, field: 'holdId' })
      }
      return toLegalHold(lifted)
    },
    async holds(id) {
      assertTenantId(id)
      const rows = await runAsOwner(database, LIST, [id])
      if (rows.length === 0) throw unknownTenant(id)
      return rows.filter((row): row is LegalHoldRow => row.hold_id != null).map(toLegalHold)
    },
  }
}

function unknownTenant(id: string): FleetError {
  return new FleetError('TENANT_UNKNOWN', { message: `there is no tenant '${id}'` })
}

function toLegalHold(row: LegalHoldRow): LegalHold {
  return {
    holdId: row.hold_id,
    reason: row.reason,
    placedBy: row.placed_by,
    placedAt: row.placed_at,
    liftedAt: row.lifted_at,
    liftedBy: row.lifted_by,
  }
}
