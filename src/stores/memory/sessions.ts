import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { toContent, toJson } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { check, members } from '../../input.js'

/** What a session may be; `expired` is what time makes of any of the others. */
export type SessionState = 'active' | 'suspended' | 'completed' | 'failed' | 'archived'

/** What an agent or a conversation keeps between calls. */
export interface MemorySession {
  readonly id: string
  readonly state: SessionState | 'expired'
  readonly data: Record<string, unknown>
  /** Grows by one with every change of data or state. */
  readonly version: number
  /** Days that it is kept after its last change or touch. */
  readonly retentionDays: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** When it was last changed or touched, to the minute. */
  readonly lastAccessedAt: Date
  /** When it was completed or failed. */
  readonly endedAt: Date | null
  readonly expiresAt: Date
}

/** A session to create. */
export interface NewMemorySession {
  /** A UUIDv7; creating with the same id and data again finds the session that is there. @default a new one */
  readonly id?: string
  /** Any JSON object of at most 262,144 characters. @default {} */
  readonly data?: Record<string, unknown>
  /** 1 to 36,500. @default 30 */
  readonly retentionDays?: number
}

/** A change of a session; with an id alone it touches it. */
export interface SessionChange {
  readonly id: string
  /** Replaces the data. */
  readonly data?: Record<string, unknown>
  /** Its members replace those of the data that have the same name. */
  readonly patch?: Record<string, unknown>
  readonly state?: SessionState
  /** Refuses the change with VERSION_CONFLICT when the session is at another version. */
  readonly expectedVersion?: number
  readonly retentionDays?: number
}

/** Sessions of one tenant. */
export interface MemorySessions {
  /** Creates sessions, active. Errors: INPUT_INVALID, ID_CONFLICT, QUOTA_EXCEEDED. */
  create(session?: NewMemorySession, options?: CallOptions): Promise<MemorySession>
  create(sessions: readonly NewMemorySession[], options?: CallOptions): Promise<MemorySession[]>
  /** Undefined when there is none, or it has expired. Writes nothing; to renew the expiry by reading, touch. */
  get(id: string, options?: CallOptions): Promise<MemorySession | undefined>
  get(ids: readonly string[], options?: CallOptions): Promise<(MemorySession | undefined)[]>
  /**
   * Changes sessions and renews their expiry; one call's changes all count, or none does. Errors: INPUT_INVALID,
   * SESSION_UNKNOWN, SESSION_STATE_ILLEGAL, VERSION_CONFLICT; OUTCOME_UNKNOWN when the connection is lost.
   */
  update(change: SessionChange, options?: CallOptions): Promise<MemorySession>
  update(changes: readonly SessionChange[], options?: CallOptions): Promise<MemorySession[]>
  /** Goes to another state: `update` with a state. Going to the state that it is in changes nothing. */
  transition(
    id: string,
    state: SessionState,
    change?: Omit<SessionChange, 'id' | 'state'> & CallOptions,
  ): Promise<MemorySession>
  /** Renews the expiry and returns the session; writes once a minute at most. Errors: SESSION_UNKNOWN, SESSION_STATE_ILLEGAL. */
  touch(id: string, options?: CallOptions): Promise<MemorySession>
  touch(ids: readonly string[], options?: CallOptions): Promise<MemorySession[]>
  /** Deletes sessions with their artifacts; false for one that was not there. */
  delete(id: string, options?: CallOptions): Promise<boolean>
  delete(ids: readonly string[], options?: CallOptions): Promise<boolean[]>
  /**
   * Newest first, `limit` at a time; `after` continues behind the session of that id. Expired ones are listed only when
   * asked for. @default limit 100
   */
  list(options?: {
    state?: SessionState | 'expired'
    after?: string
    limit?: number
    signal?: AbortSignal
  }): Promise<MemorySession[]>
  /** Deletes at most `limit` expired sessions with their artifacts; how many there were. For a schedule. @default limit 1000 */
  deleteExpired(options?: { limit?: number; signal?: AbortSignal }): Promise<number>
}

/** Most characters of a session's data, as canonical JSON. */
export const SESSION_DATA_LENGTH_MAX = 262_144

