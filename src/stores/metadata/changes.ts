import { z } from 'zod'
import type { CallOptions } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { type Statement, statement } from '../../database/statement.js'
import { check, text } from '../../input.js'
import { cursorText, type LogPosition, toCursor, toPosition } from '../../log-position.js'
import type { Change, LoggedChange } from './change.js'
import { decodeValue, type ValueType } from './value.js'

/** What of a group is wanted; a change has to match all that is given. */
export interface ChangeFilter {
  /** The sync group. */
  readonly group: string
  /** Only entities in this channel. @default those in any channel, and in none */
  readonly channel?: string
  /** Only entities of these names, 1 to 1,000. @default all */
  readonly entities?: readonly string[]
  /** Only these keys, 1 to 1,000. Entities that leave are told of whatever their keys. @default all */
  readonly keys?: readonly string[]
}

/** Which changes, and how many at once. */
export interface ChangesQuery extends ChangeFilter {
  /** About how many keys are looked at, 1 to 5,000; those of one write stay together. @default 1000 */
  readonly limit?: number
}

/** A page of changes. */
export interface ChangePage {
  /** In the order of the log, each key once. */
  readonly changes: Change[]
  /** Go on behind it. */
  readonly cursor: string
  /** There is more to read at once. */
  readonly more: boolean
}

/** What reading the log takes. */
export interface ChangesRequest {
  readonly group: string
  /** Whose right to read is checked; undefined: the service itself. */
  readonly agent: string | undefined
  /** Undefined: only where the log ends now. */
  readonly position: LogPosition | undefined
  readonly channel?: string | undefined
  readonly entities?: readonly string[] | undefined
  readonly keys?: readonly string[] | undefined
  readonly limit: number
}

/** What was read of the log. */
export interface ReadChanges {
  /** In the order of the log. */
  readonly changes: LoggedChange[]
  readonly position: LogPosition
  readonly more: boolean
  /** Something was committed that cannot be read yet, because an older transaction runs. */
  readonly isWaiting: boolean
  readonly tickMs: number
  /** Whose rights have changed; undefined: nobody's. Empty: anybody's. */
  readonly agentIds: readonly string[] | undefined
}

interface ChangeRow {
  readonly kind: 'set' | 'deleted' | 'left' | 'end'
  readonly place: number
  readonly transaction_id: string
  readonly sequence: string
  readonly entity_id: string
  readonly entity: string
  readonly channel: string | null
  readonly is_here: boolean
  readonly key: string
  readonly version: number
  readonly updated_at: Date
  readonly updated_by: string | null
  readonly type: ValueType
  readonly value: string
  readonly log: string
  readonly more: boolean
  readonly is_waiting: boolean
  readonly tick_ms: number
  readonly agent_ids: string[] | null
}

export const READ_CHANGES = statement<ChangeRow>(
  'metadata.read_changes',
  `select c.kind, c.place, c.transaction_id::text as transaction_id, c.sequence::text as sequence, c.entity_id, c.entity, c.channel,
    c.is_here, c.key, c.version, c.updated_at, c.updated_by, c.type, c.value, c.log, c.more, c.is_waiting, c.tick_ms, c.agent_ids
  from metadata.read_changes(current_setting('pgfleet.tenant'), $1::text, $2::text, $3::text, $4::xid8, $5::bigint, $6::text, $7::text[],
    $8::text[], $9::integer) c`,
)

export const CHANGE_STATEMENTS: readonly Statement<unknown>[] = [READ_CHANGES]

/** The members of a filter, checked. */
export const changeFilter = {
  group: text(1, 100),
  channel: text(1, 100).optional(),
  entities: z.array(text(1, 200)).min(1).max(1000).optional(),
  keys: z.array(text(1, 500)).min(1).max(1000).optional(),
}

const changesQuery = z.strictObject({ ...changeFilter, limit: z.int().min(1).max(5000).default(1000) })

/**
 * The next changes behind a cursor, or with `now` none and the cursor of this moment. Errors: INPUT_INVALID,
 * SYNC_GROUP_UNKNOWN, PERMISSION_DENIED, CURSOR_STALE, METADATA_CURSOR_TOO_OLD.
 */
export async function changesSince(
  session: Session,
  agent: string | undefined,
  cursor: string,
  input: ChangesQuery,
  options: Pick<CallOptions, 'signal'> = {},
): Promise<ChangePage> {
  const since = check('cursor', cursorText.or(z.literal('now', 'is neither a cursor nor now')), cursor)
  const query = check('query', changesQuery, input)
  const { changes, position, more } = await readChanges(
    session,
    { ...query, agent, position: toPosition(since) },
    options,
  )
  return {
    changes: changes.filter(({ isHere }) => query.channel !== undefined || !isHere).map(({ change }) => change),
    cursor: toCursor(position),
    more,
  }
}

/** Reads the log once. Errors: as `changesSince`, but for the input. */
export async function readChanges(
  session: Session,
  { group, agent, position, channel, entities, keys, limit }: ChangesRequest,
  options: Pick<CallOptions, 'signal'> = {},
): Promise<ReadChanges> {
  const rows = await session.query(
    READ_CHANGES,
    [
      group,
      agent ?? null,
      position?.log ?? null,
      position?.transaction.toString() ?? null,
      position?.sequence.toString() ?? null,
      channel ?? null,
      entities ?? null,
      keys ?? null,
      limit,
    ],
    { ...options, idempotent: true },
  )
  const end = rows.find((row) => row.kind === 'end')
  if (end === undefined) throw new Error('metadata.read_changes returned no end')
  const { log } = end
  const changes = rows
    .filter((row) => row !== end)
    // Who leaves makes room for who comes by the same name in the same transaction.
    .sort((a, b) => a.place - b.place || Number(b.kind === 'left') - Number(a.kind === 'left'))
    .map(
      (row): LoggedChange => ({
        change: toChange(row),
        position: positionOf(row, log),
        isHere: row.kind === 'left' && row.is_here,
      }),
    )
  return {
    changes,
    position: positionOf(end, log),
    more: end.more,
    isWaiting: end.is_waiting,
    tickMs: end.tick_ms,
    agentIds: end.agent_ids ?? undefined,
  }
}

const positionOf = (row: ChangeRow, log: string): LogPosition => ({
  log,
  transaction: BigInt(row.transaction_id),
  sequence: BigInt(row.sequence),
})

function toChange(row: ChangeRow): Change {
  const place = { entity: row.entity, entityId: row.entity_id, channel: row.channel }
  switch (row.kind) {
    case 'set':
      return {
        kind: 'set',
        ...place,
        key: row.key,
        version: row.version,
        type: row.type,
        value: decodeValue(row.type, row.value),
        updatedAt: row.updated_at,
        updatedBy: row.updated_by,
      }
    case 'deleted':
      return { kind: 'deleted', ...place, key: row.key, version: row.version, updatedAt: row.updated_at }
    default:
      return { kind: 'left', ...place }
  }
}
