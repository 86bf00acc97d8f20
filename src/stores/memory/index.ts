import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'

/** What the agents of one tenant remember. */
// biome-ignore lint/suspicious/noEmptyInterface: each part adds its member
export interface MemoryStore {}

/** Every statement of the store, for the test that prepares them all. */
export const MEMORY_STATEMENTS: readonly Statement<unknown>[] = []

export function createMemoryStore(_session: Session): MemoryStore {
  return {}
}
