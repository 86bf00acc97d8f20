import { z } from 'zod'
import { check, text } from './input.js'

export const ACTOR_TYPES = ['user', 'agent', 'system', 'api', 'webhook', 'scheduler'] as const

/** Who acts. */
export interface Actor {
  readonly type: (typeof ACTOR_TYPES)[number]
  /** Of 1 to 200 characters: a login, an agent's name, a service. */
  readonly id: string
}

/** On whose behalf calls are made, and what they belong to; the audit log keeps both. */
export interface Identity {
  readonly actor?: Actor
  /** What belongs together, of 1 to 200 characters: a run, a request, a trace. */
  readonly correlationId?: string
}

const identity = z.strictObject({
  actor: z.strictObject({ type: z.enum(ACTOR_TYPES), id: text(1, 200) }).optional(),
  correlationId: text(1, 200).optional(),
})

/** The identity, checked. Errors: INPUT_INVALID. */
export function toIdentity(input: Identity): Identity {
  const { actor, correlationId } = check('identity', identity, input)
  return { ...(actor === undefined ? {} : { actor }), ...(correlationId === undefined ? {} : { correlationId }) }
}

/** The identity as members of a statement's JSON item: what the SQL functions of the delivery store record. */
export function encodeIdentity({ actor, correlationId }: Identity): {
  actor_type?: string
  actor_id?: string
  correlation_id?: string
} {
  return {
    ...(actor === undefined ? {} : { actor_type: actor.type, actor_id: actor.id }),
    ...(correlationId === undefined ? {} : { correlation_id: correlationId }),
  }
}
