import type { CallOptions, Operation } from '../../database/batch.js'
import type { Reading, Session } from '../../database/session.js'
import type { Signal } from './change-signal.js'

/** The session, telling of each write once it has ended, where anybody wants to hear of it. */
export function withWriteSignal(session: Session, signal: Signal): Session {
  return {
    tenant: session.tenant,
    submit<Item, Row, Result>(
      operation: Operation<Item, Row, Result>,
      items: readonly Item[],
      options?: CallOptions & Reading,
    ) {
      const result = session.submit(operation, items, options)
      if (operation.writes && signal.isHeard(session.tenant)) {
        const tell = () => signal.wrote(session)
        // Also of one whose outcome is unknown.
        result.then(tell, tell)
      }
      return result
    },
    query: (statement, values, options) => session.query(statement, values, options),
  }
}
