import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement, statement } from '../../../database/statement.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, text } from '../../../input.js'
import { INGEST, REJECT } from './ingest.js'

/** A webhook that was kept aside. */
export interface RejectedWebhook {
  readonly deliveryId: string
  readonly event: string
  /** Why nothing of it was applied. */
  readonly reason: string
  /** What came, without the values of secret-like names; null when it was no JSON, or over 262,144 characters long. */
  readonly payload: unknown
  readonly receivedAt: Date
}

/** What is kept of webhooks besides what they told. */
export interface Webhooks {
  /** Webhooks that were kept aside, by delivery id, `limit` at a time (1 to 1000, 100), behind that of `after`. */
  rejects(options?: { after?: string; limit?: number; signal?: AbortSignal }): Promise<RejectedWebhook[]>
  /**
   * Forgets deliveries and rejects of more than `olderThanMs` ago (30 days), at most `limit` of each (10,000); how many there
   * were. What they told stays, and telling it again changes nothing. For a schedule.
   */
  prune(options?: { olderThanMs?: number; limit?: number; signal?: AbortSignal }): Promise<number>
}

interface Row {
  readonly delivery_id: string
  readonly event: string
  readonly reason: string
  readonly payload: unknown
  readonly received_at: Date
}

const LIST_REJECTS = readStatement<Row>(
  'delivery.list_webhook_rejects',
  `select delivery_id, event, reason, payload, received_at from delivery.webhook_rejects r
  where r.tenant_id = current_setting('pgfleet.tenant') and r.delivery_id > $1::text
  order by r.delivery_id
  limit $2::integer`,
)
const PRUNE = statement<{ pruned: number }>(
  'delivery.prune_webhooks',
  `select delivery.prune_webhooks(current_setting('pgfleet.tenant'), $1::float8 * interval '1 millisecond', $2::integer, $3::jsonb) as pruned`,
)

export const WEBHOOK_STATEMENTS: readonly Statement<unknown>[] = [INGEST.statement, REJECT, LIST_REJECTS, PRUNE]

const signal = z.instanceof(AbortSignal).optional()
const listOptions = z.strictObject({
  after: text(0, 100).default(''),
  limit: z.int().min(1).max(1000).default(100),
  signal,
})
const DAY_MS = 86_400_000
const pruneOptions = z.strictObject({
  olderThanMs: z
    .number()
    .min(0)
    .max(36_500 * DAY_MS)
    .default(30 * DAY_MS),
  limit: z.int().min(1).max(100_000).default(10_000),
  signal,
})

export function createWebhooks(session: Session, identity: Identity): Webhooks {
  const who = JSON.stringify(encodeIdentity(identity))
  return {
    async rejects(options = {}) {
      const { after, limit, signal } = check('options', listOptions, options)
      const how = { idempotent: true, ...(signal && { signal }) }
      return (await session.query(LIST_REJECTS, [after, limit], how)).map((row) => ({
        deliveryId: row.delivery_id,
        event: row.event,
        reason: row.reason,
        payload: row.payload,
        receivedAt: row.received_at,
      }))
    },
    async prune(options = {}) {
      const { olderThanMs, limit, signal } = check('options', pruneOptions, options)
      const how = { idempotent: true, ...(signal && { signal }) }
      const [row] = await session.query(PRUNE, [olderThanMs, limit, who], how)
      return row?.pruned ?? 0
    },
  }
}
