import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { FleetError, isFleetError } from '../errors.js'
import type { Tenant } from '../fleet.js'

/** How webhooks are imported. */
export interface WebhookImportOptions {
  /** The event of payloads that do not tell it. @default the name of the file up to its first point */
  readonly event?: string
  /** Ends the import between two files; what was taken in stays. */
  readonly signal?: AbortSignal
  readonly onProgress?: (files: number, total: number) => void
}

/** What an import of webhooks did. */
export interface ImportedWebhooks {
  readonly files: number
  readonly deliveries: number
  /** Those that were taken in before. */
  readonly replayed: number
  /** Those that were kept aside, with how many there were for each reason. */
  readonly rejected: number
  readonly reasons: Readonly<Record<string, number>>
}

interface Delivery {
  readonly event: string
  readonly payload: object
  readonly deliveryId: string
}

// What deliveries look like in files: ours, those of GitHub's REST API, and a collection of examples of one event.
const named = z.object({ event: z.string(), payload: z.looseObject({}), deliveryId: z.string().optional() })
const ofApi = z.object({ event: z.string(), guid: z.string(), request: z.object({ payload: z.looseObject({}) }) })
const examples = z.object({ name: z.string(), examples: z.array(z.looseObject({})) })

/** Deliveries in flight at once: the library gathers them. */
const AT_ONCE = 200

/** The files of webhooks that a path names: itself, or those of its directory, by name. Errors: INPUT_INVALID. */
export async function findWebhookFiles(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const entries = await readdir(path, { recursive: true })
    return entries
      .filter((entry) => /\.(json|jsonl|ndjson)$/.test(entry))
      .sort()
      .map((entry) => join(path, entry))
  } catch (cause) {
    throw new FleetError('INPUT_INVALID', { message: `${path} cannot be read: ${String(cause)}`, field: 'path', cause })
  }
}

/**
 * Imports webhooks of GitHub from files: a delivery, an array of them, or one a line (.jsonl, .ndjson). A delivery is
 * `{event, payload, deliveryId}`, what GitHub's API returns for one, or a payload alone, whose event is told by the name of the
 * file or by `event`. Without an id it has one of its content, so importing a file again changes nothing. What is not known is
 * kept aside and counted. Errors: INPUT_INVALID for a file that is not JSON.
 */
export async function importWebhooks(
  tenant: Pick<Tenant, 'delivery'>,
  files: readonly string[],
  options: WebhookImportOptions = {},
): Promise<ImportedWebhooks> {
  const { signal, onProgress } = options
  const reasons: Record<string, number> = {}
  let deliveries = 0
  let replayed = 0
  let rejected = 0
  const take = async ({ event, payload, deliveryId }: Delivery) => {
    try {
      if ((await tenant.delivery.ingest(event, payload, deliveryId, signal && { signal })).replayed) replayed += 1
    } catch (error) {
      if (!isFleetError(error, 'WEBHOOK_REJECTED')) throw error
      rejected += 1
      const reason = `${event}: ${String(error.details.reason)}`
      reasons[reason] = (reasons[reason] ?? 0) + 1
    }
  }
  for (const [place, file] of files.entries()) {
    signal?.throwIfAborted()
    const found = await readWebhooks(file, options.event)
    for (let first = 0; first < found.length; first += AT_ONCE)
      await Promise.all(found.slice(first, first + AT_ONCE).map(take))
    deliveries += found.length
    onProgress?.(place + 1, files.length)
  }
  return { files: files.length, deliveries, replayed, rejected, reasons }
}

async function readWebhooks(file: string, event: string | undefined): Promise<Delivery[]> {
  const usual = event ?? basename(file).replace(/\..*$/, '')
  try {
    const text = await readFile(file, 'utf8')
    const contents: unknown[] = /\.(jsonl|ndjson)$/.test(file)
      ? text
          .split('\n')
          .filter((line) => line.trim() !== '')
          .map((line) => JSON.parse(line))
      : [JSON.parse(text)].flat()
    return contents.flatMap((content) => deliveriesOf(content, usual))
  } catch (cause) {
    if (isFleetError(cause)) throw cause
    throw new FleetError('INPUT_INVALID', { message: `${file} cannot be read: ${String(cause)}`, field: 'path', cause })
  }
}

function deliveriesOf(content: unknown, event: string): Delivery[] {
  const ours = named.safeParse(content)
  if (ours.success) {
    const { payload, deliveryId } = ours.data
    return [{ event: ours.data.event, payload, deliveryId: deliveryId ?? idOf(ours.data.event, payload) }]
  }
  const api = ofApi.safeParse(content)
  if (api.success) return [{ event: api.data.event, payload: api.data.request.payload, deliveryId: api.data.guid }]
  const collection = examples.safeParse(content)
  if (collection.success) {
    const { name } = collection.data
    return collection.data.examples.map((payload) => ({ event: name, payload, deliveryId: idOf(name, payload) }))
  }
  if (typeof content !== 'object' || content === null) throw new Error('a delivery is an object')
  return [{ event, payload: content, deliveryId: idOf(event, content) }]
}

function idOf(event: string, payload: object): string {
  return `sha256:${createHash('sha256')
    .update(`${event}\n${JSON.stringify(payload)}`)
    .digest('hex')}`
}
