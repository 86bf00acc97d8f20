import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'

/** What the agents of one tenant do. Each change is recorded in the audit log, with the identity of its caller. */
export interface DeliveryStore {
  /** On whose behalf the calls are made. */
  readonly identity: Identity
}

/** Every statement of the store, for the test that prepares them all. */
export const DELIVERY_STATEMENTS: readonly Statement<unknown>[] = []

export function createDeliveryStore(_session: Session, identity: Identity): DeliveryStore {
  return { identity }
}
