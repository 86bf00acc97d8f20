import type { CallOptions, Operation } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'

/**
 * The session, telling of each write once it is committed, and of nothing else. What a transaction does is told of as it
 * is done: whoever commits it waits with what it was told.
 */
export function withWriteSignal(session: Session, onWrite: () => void): Session {
  return {
    tenant: session.tenant,
    async submit<Item, Row, Result>(
      operation: Operation<Item, Row, Result>,
      items: readonly Item[],
      options?: CallOptions,
    ) {
      if (!operation.writes) return await session.submit(operation, items, options)
      try {
        return await session.submit(operation, items, options)
      } finally {
        // Also of one whose outcome is unknown.
        onWrite()
      }
    },
    async query<Row>(
      statement: Statement<Row>,
      values: readonly unknown[],
      options?: CallOptions & { idempotent?: boolean },
    ) {
      return await session.query(statement, values, options)
    },
  }
}
