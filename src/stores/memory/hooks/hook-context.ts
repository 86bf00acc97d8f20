import { promisify } from 'node:util'
import { deflate, deflateSync, inflate } from 'node:zlib'
import { type Json, toJson } from '../../../content.js'
import { FleetError } from '../../../errors.js'

/** How the bytes of a context are stored. */
export type ContextCodec = 'identity' | 'deflate'

/** A context as it is stored: canonical JSON in UTF-8, by its codec. */
export interface StoredContext {
  readonly codec: ContextCodec
  readonly bytes: Buffer
  /** Before the codec. */
  readonly length: number
}

/** Most characters of a context's canonical JSON. */
export const CONTEXT_LENGTH_MAX = 1024 * 1024
/** Smaller ones are stored as they are: a row of this size costs no page of its own. */
const COMPRESS_FROM = 1024
/** Larger ones are compressed beside the event loop; for smaller ones going there takes longer than compressing. */
const BESIDE_FROM = 16 * 1024

const compress = promisify(deflate)
const decompress = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate)

/** Encodes a context; compressed when that makes it smaller. Errors: INPUT_INVALID. */
export async function storeContext(field: string, value: unknown): Promise<StoredContext> {
  const plain = Buffer.from(toJson(field, value, CONTEXT_LENGTH_MAX))
  if (plain.length >= COMPRESS_FROM) {
    const bytes = plain.length < BESIDE_FROM ? deflateSync(plain) : await compress(plain)
    if (bytes.length < plain.length) return { codec: 'deflate', bytes, length: plain.length }
  }
  return { codec: 'identity', bytes: plain, length: plain.length }
}

/** The context again. Errors: CHECKSUM_MISMATCH when the bytes are not what was stored (a zlib stream carries a checksum). */
export async function readContext(codec: ContextCodec, bytes: Buffer, length: number): Promise<Json> {
  try {
    const plain = codec === 'deflate' ? await decompress(bytes, { maxOutputLength: Math.max(1, length) }) : bytes
    if (plain.length !== length) throw new Error(`${plain.length} bytes, ${length} were stored`)
    return JSON.parse(plain.toString('utf8')) as Json
  } catch (cause) {
    throw new FleetError('CHECKSUM_MISMATCH', {
      message: 'the context of a hook execution is damaged',
      field: 'context',
      cause,
    })
  }
}
