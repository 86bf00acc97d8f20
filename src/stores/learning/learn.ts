import { z } from 'zod'
import { ACTION_LENGTH_MAX, type Json, STATE_LENGTH_MAX, toContent } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { statement } from '../../database/statement.js'
import { check, text } from '../../input.js'
import { stateSubject } from './best.js'

/** One step that an agent took, to learn from. */
export interface Experience {
  readonly agentType: string
  /** Where the agent was: any JSON, at most 65536 characters in canonical form. */
  readonly state: Json
  /** What it did: any JSON, at most 8192 characters in canonical form. */
  readonly action: Json
  /** What it got, at most 1e100 in size. */
  readonly reward: number
  /** Where it led. Without it, as with `terminal`, nothing more is expected. */
  readonly nextState?: Json
  /** The episode ended here. @default false */
  readonly terminal?: boolean
  /** What the agent does next; needed by `sarsa`. */
  readonly nextAction?: Json
  /** How the target is made. @default 'q-learning' */
  readonly algorithm?: Algorithm
  /**
   * How far the value moves towards the target: [1e-9, 1], or `visits` for 1 / visits, the plain mean of the targets.
   * @default the agent type's
   */
  readonly learningRate?: number | 'visits'
  /** Weight of what is expected of the next state: 0, or [1e-9, 1]. @default the agent type's */
  readonly discountFactor?: number
  /** Exploration rate that `expected-sarsa` averages over: 0, or [1e-9, 1]. @default the agent type's */
  readonly explorationRate?: number
  /** `double-q` moves its first estimate when this is below 0.5, else its second: [0, 1). @default random */
  readonly draw?: number
  /**
   * A UUIDv7 that makes the experience idempotent: applied once however often it is sent, for 35 days; and sent again by
   * itself after a lost connection. Costs one more row written. Its time must not be older than that.
   */
  readonly id?: string
  readonly sessionId?: string
}

export type Algorithm = 'q-learning' | 'sarsa' | 'expected-sarsa' | 'double-q'

/** An action value right after an experience was applied. */
export interface Learned {
  readonly q: number
  /** Experiences applied to it so far, this one included: the order in which concurrent ones came. */
  readonly visits: number
  /** Target minus the value before. */
  readonly tdError: number
  /** The id had been applied before; these are the results of that time. */
  readonly replayed: boolean
}

const agentType = text(1, 50)
const rate = z.union([z.literal(0), z.number().min(1e-9).max(1)])
const content = z.unknown()

const experience = z.strictObject({
  agentType,
  state: content,
  action: content,
  reward: z.number().min(-1e100).max(1e100),
  nextState: content.optional(),
  terminal: z.boolean().optional(),
  nextAction: content.optional(),
  algorithm: z.enum(['q-learning', 'sarsa', 'expected-sarsa', 'double-q']).optional(),
  learningRate: z.union([z.literal('visits'), z.number().min(1e-9).max(1)]).optional(),
  discountFactor: rate.optional(),
  explorationRate: rate.optional(),
  draw: z.number().min(0).lt(1).optional(),
  id: z.uuidv7().optional(),
  sessionId: z.uuid().optional(),
})
const experiences = z.array(experience)

interface Row {
  readonly q: number
  readonly visits: number
  readonly td_error: number
  readonly replayed: boolean
}

/** An experience as it travels. */
interface Encoded {
  readonly text: string
  readonly idempotent: boolean
  /** The state whose value it moves. */
  readonly subject: string
}

export const LEARN: Operation<Encoded, Row, Learned> = {
  name: 'learning.learn',
  statement: statement(
    'learning.learn',
    'select ordinal, q, visits, td_error, replayed from learning.learn($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 2000,
  encode: (item) => item.text,
  decode: (row) => {
    if (row === undefined) throw new Error('learning.learn returned no row for an experience')
    return { q: row.q, visits: row.visits, tdError: row.td_error, replayed: row.replayed }
  },
  isIdempotent: (item) => item.idempotent,
  changes: (item) => item.subject,
}

/**
 * Applies temporal-difference updates, atomically: one call's experiences all count or none does. Concurrent calls
 * share a statement; none of them loses an update. Errors: INPUT_INVALID, AGENT_TYPE_UNKNOWN, ID_OUT_OF_WINDOW,
 * ID_CONFLICT, QUOTA_EXCEEDED; OUTCOME_UNKNOWN when the connection is lost and an experience has no id.
 */
export async function learn(session: Session, input: readonly Experience[], options?: CallOptions): Promise<Learned[]> {
  const checked = check('experiences', experiences, input)
  return await session.submit(LEARN, checked.map(encode), options)
}

function encode(item: z.output<typeof experience>, index: number): Encoded {
  const field = `experiences[${index}]`
  const state = toContent(`${field}.state`, item.state, STATE_LENGTH_MAX)
  const action = toContent(`${field}.action`, item.action, ACTION_LENGTH_MAX)
  const rest: Record<string, unknown> = { agent_type: item.agentType, reward: item.reward }
  if (item.terminal) rest.terminal = true
  if (item.nextState !== undefined)
    rest.next_state_hash = toContent(`${field}.nextState`, item.nextState, STATE_LENGTH_MAX).hash
  if (item.nextAction !== undefined)
    rest.next_action_hash = toContent(`${field}.nextAction`, item.nextAction, ACTION_LENGTH_MAX).hash
  if (item.algorithm !== undefined) rest.algorithm = item.algorithm
  if (item.learningRate === 'visits') rest.by_visits = true
  else if (item.learningRate !== undefined) rest.learning_rate = item.learningRate
  if (item.discountFactor !== undefined) rest.discount_factor = item.discountFactor
  if (item.explorationRate !== undefined) rest.exploration_rate = item.explorationRate
  if (item.draw !== undefined) rest.draw = item.draw
  if (item.id !== undefined) rest.id = item.id
  if (item.sessionId !== undefined) rest.session_id = item.sessionId
  const text = `{"state_hash":"${state.hash}","state":${state.json},"action_hash":"${action.hash}","action":${action.json},${JSON.stringify(rest).slice(1)}`
  return { text, idempotent: item.id !== undefined, subject: stateSubject(item.agentType, state.hash) }
}