interface Row {
  readonly session_id: string
  readonly state: SessionState
  readonly data: Record<string, unknown>
  readonly version: number
  readonly retention_days: number
  readonly created_at: Date
  readonly updated_at: Date
  readonly last_accessed_at: Date
  readonly ended_at: Date | null
  readonly expires_at: Date
}

const COLUMNS =
  'session_id, state, data, version, retention_days, created_at, updated_at, last_accessed_at, ended_at, expires_at'

const plain = (item: string) => item
const toKnown = (row: Row | undefined): MemorySession => {
  if (row === undefined) throw new Error('the database returned no row for a session')
  return toSession(row)
}

export const CREATE: Operation<string, Row, MemorySession> = {
  name: 'memory.create_sessions',
  statement: statement(
    'memory.create_sessions',
    `select ordinal, ${COLUMNS} from memory.create_sessions($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 2000,
  encode: plain,
  decode: toKnown,
  isIdempotent: () => true,
}

export const GET: Operation<string, Row, MemorySession | undefined> = {
  name: 'memory.get_sessions',
  statement: statement(
    'memory.get_sessions',
    `select ordinal, ${COLUMNS} from memory.get_sessions($1::text, $2::jsonb)`,
  ),
  writes: false,
  itemsMax: 2000,
  encode: plain,
  decode: (row) => row && toSession(row),
  isIdempotent: () => true,
}

/** A change as it travels. */
interface Encoded {
  readonly text: string
  readonly idempotent: boolean
}

export const CHANGE: Operation<Encoded, Row, MemorySession> = {
  name: 'memory.change_sessions',
  statement: statement(
    'memory.change_sessions',
    `select ordinal, ${COLUMNS} from memory.change_sessions($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 2000,
  encode: (item) => item.text,
  decode: toKnown,
  isIdempotent: (item) => item.idempotent,
}

export const DELETE: Operation<string, { deleted: boolean }, boolean> = {
  name: 'memory.delete_sessions',
  statement: statement(
    'memory.delete_sessions',
    'select ordinal, deleted from memory.delete_sessions($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 2000,
  encode: plain,
  decode: (row) => row?.deleted ?? false,
  isIdempotent: () => true,
}

const LIST = readStatement<Row>(
  'memory.list_sessions',
  `select ${COLUMNS} from memory.sessions s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.expires_at > now() and ($1::uuid is null or s.session_id < $1::uuid)
  order by s.session_id desc
  limit $2::integer`,
)
const LIST_IN_STATE = readStatement<Row>(
  'memory.list_sessions_in_state',
  `select ${COLUMNS} from memory.sessions s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.state = $3::text and s.expires_at > now()
    and ($1::uuid is null or s.session_id < $1::uuid)
  order by s.session_id desc
  limit $2::integer`,
)
const LIST_EXPIRED = readStatement<Row>(
  'memory.list_expired_sessions',
  `select ${COLUMNS} from memory.sessions s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.expires_at <= now() and ($1::uuid is null or s.session_id < $1::uuid)
  order by s.session_id desc
  limit $2::integer`,
)
const DELETE_EXPIRED = statement<{ deleted: number }>(
  'memory.delete_expired_sessions',
  `select cardinality(memory.drop_sessions(current_setting('pgfleet.tenant'), array(
    select s.session_id from memory.sessions s
    where s.tenant_id = current_setting('pgfleet.tenant') and s.expires_at <= now()
    order by s.expires_at
    limit $1::integer
  ), now())) as deleted`,
)

export const SESSION_STATEMENTS: readonly Statement<unknown>[] = [
  CREATE.statement,
  GET.statement,
  CHANGE.statement,
  DELETE.statement,
  LIST,
  LIST_IN_STATE,
  LIST_EXPIRED,
  DELETE_EXPIRED,
]

const states = ['active', 'suspended', 'completed', 'failed', 'archived'] as const
const retentionDays = z.int().min(1).max(36_500)
const newSessions = z.array(
  z.strictObject({
    id: z.uuidv7().optional(),
    data: members.default({}),
    retentionDays: retentionDays.default(30),
  }),
)
const changes = z.array(
  z.strictObject({
    id: z.uuid(),
    data: members.optional(),
    patch: members.optional(),
    state: z.enum(states).optional(),
    expectedVersion: z.int().min(1).optional(),
    retentionDays: retentionDays.optional(),
  }),
)
const signal = z.instanceof(AbortSignal).optional()
const limit = (most: number, usual: number) => z.int().min(1).max(most).default(usual)
const listOptions = z.strictObject({
  state: z.enum([...states, 'expired']).optional(),
  after: z.uuid().optional(),
  limit: limit(1000, 100),
  signal,
})
const expiredOptions = z.strictObject({ limit: limit(10_000, 1000), signal })

export function createSessions(session: Session): MemorySessions {
  const create = async (input: readonly NewMemorySession[], options?: CallOptions) =>
    await session.submit(CREATE, check('sessions', newSessions, input).map(encodeNew), options)
  const change = async (input: readonly SessionChange[], options?: CallOptions) =>
    await session.submit(CHANGE, check('sessions', changes, input).map(encodeChange), options)
  const lookups = (input: readonly string[]) =>
    check('ids', z.array(z.uuid()), input).map((id) => JSON.stringify({ id }))
  return {
    create: (async (input: NewMemorySession | readonly NewMemorySession[] = {}, options?: CallOptions) =>
      Array.isArray(input)
        ? await create(input, options)
        : (await create([input as NewMemorySession], options))[0]) as MemorySessions['create'],
    get: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input)
        ? await session.submit(GET, lookups(input), options)
        : (await session.submit(GET, lookups([input as string]), options))[0]) as MemorySessions['get'],
    update: (async (input: SessionChange | readonly SessionChange[], options?: CallOptions) =>
      Array.isArray(input)
        ? await change(input, options)
        : (await change([input as SessionChange], options))[0]) as MemorySessions['update'],
    async transition(id, state, { signal, durability, ...rest } = {}) {
      check('state', z.enum(states), state)
      const options = { ...(signal && { signal }), ...(durability && { durability }) }
      return (await change([{ ...rest, id, state }], options))[0] as MemorySession
    },
    touch: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input)
        ? await change(
            input.map((id) => ({ id })),
            options,
          )
        : (await change([{ id: input as string }], options))[0]) as MemorySessions['touch'],
    delete: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input)
        ? await session.submit(DELETE, lookups(input), options)
        : (await session.submit(DELETE, lookups([input as string]), options))[0]) as MemorySessions['delete'],
    async list(options = {}) {
      const { state, after, limit, signal } = check('options', listOptions, options)
      const how = { idempotent: true, ...(signal && { signal }) }
      const page = [after ?? null, limit]
      if (state === 'expired')
        return (await session.query(LIST_EXPIRED, page, how)).map((row) => ({ ...toSession(row), state }))
      const rows =
        state === undefined
          ? await session.query(LIST, page, how)
          : await session.query(LIST_IN_STATE, [...page, state], how)
      return rows.map(toSession)
    },
    async deleteExpired(options = {}) {
      const { limit, signal } = check('options', expiredOptions, options)
      const [row] = await session.query(DELETE_EXPIRED, [limit], { idempotent: true, ...(signal && { signal }) })
      return row?.deleted ?? 0
    },
  }
}

