import { createHash } from 'node:crypto'
import type { Reading, Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { CHUNK_BYTES, type Codec, corrupt, unpackChunk } from './artifact-chunk.js'

/** Chunks that one statement fetches. */
const PAGE = 4

/** Where the bytes of an artifact are. */
export interface ContentPlace {
  readonly contentId: string
  readonly sha256: string
  readonly size: number
  readonly chunks: number
}

const READ_CHUNKS = readStatement<{ chunk_no: number; codec: Codec; size_bytes: number; crc32: number; data: Buffer }>(
  'memory.read_chunks',
  `select c.chunk_no, c.codec, c.size_bytes, c.crc32, c.data
  from memory.artifact_chunks c
  where c.tenant_id = current_setting('pgfleet.tenant') and c.content_id = $1::uuid
    and c.chunk_no >= $2::integer and c.chunk_no < $3::integer
  order by c.chunk_no`,
)

export const READ_STATEMENTS: readonly Statement<unknown>[] = [READ_CHUNKS]

/**
 * The bytes from `start` to before `end`, in pieces of at most CHUNK_BYTES; holds two pages of chunks. Each chunk's
 * checksum is checked before its bytes are given out; of the whole content also the SHA-256, before the last piece is.
 * Errors: ARTIFACT_CORRUPT; ARTIFACT_UNKNOWN when `isThere` says that it was deleted meanwhile.
 */
export async function* readContent(
  session: Session,
  place: ContentPlace,
  { start, end, signal }: { start: number; end: number; signal?: AbortSignal | undefined },
  isThere: () => Promise<boolean>,
): AsyncGenerator<Uint8Array, void> {
  if (start === end && place.size > 0) return
  const first = Math.floor(start / CHUNK_BYTES)
  const behind = Math.ceil(end / CHUNK_BYTES)
  const whole = start === 0 && end === place.size
  const digest = whole ? createHash('sha256') : undefined
  const fetchChunks = (no: number, reading: Reading = {}) =>
    session.query(READ_CHUNKS, [place.contentId, no, Math.min(no + PAGE, behind)], {
      idempotent: true,
      ...reading,
      ...(signal && { signal }),
    })
  const fetchPage = (no: number) => {
    const page = fetchChunks(no)
    page.catch(() => {})
    return page
  }
  let next = first < behind ? fetchPage(first) : undefined
  for (let no = first; no < behind; no += PAGE) {
    let rows = await (next as NonNullable<typeof next>)
    const expected = Math.min(PAGE, behind - no)
    // A replica may lack chunks of an artifact that another one knows of already.
    if (rows.length !== expected) rows = await fetchChunks(no, { consistency: 'latest' })
    if (rows.length !== expected) {
      if (await isThere()) throw corrupt(`chunks ${no} to ${no + expected - 1} of the artifact are not all there`)
      throw new FleetError('ARTIFACT_UNKNOWN', { message: 'the artifact was deleted while it was read', field: 'id' })
    }
    next = no + PAGE < behind ? fetchPage(no + PAGE) : undefined
    for (const row of rows) {
      const at = row.chunk_no * CHUNK_BYTES
      const chunk = { codec: row.codec, size: row.size_bytes, crc: row.crc32, data: row.data }
      const bytes = unpackChunk(chunk, `chunk ${row.chunk_no} of the artifact`)
      if (bytes.byteLength !== Math.min(CHUNK_BYTES, place.size - at)) {
        throw corrupt(`chunk ${row.chunk_no} of the artifact is not as long as it was`)
      }
      digest?.update(bytes)
      if (row.chunk_no === behind - 1) verify(digest, place)
      yield bytes.subarray(Math.max(0, start - at), Math.min(bytes.byteLength, end - at))
    }
  }
  if (first >= behind) verify(digest, place)
}

function verify(digest: ReturnType<typeof createHash> | undefined, place: ContentPlace): void {
  if (digest !== undefined && digest.digest('hex') !== place.sha256) {
    throw corrupt(`the bytes of the artifact do not have the SHA-256 ${place.sha256} any more`)
  }
}
