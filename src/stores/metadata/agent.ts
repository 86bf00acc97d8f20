import { FleetError } from '../../errors.js'
import type { Identity } from '../../identity.js'

/**
 * The agent for whom calls are made, whose roles decide; undefined for the service itself, which may do everything: a call
 * without an actor, or on behalf of the system.
 */
export function agentOf({ actor }: Identity): string | undefined {
  return actor === undefined || actor.type === 'system' ? undefined : actor.id
}

/** Refuses what only the service itself may do. Errors: PERMISSION_DENIED. */
export function assertService(agent: string | undefined, what: string): void {
  if (agent === undefined) return
  throw new FleetError('PERMISSION_DENIED', {
    message: `agent '${agent}' may not ${what}`,
    hint: 'Call it without an actor, or as one of type system.',
  })
}