function encodeNew(item: z.output<typeof newSessions>[number], index: number): string {
  const { json, hash } = toContent(`sessions[${index}].data`, item.data, SESSION_DATA_LENGTH_MAX)
  return `{"id":"${item.id ?? uuidv7()}","content_hash":"${hash}","retention_days":${item.retentionDays},"data":${json}}`
}

function encodeChange(item: z.output<typeof changes>[number], index: number): Encoded {
  const json = (member: 'data' | 'patch') => {
    const value = item[member]
    if (value === undefined) return ''
    return `,"${member}":${toJson(`sessions[${index}].${member}`, value, SESSION_DATA_LENGTH_MAX)}`
  }
  const rest = {
    id: item.id,
    state: item.state,
    expected_version: item.expectedVersion,
    retention_days: item.retentionDays,
  }
  return {
    text: `${JSON.stringify(rest).slice(0, -1)}${json('data')}${json('patch')}}`,
    // A touch alone may be sent again: a change might meet another's that came between.
    idempotent: item.data === undefined && item.patch === undefined && item.state === undefined,
  }
}

function toSession(row: Row): MemorySession {
  return {
    id: row.session_id,
    state: row.state,
    data: row.data,
    version: row.version,
    retentionDays: row.retention_days,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastAccessedAt: row.last_accessed_at,
    endedAt: row.ended_at,
    expiresAt: row.expires_at,
  }
}
