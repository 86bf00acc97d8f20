import { z } from 'zod'
import { type Json, STATE_LENGTH_MAX, toContent } from '../../content.js'
import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { statement } from '../../database/statement.js'
import { check, text } from '../../input.js'

/** A state to look up for an agent type. */
export interface StateOf {
  readonly agentType: string
  readonly state: Json
}

/** What is known of one action in one state. */
export interface ActionValue {
  readonly action: Json
  readonly q: number
  /** Experiences behind the value. */
  readonly visits: number
}

const stateOf = z.strictObject({ agentType: text(1, 50), state: z.unknown() })
const statesOf = z.array(stateOf)

/** A state to look up, as it travels. */
export interface EncodedState {
  readonly json: string
  /** As `stateSubject` gives it. */
  readonly subject: string
}

/** What the values of a state are cached by; of a hash of the state. */
export function stateSubject(agentType: string, stateHash: string): string {
  return `${stateHash}${agentType}`
}

/** Checks and encodes states to look up; each travels as its hash. */
export function encodeStates(input: readonly StateOf[]): EncodedState[] {
  return check('lookups', statesOf, input).map(({ agentType, state }, index) => {
    const { hash } = toContent(`lookups[${index}].state`, state, STATE_LENGTH_MAX)
    return {
      json: `{"agent_type":${JSON.stringify(agentType)},"state_hash":"${hash}"}`,
      subject: stateSubject(agentType, hash),
    }
  })
}

export const BEST: Operation<EncodedState, ActionValue, ActionValue | undefined> = {
  name: 'learning.best',
  statement: statement('learning.best', 'select ordinal, action, q, visits from learning.best($1::text, $2::jsonb)'),
  writes: false,
  itemsMax: 2000,
  encode: (item) => item.json,
  decode: (row) => (row === undefined ? undefined : { action: row.action, q: row.q, visits: row.visits }),
  isIdempotent: () => true,
  cached: {
    subject: (item) => item.subject,
    pack: (best) => (best === undefined ? '' : JSON.stringify(best)),
    unpack: (text) => (text === '' ? undefined : (JSON.parse(text) as ActionValue)),
  },
}

/** The best known action of each state; undefined where the agent type knows none. Errors: INPUT_INVALID. */
export async function best(
  session: Session,
  lookups: readonly StateOf[],
  options?: CallOptions,
): Promise<(ActionValue | undefined)[]> {
  return await session.submit(BEST, encodeStates(lookups), options)
}
