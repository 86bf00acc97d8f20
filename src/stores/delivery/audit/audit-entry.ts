import { z } from 'zod'
import { STATE_LENGTH_MAX, toJson } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { newId } from '../../../id.js'
import { type Actor, encodeIdentity, type Identity } from '../../../identity.js'
import { check, members, text } from '../../../input.js'

export const AUDIT_ACTIONS = [
  'create',
  'read',
  'update',
  'delete',
  'execute',
  'approve',
  'reject',
  'start',
  'stop',
  'pause',
  'resume',
  'deploy',
  'rollback',
  'login',
  'logout',
] as const
export const AUDIT_RESULTS = ['success', 'failure', 'partial', 'timeout', 'cancelled'] as const
export const SECURITY_LEVELS = ['low', 'normal', 'high', 'critical'] as const

/** What was done. */
export type AuditAction = (typeof AUDIT_ACTIONS)[number]
/** How it ended. */
export type AuditResult = (typeof AUDIT_RESULTS)[number]
/** How much it matters to security. */
export type SecurityLevel = (typeof SECURITY_LEVELS)[number]

/** An entry of the caller's own, like a login or an approval; who did it is the identity of `tenant.as()`. */
export interface NewAuditEntry {
  /** A UUIDv7 of the last hour; recording it twice keeps the first. @default one is made */
  readonly id?: string
  /** What it was done to, 1 to 100 characters, like `deployment`. */
  readonly entityType: string
  /** Which one, 1 to 200 characters. */
  readonly entityId: string
  readonly action: AuditAction
  /** @default 'success' */
  readonly result?: AuditResult
  /** @default 'normal' */
  readonly securityLevel?: SecurityLevel
  /** Any JSON object, at most 65536 characters of it; values of secret-like names are redacted. @default {} */
  readonly changes?: Readonly<Record<string, unknown>>
}

/**
 * An entry as it is kept: of the audit log, of whose rows one may hold several, or an interaction of an agent, which is its own entry, or an
 * agent session or workflow, which is the entry of its creation.
 */
export interface AuditEntry {
  /** A UUIDv7; of an interaction, or what was created, its own. */
  readonly id: string
  readonly recordedAt: Date
  readonly entityType: string
  readonly entityId: string
  readonly action: AuditAction
  readonly result: AuditResult
  readonly securityLevel: SecurityLevel
  /** Undefined when the call was made on nobody's behalf. */
  readonly actor: Actor | undefined
  readonly correlationId: string | undefined
  /** The changed fields: [before, after], or for what was created the value alone. */
  readonly changes: Readonly<Record<string, unknown>>
}

/** The columns of an entry. */
export interface AuditRow {
  readonly audit_id: string
  readonly recorded_at: Date
  readonly entity_type: string
  readonly entity_id: string
  readonly action: AuditAction
  readonly result: AuditResult
  readonly security_level: SecurityLevel
  readonly actor_type: Actor['type'] | null
  readonly actor_id: string | null
  readonly correlation_id: string | null
  readonly changes: Record<string, unknown>
}

interface Item {
  readonly id: string
  readonly json: string
}

export const RECORD_AUDIT: Operation<Item, object, string> = {
  name: 'delivery.audit.record',
  statement: statement('delivery.record_audit', 'select ordinal from delivery.record_audit($1::text, $2::jsonb)'),
  writes: true,
  itemsMax: 2000,
  encode: (item) => item.json,
  decode: (_, { id }) => id,
  isIdempotent: () => true,
}

const entries = z.array(
  z.strictObject({
    id: z.uuidv7().optional(),
    entityType: text(1, 100),
    entityId: text(1, 200),
    action: z.enum(AUDIT_ACTIONS),
    result: z.enum(AUDIT_RESULTS).default('success'),
    securityLevel: z.enum(SECURITY_LEVELS).default('normal'),
    changes: members.default({}),
  }),
)

/** Records entries, all of a call or none. Errors: INPUT_INVALID, ID_OUT_OF_WINDOW, ID_CONFLICT. */
export async function recordEntries(
  session: Session,
  identity: Identity,
  input: readonly NewAuditEntry[],
  options?: CallOptions,
): Promise<string[]> {
  const items = check('entries', entries, input).map((entry, index): Item => {
    const json = toJson(`entries[${index}].changes`, entry.changes, STATE_LENGTH_MAX)
    const id = entry.id?.toLowerCase() ?? newId()
    const rest = {
      id,
      entity_type: entry.entityType,
      entity_id: entry.entityId,
      action: entry.action,
      result: entry.result,
      security_level: entry.securityLevel,
      ...encodeIdentity(identity),
    }
    return { id, json: `${JSON.stringify(rest).slice(0, -1)},"changes":${json}}` }
  })
  return await session.submit(RECORD_AUDIT, items, options)
}

export function toEntry(row: AuditRow): AuditEntry {
  return {
    id: row.audit_id,
    recordedAt: row.recorded_at,
    entityType: row.entity_type,
    entityId: row.entity_id,
    action: row.action,
    result: row.result,
    securityLevel: row.security_level,
    actor: row.actor_type === null || row.actor_id === null ? undefined : { type: row.actor_type, id: row.actor_id },
    correlationId: row.correlation_id ?? undefined,
    changes: row.changes,
  }
}
