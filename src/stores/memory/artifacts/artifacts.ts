import { z } from 'zod'
import { toContent } from '../../../content.js'
import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Reading, Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { newId } from '../../../id.js'
import { check, members, text } from '../../../input.js'
import { CHUNK_BYTES } from './artifact-chunk.js'
import { collectGarbage, GARBAGE_STATEMENTS, type GarbageOptions, type GarbageReport } from './artifact-garbage.js'
import {
  ARTIFACT_LIST_STATEMENTS,
  type Artifact,
  type ArtifactListOptions,
  type ArtifactRow,
  type ArtifactStatistics,
  artifactStatistics,
  listArtifacts,
  listVersions,
  toArtifact,
} from './artifact-list.js'
import { READ_STATEMENTS, readContent } from './artifact-read.js'
import { type ArtifactSource, isSource } from './artifact-source.js'
import { discard, INLINE_BYTES_MAX, type Prepared, prepare, UPLOAD_STATEMENTS } from './artifact-upload.js'

/** An artifact to keep. */
export interface NewArtifact {
  /** The bytes, or a stream of them. */
  readonly content: ArtifactSource
  /** 1 to 500 characters. The same name in the same session (or in none) makes the next version. */
  readonly name: string
  /** A UUIDv7; putting the same again finds what is there. @default a new one */
  readonly id?: string
  /** The session that it belongs to, and goes with. */
  readonly sessionId?: string
  /** What it is to you: 1 to 50 characters, for example agent_output, tool_result or user_input. @default 'custom' */
  readonly type?: string
  /** @default 'application/octet-stream' */
  readonly mimeType?: string
  /** At most 50 of at most 100 characters. */
  readonly tags?: readonly string[]
  /** A JSON object of at most 65,536 characters. */
  readonly metadata?: Record<string, unknown>
  /** The artifact that it was made from. */
  readonly parent?: string
  /** What the bytes must hash to, in hexadecimal; others are refused with HASH_MISMATCH. */
  readonly sha256?: string
  /** `auto` compresses each chunk (brotli) where that saves a tenth; what is one chunk and looks random is not tried. @default 'auto' */
  readonly compression?: 'auto' | 'none'
  /** Most bytes; a longer stream is refused when it gets there. At most 1 TiB. @default 1073741824 (1 GiB) */
  readonly sizeMax?: number
}

/** An artifact that was put. */
export interface PutArtifact {
  readonly id: string
  readonly version: number
  /** Hexadecimal. */
  readonly sha256: string
  readonly size: number
  /** The tenant held these bytes already; they are not kept twice. */
  readonly deduplicated: boolean
  readonly createdAt: Date
}

/** A part of an artifact. */
export interface ReadOptions {
  /** First byte. @default 0 */
  readonly start?: number
  /** The byte behind the last. @default the size */
  readonly end?: number
  readonly signal?: AbortSignal
}

/** Named bytes of one tenant: kept once for equal content, in versions. */
export interface Artifacts {
  /**
   * Keeps artifacts; one call's all become visible together, or none does. Up to 256 KiB it is one statement, shared with
   * other callers; longer ones are staged in chunks on the way, with at most about 2 MiB held. Errors: INPUT_INVALID,
   * HASH_MISMATCH, UPLOAD_BROKEN, SESSION_UNKNOWN, ARTIFACT_UNKNOWN (the parent), ID_CONFLICT, QUOTA_EXCEEDED, ABORTED.
   */
  put(artifact: NewArtifact, options?: CallOptions): Promise<PutArtifact>
  put(artifacts: readonly NewArtifact[], options?: CallOptions): Promise<PutArtifact[]>
  /** What is known of an artifact, without its bytes; undefined when there is none. */
  get(id: string, options?: CallOptions): Promise<Artifact | undefined>
  get(ids: readonly string[], options?: CallOptions): Promise<(Artifact | undefined)[]>
  /**
   * The bytes, in pieces of at most 256 KiB; `Readable.from(...)` makes a stream of them. Checked on the way; at the end of
   * a whole artifact its SHA-256. Errors: ARTIFACT_UNKNOWN, ARTIFACT_CORRUPT, INPUT_INVALID.
   */
  read(id: string, options?: ReadOptions): AsyncGenerator<Uint8Array, void>
  /** The bytes at once, of an artifact of at most `sizeMax`. @default sizeMax 16777216 */
  readBytes(id: string, options?: ReadOptions & { sizeMax?: number }): Promise<Buffer>
  /** Deletes artifacts; false for one that was not there. The bytes go when nothing refers to them: see collectGarbage. */
  delete(id: string, options?: CallOptions): Promise<boolean>
  delete(ids: readonly string[], options?: CallOptions): Promise<boolean[]>
  /** Newest first, `limit` at a time; `after` continues behind the artifact of that id. @default limit 100 */
  list(options?: ArtifactListOptions): Promise<Artifact[]>
  /** The versions of a name, newest first; `before` continues below that version. @default limit 100 */
  versions(
    name: string,
    options?: { sessionId?: string; before?: number; limit?: number; signal?: AbortSignal },
  ): Promise<Artifact[]>
  /** Removes bytes that nothing refers to, in short steps. For a schedule; harmless beside everything else. */
  collectGarbage(options?: GarbageOptions): Promise<GarbageReport>
  /** Counts artifacts and bytes. Reads all keys: for a report, not for a request. */
  stats(options?: { signal?: AbortSignal }): Promise<ArtifactStatistics>
}

