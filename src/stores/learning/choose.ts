import { z } from 'zod'
import { ACTION_LENGTH_MAX, type Content, type Json, STATE_LENGTH_MAX, toContent } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { statement } from '../../database/statement.js'
import { check, text } from '../../input.js'
import type { StateOf } from './best.js'

/** How an action is chosen. */
export interface ChoiceOptions {
  /**
   * `epsilon-greedy`: the best action, or with chance `epsilon` any. `softmax`: each with weight exp(q / temperature).
   * `ucb1`: the highest q plus a bonus for what was tried little; untried actions first. @default 'epsilon-greedy'
   */
  readonly strategy?: 'epsilon-greedy' | 'softmax' | 'ucb1'
  /** Chance of a random action, [0, 1]. @default the agent type's exploration rate */
  readonly epsilon?: number
  /** Softmax: above 0; the higher, the more alike the chances. @default 1 */
  readonly temperature?: number
  /** UCB1: weight of the bonus, 0 or more. @default Math.SQRT2 */
  readonly explorationWeight?: number
  /**
   * The actions that may be chosen, 1 to 1000. Without it: those that have a value. With it, actions without a value
   * take part too, at value 0.
   */
  readonly actions?: readonly Json[]
  /** An integer; the same seed, state and values choose the same action. @default random */
  readonly seed?: number
}

/** What was chosen, and why. */
export interface Choice {
  /** Undefined when nothing is known of the state and no actions were given. */
  readonly action: Json | undefined
  /** Undefined when the action has no value yet. */
  readonly q: number | undefined
  readonly visits: number
  /** Whose knowledge it rests on: the first of agent type, its category, the whole fleet that knows the state. */
  readonly source: 'agent-type' | 'category' | 'fleet' | 'none'
  /** True when it is not the best known action, or was drawn at random. */
  readonly explored: boolean
}

/** A state to choose an action in. */
export interface ChoiceRequest extends StateOf, ChoiceOptions {}

const requests = z.array(
  z.strictObject({
    agentType: text(1, 50),
    state: z.unknown(),
    strategy: z.enum(['epsilon-greedy', 'softmax', 'ucb1']).optional(),
    epsilon: z.number().min(0).max(1).optional(),
    temperature: z.number().min(1e-9).max(1e9).optional(),
    explorationWeight: z.number().min(0).max(1e9).optional(),
    actions: z.array(z.unknown()).min(1).max(1000).optional(),
    seed: z.int().optional(),
  }),
)

interface Encoded {
  readonly text: string
  readonly actions: readonly Content[]
}

interface Row {
  readonly action_hash: string | null
  readonly action: Json | null
  readonly q: number | null
  readonly visits: number | null
  readonly source: Choice['source']
  readonly explored: boolean
}

export const CHOOSE: Operation<Encoded, Row, Choice> = {
  name: 'learning.choose',
  statement: statement(
    'learning.choose',
    'select ordinal, action_hash, action, q, visits, source, explored from learning.choose($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 1000,
  encode: (item) => item.text,
  decode: (row, item) => {
    if (row?.action_hash == null) return { action: undefined, q: undefined, visits: 0, source: 'none', explored: false }
    // The caller's own spelling of an action that has no value yet.
    const given = item.actions.find((action) => action.hash === row.action_hash)
    return {
      action: given === undefined ? (row.action as Json) : (JSON.parse(given.json) as Json),
      q: row.q ?? undefined,
      visits: row.visits ?? 0,
      source: row.source,
      explored: row.explored,
    }
  },
  isIdempotent: () => true,
}

/** Chooses an action for each state. Errors: INPUT_INVALID, AGENT_TYPE_UNKNOWN. */
export async function choose(
  session: Session,
  input: readonly ChoiceRequest[],
  options?: CallOptions,
): Promise<Choice[]> {
  return await session.submit(CHOOSE, check('requests', requests, input).map(encode), options)
}

function encode(request: z.output<typeof requests>[number], index: number): Encoded {
  const field = `requests[${index}]`
  const actions = (request.actions ?? []).map((action, i) =>
    toContent(`${field}.actions[${i}]`, action, ACTION_LENGTH_MAX),
  )
  const text = JSON.stringify({
    agent_type: request.agentType,
    state_hash: toContent(`${field}.state`, request.state, STATE_LENGTH_MAX).hash,
    strategy: request.strategy,
    epsilon: request.epsilon,
    temperature: request.temperature,
    exploration_weight: request.explorationWeight,
    actions: request.actions === undefined ? undefined : actions.map((action) => action.hash),
    seed: request.seed,
  })
  return { text, actions }
}
