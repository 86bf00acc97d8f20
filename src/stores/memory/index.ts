import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import { createKnowledgeGraph, GRAPH_STATEMENTS, type KnowledgeGraph } from './graph/index.js'

export type { Json } from '../../content.js'
export * from './graph/index.js'

/** What the agents of one tenant remember. */
export interface MemoryStore {
  readonly graph: KnowledgeGraph
}

/** Every statement of the store, for the test that prepares them all. */
export const MEMORY_STATEMENTS: readonly Statement<unknown>[] = [...GRAPH_STATEMENTS]

export function createMemoryStore(session: Session): MemoryStore {
  return {
    graph: createKnowledgeGraph(session),
  }
}
