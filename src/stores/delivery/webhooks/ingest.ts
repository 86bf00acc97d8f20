import { verifyWithFallback } from '@octokit/webhooks-methods'
import { z } from 'zod'
import { jsonProblem } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check, text } from '../../../input.js'
import { factsOf } from './facts.js'
import { PAYLOADS, WEBHOOK_EVENTS, type WebhookEvent } from './payloads.js'

/** How a webhook is taken in. */
export interface IngestOptions extends CallOptions {
  /**
   * The secrets of the hook, of which one has to have signed the body; then the payload is the body, as it was received, and
   * `signature` the header `X-Hub-Signature-256`. Without a secret nothing is verified.
   */
  readonly secret?: string | readonly string[]
  readonly signature?: string
}

/** What came of taking a webhook in. */
export interface IngestedWebhook {
  readonly deliveryId: string
  readonly event: WebhookEvent
  /** The delivery was taken in before; nothing changed. */
  readonly replayed: boolean
}

/** Takes in a webhook of GitHub: see `DeliveryStore.ingest`. */
export type Ingest = (
  event: string,
  payload: string | object,
  deliveryId: string,
  options?: IngestOptions,
) => Promise<IngestedWebhook>

/** Most characters of a payload that is kept aside; of a longer one only the reason is kept. */
const REJECT_LENGTH_MAX = 262_144

interface Item {
  readonly deliveryId: string
  readonly event: WebhookEvent
  readonly json: string
}

export const INGEST: Operation<Item, { replayed: boolean }, IngestedWebhook> = {
  name: 'delivery.ingest_webhooks',
  statement: statement(
    'delivery.ingest_webhooks',
    'select ordinal, replayed from delivery.ingest_webhooks($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 1000,
  encode: (item) => item.json,
  decode: (row, { deliveryId, event }) => ({ deliveryId, event, replayed: row?.replayed ?? false }),
  isIdempotent: () => true,
}

export const REJECT = statement<object>(
  'delivery.reject_webhook',
  `select delivery.reject_webhook(current_setting('pgfleet.tenant'), $1::text, $2::text, $3::text, $4::jsonb, $5::jsonb)`,
)

const SIGNATURE = /^sha256=[0-9a-f]{64}$/i
const options = z.strictObject({
  secret: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(10)]).optional(),
  signature: z.string().max(1000).optional(),
  signal: z.instanceof(AbortSignal).optional(),
  durability: z.enum(['durable', 'async']).optional(),
})

export function createIngest(session: Session, identity: Identity): Ingest {
  const who = encodeIdentity(identity)
  return async (event, payload, deliveryId, input = {}) => {
    const name = check('event', text(1, 100), event)
    const delivery = check('deliveryId', text(1, 100), deliveryId)
    const given = check('payload', z.union([z.string(), z.looseObject({})]), payload)
    const { secret, signature, signal, durability } = check('options', options, input)
    await verifySignature(given, secret, signature)
    const how = { ...(signal && { signal }), ...(durability && { durability }) }
    const read = readPayload(name, given)
    if (typeof read === 'string') {
      // Answered with the reason even when it is known already: nothing of it was applied, then or now.
      const kept = [delivery, name, read, keepable(given), JSON.stringify(who)]
      await session.query(REJECT, kept, { ...how, idempotent: true })
      throw new FleetError('WEBHOOK_REJECTED', {
        message: `webhook ${delivery} was kept aside: ${read}`,
        field: (WEBHOOK_EVENTS as readonly string[]).includes(name) ? 'payload' : 'event',
        details: { deliveryId: delivery, event: name, reason: read },
      })
    }
    const [result] = await session.submit(
      INGEST,
      [{ deliveryId: delivery, event: read.event, json: JSON.stringify({ delivery_id: delivery, ...read, ...who }) }],
      how,
    )
    return result as IngestedWebhook
  }
}

async function verifySignature(
  payload: string | object,
  secret: string | readonly string[] | undefined,
  signature: string | undefined,
): Promise<void> {
  if (secret === undefined) {
    if (signature === undefined) return
    throw new FleetError('INPUT_INVALID', {
      message: 'options.secret: is missing, so that the signature cannot be verified',
      field: 'options.secret',
    })
  }
  if (typeof payload !== 'string') {
    throw new FleetError('INPUT_INVALID', {
      message: 'payload: is an object; a signature is that of the body as it was received, a text',
      field: 'payload',
    })
  }
  const [first, ...others] = typeof secret === 'string' ? [secret] : secret
  const isGood =
    signature !== undefined &&
    SIGNATURE.test(signature) &&
    (await verifyWithFallback(first as string, payload, signature, others))
  if (!isGood) {
    throw new FleetError('WEBHOOK_SIGNATURE_INVALID', {
      message: signature === undefined ? 'the signature is missing' : 'the signature is not that of the body',
      field: 'options.signature',
    })
  }
}

/** What the payload tells, or the reason why it cannot be told. */
function readPayload(event: string, payload: string | object) {
  if (!Object.hasOwn(PAYLOADS, event)) return 'the event is none that is taken in'
  const known = event as WebhookEvent
  let content: unknown = payload
  if (typeof payload === 'string') {
    try {
      content = JSON.parse(payload)
    } catch {
      return 'the payload is not JSON'
    }
  }
  const parsed = PAYLOADS[known].safeParse(content)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `payload.${issue?.path.join('.')}: ${issue?.message}`.slice(0, 500)
  }
  return {
    event: known,
    action: parsed.data.action ?? null,
    repository: parsed.data.repository.full_name,
    sender: parsed.data.sender?.login ?? null,
    facts: factsOf(known, parsed.data as never),
  }
}

/** The payload as the database can keep it, or null. */
function keepable(payload: string | object): string | null {
  let content: unknown = payload
  try {
    if (typeof payload === 'string') content = JSON.parse(payload)
  } catch {
    content = undefined
  }
  if (content === undefined || jsonProblem(content) !== undefined) return null
  const json = JSON.stringify(content)
  return json.length <= REJECT_LENGTH_MAX ? json : null
}
