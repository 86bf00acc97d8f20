import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { FleetError, isFleetError } from '../errors.js'
import type { ArchiveStore } from './archive-store.js'

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const time = z.iso.datetime()

/** What an archive tells of itself, in the object beside it. Holds no row and no tenant. */
const manifestShape = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  archiveId: z.uuid(),
  database: z.string(),
  /** Schema and name: `memory.events`. */
  table: z.string(),
  partition: z.string(),
  /** Ids from the first to just before the second are in the partition. */
  bounds: z.strictObject({ column: z.string(), from: z.uuid(), to: z.uuid() }),
  /** In the order in which they were written; what is computed from them is left out. */
  columns: z.array(z.strictObject({ name: z.string(), type: z.string() })).min(1),
  /** By which the rows are ordered, texts by their bytes. */
  order: z.array(z.string()).min(1),
  rows: count,
  /** How PostgreSQL wrote the rows: `COPY`, text format, UTF-8, times in UTC. */
  contentFormat: z.literal('copy-text'),
  contentBytes: count,
  contentSha256: hash,
  codec: z.literal('gzip'),
  bytes: count,
  sha256: hash,
  /** When the rows were read, by the server's clock. */
  copiedAt: time,
  serverVersion: z.string(),
  /** The migration that the database was at. */
  schemaVersion: z.number().int(),
})
export type ArchiveManifest = z.infer<typeof manifestShape>

/** The object of the rows. */
export const contentName = (name: string, archiveId: string) => `${name}-${archiveId}.copy.gz`
/** The object of the manifest. */
export const manifestName = (name: string, archiveId: string) => `${name}-${archiveId}.json`

/** Most bytes of a manifest. */
const BYTES_MAX = 1_048_576

/** Writes it, with its own checksum. Errors: those of `ArchiveStore.write`. */
export async function writeManifest(
  store: ArchiveStore,
  manifest: ArchiveManifest,
  signal?: AbortSignal,
): Promise<void> {
  const text = JSON.stringify(manifest)
  const document = `${JSON.stringify({ manifest, sha256: sha256(text) }, null, 2)}\n`
  await store.write(manifestName(manifest.name, manifest.archiveId), Readable.from([Buffer.from(document)]), signal)
}

/** Reads it. Errors: ARCHIVE_UNKNOWN when it is not there, ARCHIVE_CORRUPT, ARCHIVE_STORE_FAILED, ABORTED. */
export async function readManifest(
  store: ArchiveStore,
  name: string,
  archiveId: string,
  signal?: AbortSignal,
): Promise<ArchiveManifest> {
  const corrupt = (why: string, cause?: unknown) =>
    new FleetError('ARCHIVE_CORRUPT', { message: `the manifest of ${name} ${why}`, cause, details: { archive: name } })
  const chunks: Buffer[] = []
  let bytes = 0
  const source = await store.read(manifestName(name, archiveId), signal).catch((error: unknown) => {
    if (!isFleetError(error, 'ARCHIVE_UNKNOWN')) throw error
    throw new FleetError('ARCHIVE_UNKNOWN', {
      message: `the manifest of ${name} is missing: ${error.message}`,
      cause: error,
    })
  })
  for await (const chunk of source) {
    bytes += (chunk as Buffer).length
    if (bytes > BYTES_MAX) throw corrupt('is too long')
    chunks.push(chunk as Buffer)
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw corrupt('is not JSON', cause)
  }
  const outer = z.object({ manifest: z.unknown(), sha256: z.string() }).safeParse(parsed)
  if (!outer.success) throw corrupt('is none')
  if (sha256(JSON.stringify(outer.data.manifest)) !== outer.data.sha256) throw corrupt('has another checksum')
  const found = manifestShape.safeParse(outer.data.manifest)
  if (!found.success) throw corrupt(`is of another version of pgfleet: ${found.error.issues[0]?.path.join('.')}`)
  if (found.data.name !== name || found.data.archiveId !== archiveId) throw corrupt(`is that of ${found.data.name}`)
  return found.data
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