/** An artifact as it travels. */
interface Encoded {
  readonly text: string
  readonly prepared: Prepared
}

const NOTHING = new Uint8Array(0)

export const PUT: Operation<
  Encoded,
  { artifact_id: string; version: number; deduplicated: boolean; created_at: Date },
  PutArtifact
> = {
  name: 'memory.put_artifacts',
  statement: statement(
    'memory.put_artifacts',
    'select ordinal, artifact_id, version, deduplicated, created_at from memory.put_artifacts($1::text, $2::jsonb, $3::bytea)',
  ),
  writes: true,
  itemsMax: 500,
  encode: (item) => item.text,
  attach: (item) => item.prepared.inline?.data ?? NOTHING,
  decode: (row, { prepared }) => {
    if (row === undefined) throw new Error('memory.put_artifacts returned no row for an artifact')
    const { artifact_id: id, version, deduplicated, created_at: createdAt } = row
    return { id, version, sha256: prepared.sha256, size: prepared.size, deduplicated, createdAt }
  },
  isIdempotent: () => true,
}

export const GET: Operation<string, ArtifactRow, Artifact | undefined> = {
  name: 'memory.get_artifacts',
  statement: statement(
    'memory.get_artifacts',
    `select ordinal, artifact_id, session_id, name, version, artifact_type, mime_type, tags, metadata, parent_artifact_id,
      size_bytes, created_at, content_id, sha256, stored_bytes, chunk_count, codec
    from memory.get_artifacts($1::text, $2::jsonb)`,
  ),
  writes: false,
  itemsMax: 2000,
  encode: (item) => item,
  decode: (row) => row && toArtifact(row),
  isIdempotent: () => true,
}

export const DELETE: Operation<string, { deleted: boolean }, boolean> = {
  name: 'memory.delete_artifacts',
  statement: statement(
    'memory.delete_artifacts',
    'select ordinal, deleted from memory.delete_artifacts($1::text, $2::jsonb)',
  ),
  writes: true,
  itemsMax: 2000,
  encode: (item) => item,
  decode: (row) => row?.deleted ?? false,
  isIdempotent: () => true,
}

export const ARTIFACT_STATEMENTS: readonly Statement<unknown>[] = [
  PUT.statement,
  GET.statement,
  DELETE.statement,
  ...UPLOAD_STATEMENTS,
  ...READ_STATEMENTS,
  ...ARTIFACT_LIST_STATEMENTS,
  ...GARBAGE_STATEMENTS,
]

const newArtifact = z.strictObject({
  content: z.custom<ArtifactSource>(isSource, 'must be bytes, text, or an iterable of them'),
  name: text(1, 500),
  id: z.uuidv7().optional(),
  sessionId: z.uuid().optional(),
  type: text(1, 50).default('custom'),
  mimeType: text(1, 255).default('application/octet-stream'),
  tags: z.array(text(1, 100)).max(50).optional(),
  metadata: members.optional(),
  parent: z.uuid().optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits, lower-case')
    .optional(),
  compression: z.enum(['auto', 'none']).default('auto'),
  sizeMax: z
    .int()
    .min(0)
    .max(2 ** 40)
    .default(2 ** 30),
})
const newArtifacts = z.array(newArtifact).max(500)
const readOptions = z.strictObject({
  start: z.int().min(0).default(0),
  end: z.int().min(0).optional(),
  signal: z.instanceof(AbortSignal).optional(),
})
const bytesMax = z
  .int()
  .min(0)
  .default(16 * 1024 * 1024)
const METADATA_LENGTH_MAX = 65_536

