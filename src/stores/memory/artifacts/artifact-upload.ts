import { createHash, hash } from 'node:crypto'
import type { Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { newId } from '../../../id.js'
import { CHUNK_BYTES, type Chunk, type Codec, type Packing, packChunk } from './artifact-chunk.js'
import { type ArtifactSource, chunksOf, loneChunkOf, type SourceOptions } from './artifact-source.js'

/** Chunks of one upload that are on their way at once: the next is packed while the server writes the last. */
const IN_FLIGHT_MAX = 4
/** Chunks that one statement discards. */
const DISCARDED_MAX = 256

/** Bytes that are ready to be put: by hand when they are one chunk, else staged in the database. */
export interface Prepared {
  readonly contentId: string
  /** Hexadecimal. */
  readonly sha256: string
  readonly size: number
  readonly stored: number
  readonly chunks: number
  readonly codec: Codec
  /** The one chunk, when it travels with the artifact; undefined for staged or empty content. */
  readonly inline?: Chunk
  readonly staged: boolean
}

/** A chunk on its way, with where it belongs. */
interface StagedChunk extends Chunk {
  readonly uploadId: string
  readonly no: number
}

export const APPEND: Operation<StagedChunk, object, undefined> = {
  name: 'memory.append_chunks',
  statement: statement(
    'memory.append_chunks',
    'select ordinal from memory.append_chunks($1::text, $2::jsonb, $3::bytea)',
  ),
  writes: true,
  itemsMax: 100,
  encode: ({ uploadId, no, codec, size, crc, data }) =>
    JSON.stringify({ upload_id: uploadId, no, codec, size, crc, length: data.byteLength }),
  attach: (item) => item.data,
  decode: () => undefined,
  isIdempotent: () => true,
}

// The lock and the look at the row are the guard: what a content has come to own is no upload any more.
const DISCARD_CHUNKS = statement<{ discarded: number }>(
  'memory.discard_chunks',
  `with upload as (
    select u.upload_id from memory.artifact_uploads u
    where u.tenant_id = current_setting('pgfleet.tenant') and u.upload_id = $1::uuid
    for update
  ),
  gone as (
    delete from memory.artifact_chunks c
    using upload u
    where c.tenant_id = current_setting('pgfleet.tenant') and c.content_id = u.upload_id
      and c.chunk_no >= $2::integer and c.chunk_no < $3::integer
    returning c.chunk_no
  )
  select count(*)::integer as discarded from gone`,
)
const DISCARD_UPLOAD = statement<unknown>(
  'memory.discard_upload',
  `delete from memory.artifact_uploads u
  where u.tenant_id = current_setting('pgfleet.tenant') and u.upload_id = $1::uuid
    and not exists (
      select from memory.artifact_chunks c where c.tenant_id = current_setting('pgfleet.tenant') and c.content_id = $1::uuid
    )`,
)

export const UPLOAD_STATEMENTS: readonly Statement<unknown>[] = [APPEND.statement, DISCARD_CHUNKS, DISCARD_UPLOAD]

/** How bytes are prepared. */
export interface PrepareOptions extends SourceOptions {
  /** What the bytes must hash to, hexadecimal. */
  readonly sha256?: string | undefined
  readonly compression: 'auto' | 'none'
  /** False to stage also what fits into one chunk. */
  readonly inline: boolean
}

/**
 * Reads a source to its end, and makes its bytes ready to be put. What is more than one chunk is staged on the way: at
 * most IN_FLIGHT_MAX chunks are held. When anything fails, what was staged is discarded before the error is thrown.
 * Errors: as chunksOf, HASH_MISMATCH, UPLOAD_UNKNOWN.
 */
export async function prepare(session: Session, source: ArtifactSource, options: PrepareOptions): Promise<Prepared> {
  const lone = options.inline ? loneChunkOf(source, options.sizeMax) : undefined
  return lone === undefined ? await readAndStage(session, source, options) : prepareLone(lone, lone === source, options)
}

/** Within the turn in which it is called: a copy of the caller's bytes is made only where they travel as they are. */
function prepareLone(bytes: Uint8Array, areCallers: boolean, options: PrepareOptions): Prepared {
  const contentId = newId()
  const size = bytes.byteLength
  const sha256 = hash('sha256', bytes, 'hex')
  assertHash(sha256, options)
  if (size === 0) return { contentId, sha256, size, stored: 0, chunks: 0, codec: 'none', staged: false }
  const chunk = packChunk(bytes, options.compression, 'quick')
  const inline = areCallers && chunk.data === bytes ? { ...chunk, data: Buffer.from(bytes) } : chunk
  return {
    contentId,
    sha256,
    size,
    stored: inline.data.byteLength,
    chunks: 1,
    codec: inline.codec,
    staged: false,
    inline,
  }
}

function assertHash(sha256: string, { sha256: wanted, field }: PrepareOptions): void {
  if (wanted === undefined || wanted === sha256) return
  throw new FleetError('HASH_MISMATCH', { message: `${field} has the SHA-256 ${sha256}, not ${wanted}`, field })
}

async function readAndStage(session: Session, source: ArtifactSource, options: PrepareOptions): Promise<Prepared> {
  const contentId = newId()
  const digest = createHash('sha256')
  const flying: Promise<unknown>[] = []
  let size = 0
  let stored = 0
  let chunks = 0
  let codec: Codec = 'none'
  let held: Uint8Array | undefined
  let staged = false
  const pack = (bytes: Uint8Array, packing: Packing): Chunk => {
    const chunk = packChunk(bytes, options.compression, packing)
    size += chunk.size
    stored += chunk.data.byteLength
    chunks++
    if (chunk.codec !== 'none') codec = chunk.codec
    return chunk
  }
  const stage = async (bytes: Uint8Array) => {
    const no = chunks
    staged = true
    digest.update(bytes)
    // Not waited for to be on disk: the commit of the artifact itself is, and with it whatever was written before.
    const flight = session.submit(APPEND, [{ ...pack(bytes, 'tight'), uploadId: contentId, no }], {
      durability: 'async',
    })
    flight.catch(() => {})
    flying.push(flight)
    // The first one alone: it begins the upload that the others belong to.
    while (flying.length >= (no === 0 ? 1 : IN_FLIGHT_MAX)) await flying.shift()
  }
  try {
    for await (const bytes of chunksOf(source, options)) {
      if (held !== undefined) await stage(held)
      held = bytes
    }
    if (held !== undefined && (staged || !options.inline)) {
      await stage(held)
      held = undefined
    }
    await Promise.all(flying)
    const sha256 = staged ? digest.digest('hex') : hash('sha256', held ?? Buffer.alloc(0), 'hex')
    assertHash(sha256, options)
    const inline = held && pack(held, 'quick')
    return { contentId, sha256, size, stored, chunks, codec, staged, ...(inline && { inline }) }
  } catch (error) {
    await Promise.allSettled(flying)
    if (staged) await discard(session, contentId, chunks)
    throw error
  }
}

/**
 * Deletes the staged chunks of an upload that nothing came of. Never fails: what it cannot delete now is collected later.
 */
export async function discard(session: Session, uploadId: string, chunks: number): Promise<void> {
  try {
    for (let from = 0; from < chunks; from += DISCARDED_MAX) {
      await session.query(DISCARD_CHUNKS, [uploadId, from, from + DISCARDED_MAX], { idempotent: true })
    }
    await session.query(DISCARD_UPLOAD, [uploadId], { idempotent: true })
  } catch {
    // The connection is gone or the transaction has failed: either it rolls back, or the collection finds it.
  }
}

/** Most bytes of chunks that travel with one call's artifacts; what is more is staged first. */
export const INLINE_BYTES_MAX = 16 * CHUNK_BYTES
