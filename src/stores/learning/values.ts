import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import { statement } from '../../database/statement.js'
import { type ActionValue, type EncodedState, encodeStates, type StateOf } from './best.js'

export const VALUES: Operation<EncodedState, { action_values: ActionValue[] }, ActionValue[]> = {
  name: 'learning.values',
  statement: statement(
    'learning.values_of',
    'select ordinal, action_values from learning.values_of($1::text, $2::jsonb)',
  ),
  writes: false,
  itemsMax: 2000,
  encode: (item) => item.json,
  decode: (row) => row?.action_values ?? [],
  isIdempotent: () => true,
  cached: {
    subject: (item) => item.subject,
    pack: JSON.stringify,
    unpack: (text) => JSON.parse(text) as ActionValue[],
  },
}

/** All known action values of each state, best first; an empty list where none is known. Errors: INPUT_INVALID. */
export async function values(
  session: Session,
  lookups: readonly StateOf[],
  options?: CallOptions,
): Promise<ActionValue[][]> {
  return await session.submit(VALUES, encodeStates(lookups), options)
}