export function createArtifacts(session: Session): Artifacts {
  const lookups = (input: readonly string[]) =>
    check('ids', z.array(z.uuid()), input).map((id) => JSON.stringify({ id }))
  const get = async (id: string, options?: CallOptions & Reading) =>
    (await session.submit(GET, lookups([id]), options))[0]
  async function* read(id: string, input: ReadOptions = {}): AsyncGenerator<Uint8Array, void> {
    const { start, end, signal } = check('options', readOptions, input)
    const found = await get(id, signal && { signal })
    if (found === undefined) {
      throw new FleetError('ARTIFACT_UNKNOWN', { message: `there is no artifact ${id}`, field: 'id' })
    }
    const last = end ?? found.size
    if (last > found.size || start > last) {
      const field = last > found.size ? 'options.end' : 'options.start'
      throw new FleetError('INPUT_INVALID', {
        message: `${field}: the part from ${start} to ${last} is not within the ${found.size} bytes of the artifact`,
        field,
      })
    }
    const place = {
      contentId: found.contentId,
      sha256: found.sha256,
      size: found.size,
      chunks: Math.ceil(found.size / CHUNK_BYTES),
    }
    yield* readContent(session, place, { start, end: last, signal }, async () => {
      return (await get(id, { consistency: 'latest' })) !== undefined
    })
  }
  return {
    put: (async (input: NewArtifact | readonly NewArtifact[], options?: CallOptions) =>
      Array.isArray(input)
        ? await put(session, input, options)
        : (await put(session, [input as NewArtifact], options))[0]) as Artifacts['put'],
    get: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input)
        ? await session.submit(GET, lookups(input), options)
        : await get(input as string, options)) as Artifacts['get'],
    read,
    async readBytes(id, { sizeMax: given, ...part } = {}) {
      const sizeMax = check('options.sizeMax', bytesMax, given)
      const pieces: Uint8Array[] = []
      let size = 0
      for await (const piece of read(id, part)) {
        size += piece.byteLength
        if (size > sizeMax) {
          throw new FleetError('INPUT_INVALID', {
            message: `options.sizeMax: the artifact has more than ${sizeMax} bytes; read() gives it in pieces`,
            field: 'options.sizeMax',
          })
        }
        pieces.push(piece)
      }
      return Buffer.concat(pieces)
    },
    delete: (async (input: string | readonly string[], options?: CallOptions) =>
      Array.isArray(input)
        ? await session.submit(DELETE, lookups(input), options)
        : (await session.submit(DELETE, lookups([input as string]), options))[0]) as Artifacts['delete'],
    list: (options) => listArtifacts(session, options),
    versions: (name, options) => listVersions(session, name, options),
    collectGarbage: (options) => collectGarbage(session, options),
    stats: (options) => artifactStatistics(session, options),
  }
}

async function put(session: Session, input: readonly NewArtifact[], options?: CallOptions): Promise<PutArtifact[]> {
  const checked = check('artifacts', newArtifacts, input)
  const metadata = checked.map((item, i) =>
    item.metadata === undefined ? undefined : toContent(`artifacts[${i}].metadata`, item.metadata, METADATA_LENGTH_MAX),
  )
  const encoded: Encoded[] = []
  let inlineBytes = 0
  try {
    for (const [i, item] of checked.entries()) {
      const prepared = await prepare(session, item.content, {
        field: `artifacts[${i}].content`,
        sizeMax: item.sizeMax,
        sha256: item.sha256,
        compression: item.compression,
        inline: inlineBytes < INLINE_BYTES_MAX,
        signal: options?.signal,
      })
      inlineBytes += prepared.inline?.data.byteLength ?? 0
      encoded.push({ prepared, text: encode(item, prepared, metadata[i]?.json) })
    }
    const results = await session.submit(PUT, encoded, options)
    // Bytes that another artifact brought first: these chunks are not needed.
    await discardStaged(session, encoded, (i) => results[i]?.deduplicated === true)
    return results
  } catch (error) {
    await discardStaged(session, encoded, () => true)
    throw error
  }
}

async function discardStaged(session: Session, encoded: readonly Encoded[], isIdle: (i: number) => boolean) {
  for (const [i, { prepared }] of encoded.entries()) {
    if (prepared.staged && isIdle(i)) await discard(session, prepared.contentId, prepared.chunks)
  }
}

function encode(item: z.output<typeof newArtifact>, prepared: Prepared, metadata: string | undefined): string {
  const { contentId, sha256, size, stored, chunks, codec, staged, inline } = prepared
  const rest = {
    id: item.id ?? newId(),
    content_id: contentId,
    sha256,
    size,
    stored,
    chunks,
    codec,
    session_id: item.sessionId,
    name: item.name,
    type: item.type,
    mime: item.mimeType,
    tags: item.tags,
    parent: item.parent,
    ...(staged ? { upload: true } : { length: inline?.data.byteLength ?? 0, crc: inline?.crc ?? 0 }),
  }
  return `${JSON.stringify(rest).slice(0, -1)}${metadata === undefined ? '' : `,"metadata":${metadata}`}}`
}
