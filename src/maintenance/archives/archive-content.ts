import { createHash } from 'node:crypto'
import { type Readable, Transform, type TransformCallback, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { type ArchiveManifest, contentName, readManifest } from '../../archive/archive-manifest.js'
import type { ArchiveStore } from '../../archive/archive-store.js'
import { FleetError, isFleetError } from '../../errors.js'
import type { ArchiveRow } from './archive.js'
import { serverFailure } from './archive-session.js'

/** What flowed through. */
export interface Amount {
  readonly bytes: number
  /** Rows, of what COPY writes as text: it writes no other line feeds. */
  readonly lines: number
  /** SHA-256, in hexadecimal. */
  readonly sha256: string
}

/** Counts and hashes what flows through; it changes nothing. */
class Meter extends Transform {
  readonly #hash = createHash('sha256')
  readonly #onBytes: ((bytes: number) => void) | undefined
  #bytes = 0
  #lines = 0
  #sha256: string | undefined

  constructor(onBytes?: (bytes: number) => void) {
    super()
    this.#onBytes = onBytes
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk)
    this.#bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) this.#lines += 1
    this.#onBytes?.(this.#bytes)
    done(null, chunk)
  }

  /** Once it has ended. */
  get amount(): Amount {
    this.#sha256 ??= this.#hash.digest('hex')
    return { bytes: this.#bytes, lines: this.#lines, sha256: this.#sha256 }
  }
}

/** What an object holds, and its content. */
export interface Written {
  readonly object: Amount
  readonly content: Amount
}

/**
 * Compresses rows and writes them as an object. gzip, because Node 20 has no zstd and any machine can read it; memory is bounded, for each
 * step waits for the next. Errors: those of the rows, and of `ArchiveStore.write`.
 */
export async function writeContent(
  rows: Readable,
  store: ArchiveStore,
  object: string,
  signal: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<Written> {
  const content = new Meter(onBytes)
  const compressed = new Meter()
  const flowing = pipeline(rows, content, createGzip(), compressed, { signal })
  const [flowed, written] = await Promise.allSettled([flowing, store.write(object, compressed, signal)])
  // What the server said comes first: the store then met a stream that broke off.
  const failure = flowed.status === 'rejected' ? serverFailure(flowed.reason) : undefined
  if (failure !== undefined) throw failure
  if (written.status === 'rejected') throw written.reason
  if (flowed.status === 'rejected') throw flowed.reason
  return { object: compressed.amount, content: content.amount }
}

/**
 * Reads an object, and hands its rows on; what it is not is found before the sink is told that it has ended: a COPY then fails. Errors:
 * ARCHIVE_CORRUPT, those of the sink, and of `ArchiveStore.read`.
 */
export async function readContent(
  manifest: ArchiveManifest,
  store: ArchiveStore,
  sink: Writable,
  signal: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const { name } = manifest
  const source = await store.read(contentName(name, manifest.archiveId), signal)
  const object = new Meter(onBytes)
  const content = new Meter()
  const gunzip = createGunzip()
  let broken: FleetError | undefined
  gunzip.once('error', (cause) => {
    if (!isFleetError(cause) && !signal.aborted)
      broken = corrupt(name, `cannot be decompressed: ${cause.message}`, cause)
  })
  const proof = new Transform({
    transform: (chunk, _, done) => done(null, chunk),
    flush: (done) => done(mismatchOf(manifest, object.amount, content.amount) ?? null),
  })
  try {
    await pipeline(source, object, gunzip, content, proof, sink, { signal })
  } catch (error) {
    // A store that broke off, and a server that refused, are told as such.
    if (isFleetError(error)) throw error
    if (signal.aborted) throw new FleetError('ABORTED', { message: `reading ${name} was stopped`, cause: error })
    throw broken ?? serverFailure(error) ?? error
  }
}

/** Takes rows and keeps none. */
export function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}

/** Measures rows that were loaded, as COPY writes them again. Errors: those of the rows. */
async function measure(rows: Readable, signal: AbortSignal): Promise<Amount> {
  const content = new Meter()
  await pipeline(rows, content, discard(), { signal }).catch((error: unknown) => {
    if (signal.aborted) throw new FleetError('ABORTED', { message: 'reading rows was stopped', cause: error })
    throw serverFailure(error) ?? error
  })
  return content.amount
}

/**
 * The manifest of an archive, which has to be the one that its row tells of. Errors: ARCHIVE_UNKNOWN, ARCHIVE_CORRUPT,
 * ARCHIVE_STORE_FAILED, ABORTED.
 */
export async function manifestOf(row: ArchiveRow, store: ArchiveStore, signal: AbortSignal): Promise<ArchiveManifest> {
  const manifest = await readManifest(store, row.name, row.archive_id, signal)
  if (manifest.sha256 === row.sha256 && manifest.contentSha256 === row.content_sha256) return manifest
  throw corrupt(row.name, 'has a manifest that is not the one that was written')
}

/** Compares rows that were loaded with those that were written. Errors: ARCHIVE_CORRUPT, those of the rows. */
export async function assertLoaded(manifest: ArchiveManifest, rows: Readable, signal: AbortSignal): Promise<void> {
  const loaded = await measure(rows, signal)
  if (loaded.lines === manifest.rows && loaded.sha256 === manifest.contentSha256) return
  throw corrupt(manifest.name, `holds other rows once it is loaded: ${loaded.lines} of ${manifest.rows}`)
}

/** The error that tells where an archive is not what its manifest says; undefined when it is. */
function mismatchOf(manifest: ArchiveManifest, object: Amount, content: Amount): FleetError | undefined {
  const { name } = manifest
  if (object.bytes !== manifest.bytes) {
    return corrupt(name, `has ${object.bytes} bytes; ${manifest.bytes} were written`)
  }
  if (object.sha256 !== manifest.sha256) return corrupt(name, 'has another checksum than what was written')
  if (content.sha256 !== manifest.contentSha256 || content.bytes !== manifest.contentBytes) {
    return corrupt(name, 'holds other content than what was written')
  }
  if (content.lines !== manifest.rows)
    return corrupt(name, `holds ${content.lines} rows; ${manifest.rows} were written`)
  return undefined
}

/** The error that an archive is not what was written. */
function corrupt(name: string, why: string, cause?: unknown): FleetError {
  return new FleetError('ARCHIVE_CORRUPT', { message: `archive ${name} ${why}`, cause, details: { archive: name } })
}
