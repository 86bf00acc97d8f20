import { hash } from 'node:crypto'
import { z } from 'zod'
import { type Json, toJson } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check, text } from '../../input.js'
import { expectedVersion, nextCall, versionConflict } from './version.js'

/** How a state is saved. */
export interface SaveOptions {
  /** 1 to 100 characters. @default unchanged; of a new agent, none */
  readonly agentType?: string
  /** The version of the state's own shape, from 1. @default 1 */
  readonly schemaVersion?: number
  /** Save only when the state is at this version; 0: only when there is none. Else VERSION_CONFLICT. */
  readonly expectedVersion?: number
}

/** A state to save. */
export interface NewAgentState extends SaveOptions {
  /** 1 to 200 characters. */
  readonly agentId: string
  /** Any JSON, at most 1048576 characters in canonical form. */
  readonly state: Json
}

/** What saving a state gives. */
export interface SavedAgentState {
  /** Saves so far; each is one higher than the last. A deleted state starts anew at 1. */
  readonly version: number
  /** SHA-256 of the state's canonical JSON (RFC 8785), as hex. */
  readonly checksum: string
}

/** An agent's state without its content. */
export interface AgentStateInfo extends SavedAgentState {
  readonly agentId: string
  readonly agentType: string | null
  readonly schemaVersion: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** An agent's state. */
export interface AgentState extends AgentStateInfo {
  readonly state: Json
}

/** The saved states of a tenant's agents, one an agent. */
export interface AgentStates {
  /** Saves a state. Errors: INPUT_INVALID, VERSION_CONFLICT. */
  save(agentId: string, state: Json, options?: SaveOptions & CallOptions): Promise<SavedAgentState>
  /** Saves states, all or none: at most 500, each agent once. */
  save(states: readonly NewAgentState[], options?: CallOptions): Promise<SavedAgentState[]>
  /** The state, its checksum verified; undefined when there is none. Errors: INPUT_INVALID, CHECKSUM_MISMATCH. */
  load(agentId: string, options?: CallOptions): Promise<AgentState | undefined>
  load(agentIds: readonly string[], options?: CallOptions): Promise<(AgentState | undefined)[]>
  /** True when there was one. Errors: INPUT_INVALID, VERSION_CONFLICT. */
  delete(agentId: string, options?: { expectedVersion?: number } & CallOptions): Promise<boolean>
  /** By agent id, `limit` at a time; `after` continues behind that agent. @default limit 100 */
  list(options?: { agentType?: string; after?: string; limit?: number }): Promise<AgentStateInfo[]>
}

const STATE_MAX = 1024 * 1024
const agentId = text(1, 200)
const saveOptions = z.strictObject({
  agentType: text(1, 100).optional(),
  schemaVersion: z.int().min(1).max(2_147_483_647).optional(),
  expectedVersion,
})
const states = z
  .array(z.strictObject({ agentId, state: z.unknown(), ...saveOptions.shape }))
  .superRefine((all, { addIssue }) => {
    const seen = new Set<string>()
    for (const [place, each] of all.entries()) {
      if (seen.has(each.agentId))
        addIssue({ code: 'custom', path: [place, 'agentId'], message: 'stands twice in one call' })
      seen.add(each.agentId)
    }
  })
const listOptions = z.strictObject({
  agentType: text(1, 100).optional(),
  after: text(0, 200).default(''),
  limit: z.int().min(1).max(10_000).default(100),
})

/** A state as it travels. */
interface Encoded {
  readonly json: string
  readonly checksum: string
  readonly agentId: string
  readonly expected: number | undefined
  readonly field: string
}

export const SAVE_AGENT_STATES: Operation<
  Encoded,
  { version: number | null; present: number | null },
  SavedAgentState
> = {
  name: 'memory.saveAgentStates',
  statement: statement(
    'memory.save_agent_states',
    'select ordinal, version, present from memory.save_agent_states($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 500,
  encode: (item) => item.json,
  decode: (row, item) => {
    if (row === undefined) throw new Error('memory.save_agent_states returned no row for an item')
    if (item.expected !== undefined && row.present !== item.expected) {
      throw versionConflict(
        `the state of agent ${JSON.stringify(item.agentId)}`,
        row.present ?? 0,
        item.expected,
        item.field,
      )
    }
    return { version: row.version ?? 0, checksum: item.checksum }
  },
  isIdempotent: () => false,
}

interface InfoRow {
  readonly agent_id: string
  readonly agent_type: string | null
  readonly version: number
  readonly schema_version: number
  readonly checksum: string
  readonly created_at: Date
  readonly updated_at: Date
}

export const GET_AGENT_STATES: Operation<string, InfoRow & { state: Json }, AgentState | undefined> = {
  name: 'memory.getAgentStates',
  statement: statement(
    'memory.get_agent_states',
    `select ordinal, agent_id, agent_type, version, schema_version, state, checksum, created_at, updated_at
    from memory.get_agent_states($1::text, $2::jsonb)`,
  ),
  writes: false,
  itemsMax: 500,
  encode: (item) => JSON.stringify(item),
  decode: (row) => {
    if (row === undefined) return undefined
    const checksum = hash('sha256', toJson('state', row.state, Number.POSITIVE_INFINITY), 'hex')
    if (checksum !== row.checksum) {
      throw new FleetError('CHECKSUM_MISMATCH', {
        message: `the state of agent ${JSON.stringify(row.agent_id)} at version ${row.version} is not what was saved`,
        field: 'agentId',
        details: { version: row.version, stored: row.checksum, computed: checksum },
      })
    }
    return { ...toInfo(row), state: row.state }
  },
  isIdempotent: () => true,
}

const DELETE = statement<{ version: number; deleted: boolean }>(
  'memory.delete_agent_state',
  `with present as (
    select s.agent_id, s.version from memory.agent_states s
    where s.tenant_id = current_setting('pgfleet.tenant') and s.agent_id = $1::text
    for update
  ),
  gone as (
    delete from memory.agent_states s using present p
    where s.tenant_id = current_setting('pgfleet.tenant') and s.agent_id = p.agent_id and coalesce($2::bigint, p.version) = p.version
    returning s.agent_id
  )
  select p.version, exists (select from gone) as deleted from present p`,
)

const COLUMNS = `s.agent_id, s.agent_type, s.version, s.schema_version, encode(s.checksum, 'hex') as checksum, s.created_at, s.updated_at`

const LIST = readStatement<InfoRow>(
  'memory.list_agent_states',
  `select ${COLUMNS} from memory.agent_states s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.agent_id > $1::text
  order by s.agent_id
  limit $2::integer`,
)

const LIST_OF_TYPE = readStatement<InfoRow>(
  'memory.list_agent_states_of_type',
  `select ${COLUMNS} from memory.agent_states s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.agent_type = $3::text and s.agent_id > $1::text
  order by s.agent_id
  limit $2::integer`,
)

export const AGENT_STATE_STATEMENTS: readonly Statement<unknown>[] = [
  SAVE_AGENT_STATES.statement,
  GET_AGENT_STATES.statement,
  DELETE,
  LIST,
  LIST_OF_TYPE,
]

export function createAgentStates(session: Session): AgentStates {
  return {
    save: (async (
      first: string | readonly NewAgentState[],
      second?: unknown,
      third: SaveOptions & CallOptions = {},
    ) => {
      if (Array.isArray(first)) {
        const call = nextCall()
        const items = check('states', states, first).map((item, i) => encode({ ...item, call }, `states[${i}].`))
        return await session.submit(SAVE_AGENT_STATES, items, second as CallOptions | undefined)
      }
      const { signal: _, durability: __, ...rest } = third
      const id = check('agentId', agentId, first)
      const item = { agentId: id, state: second, ...check('options', saveOptions, rest) }
      return (await session.submit(SAVE_AGENT_STATES, [encode(item, '')], third))[0]
    }) as AgentStates['save'],
    load: (async (input: string | readonly string[], options?: CallOptions) => {
      const many = Array.isArray(input)
      const ids = many ? check('agentIds', z.array(agentId), input) : [check('agentId', agentId, input as string)]
      const loaded = await session.submit(GET_AGENT_STATES, ids, options)
      return many ? loaded : loaded[0]
    }) as AgentStates['load'],
    async delete(input, options = {}) {
      const { signal, durability, ...rest } = options
      const id = check('agentId', agentId, input)
      const expected = check('options', z.strictObject({ expectedVersion }), rest).expectedVersion
      const [row] = await session.query(DELETE, [id, expected ?? null], options)
      if (expected !== undefined && (row?.version ?? 0) !== expected) {
        const what = `the state of agent ${JSON.stringify(id)}`
        throw versionConflict(what, row?.version ?? 0, expected, 'options.expectedVersion')
      }
      return row?.deleted ?? false
    },
    async list(options = {}) {
      const { agentType, after, limit } = check('options', listOptions, options)
      const rows =
        agentType === undefined
          ? await session.query(LIST, [after, limit], { idempotent: true })
          : await session.query(LIST_OF_TYPE, [after, limit, agentType], { idempotent: true })
      return rows.map(toInfo)
    },
  }
}

function encode(item: z.output<typeof states>[number] & { call?: number }, path: string): Encoded {
  const json = toJson(`${path}state`, item.state, STATE_MAX)
  const checksum = hash('sha256', json, 'hex')
  const rest = JSON.stringify({
    agent_id: item.agentId,
    agent_type: item.agentType,
    schema_version: item.schemaVersion,
    expected: item.expectedVersion,
    call: item.call,
    checksum,
  })
  return {
    json: `{"state":${json},${rest.slice(1)}`,
    checksum,
    agentId: item.agentId,
    expected: item.expectedVersion,
    field: path === '' ? 'options.expectedVersion' : `${path}expectedVersion`,
  }
}

function toInfo(row: InfoRow): AgentStateInfo {
  return {
    agentId: row.agent_id,
    agentType: row.agent_type,
    version: row.version,
    schemaVersion: row.schema_version,
    checksum: row.checksum,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
