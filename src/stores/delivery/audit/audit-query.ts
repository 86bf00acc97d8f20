import { z } from 'zod'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement } from '../../../database/statement.js'
import { ACTOR_TYPES } from '../../../identity.js'
import { check, text } from '../../../input.js'
import {
  AUDIT_ACTIONS,
  AUDIT_RESULTS,
  type AuditAction,
  type AuditEntry,
  type AuditResult,
  type AuditRow,
  SECURITY_LEVELS,
  type SecurityLevel,
  toEntry,
} from './audit-entry.js'

/** Which entries are wanted. What is left out matches every entry; an entry matches all that is given. */
export interface AuditQuery {
  readonly entityType?: string
  /** Needs `entityType`. */
  readonly entityId?: string
  readonly actor?: { readonly type?: (typeof ACTOR_TYPES)[number]; readonly id?: string }
  readonly correlationId?: string
  readonly action?: AuditAction
  readonly result?: AuditResult
  readonly securityLevel?: SecurityLevel
  /** At this time or later, by the time inside the id: when it was recorded; of an interaction, when its agent says that it was. */
  readonly from?: Date
  /** Before this time. */
  readonly to?: Date
  /** By id, and so by time. @default 'desc' */
  readonly order?: 'asc' | 'desc'
  /** Most entries of the page, 1 to 1000; more where others have the id of the last of them. @default 100 */
  readonly limit?: number
  /** The `next` of the page before, with the same query. */
  readonly after?: string
  /**
   * Most entries looked at for the page, 1000 to 1000000, when they are found by what no index holds (actor, correlation id, action, result,
   * security level, a type without an id): a page may then be short, or empty, and have a `next`. @default 100000
   */
  readonly scanMax?: number
}

/** Some entries, and where to go on. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[]
  /** What `after` of the next page is; undefined when all was read. */
  readonly next: string | undefined
}

export const FIND_AUDIT_ENTRIES = readStatement<AuditRow & { reached: string }>(
  'delivery.find_audit_entries',
  `select f.reached, f.audit_id, f.recorded_at, f.entity_type, f.entity_id, f.action, f.result, f.security_level, f.actor_type,
    f.actor_id, f.correlation_id, f.changes
  from delivery.find_audit_entries(current_setting('pgfleet.tenant'), $1::jsonb) f`,
)

const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))
const query = z
  .strictObject({
    entityType: text(1, 100).optional(),
    entityId: text(1, 200).optional(),
    actor: z.strictObject({ type: z.enum(ACTOR_TYPES).optional(), id: text(1, 200).optional() }).optional(),
    correlationId: text(1, 200).optional(),
    action: z.enum(AUDIT_ACTIONS).optional(),
    result: z.enum(AUDIT_RESULTS).optional(),
    securityLevel: z.enum(SECURITY_LEVELS).optional(),
    from: moment.optional(),
    to: moment.optional(),
    order: z.enum(['asc', 'desc']).default('desc'),
    limit: z.int().min(1).max(1000).default(100),
    after: z.uuid().optional(),
    scanMax: z.int().min(1000).max(1_000_000).default(100_000),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    message: 'must be later than from',
  })
  .refine(({ entityType, entityId }) => entityType !== undefined || entityId === undefined, {
    path: ['entityId'],
    message: 'needs entityType',
  })

/** A page of the audit log. Errors: INPUT_INVALID. */
export async function listEntries(session: Session, input: AuditQuery, options?: CallOptions): Promise<AuditPage> {
  const wanted = check('query', query, input)
  const given = {
    entity_type: wanted.entityType,
    entity_id: wanted.entityId,
    correlation_id: wanted.correlationId,
    actor_type: wanted.actor?.type,
    actor_id: wanted.actor?.id,
    action: wanted.action,
    result: wanted.result,
    security_level: wanted.securityLevel,
    from: wanted.from,
    to: wanted.to,
    after: wanted.after,
    ascending: wanted.order === 'asc',
    limit: wanted.limit,
    scan: wanted.scanMax,
  }
  const rows = await session.query(FIND_AUDIT_ENTRIES, [JSON.stringify(given)], { ...options, idempotent: true })
  const last = rows.at(-1)
  const isEnd = last === undefined || last.audit_id !== null
  return {
    entries: (isEnd ? rows : rows.slice(0, -1)).map(toEntry),
    next: isEnd ? undefined : last.reached,
  }
}
