import { brotliCompressSync, brotliDecompressSync, constants, crc32 } from 'node:zlib'
import { FleetError } from '../../../errors.js'

/** Bytes of content that one chunk stands for; the last of a content may be shorter. */
export const CHUNK_BYTES = 262_144

export type Codec = 'none' | 'brotli'

/** A chunk as it is stored. */
export interface Chunk {
  readonly codec: Codec
  /** Bytes of content that it stands for. */
  readonly size: number
  /** CRC-32 of the data. */
  readonly crc: number
  readonly data: Uint8Array
}

// Quality 1 packs text as tightly as deflate does at level 1, in half its time (0.35 ms a chunk), and gives random bytes up
// after 0.06 ms; so there is nothing to guess from names and types, and no thread to hand it to.
const QUALITY = { [constants.BROTLI_PARAM_QUALITY]: 1 }

/** Makes a chunk of so many bytes; compressed where that saves a tenth. The bytes must not change afterwards. */
export function packChunk(bytes: Uint8Array, compression: 'auto' | 'none'): Chunk {
  const packed =
    compression === 'auto' && bytes.byteLength >= 64
      ? brotliCompressSync(bytes, { params: { ...QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength } })
      : bytes
  const pays = packed.byteLength <= bytes.byteLength * 0.9
  const data = pays ? packed : bytes
  return { codec: pays ? 'brotli' : 'none', size: bytes.byteLength, crc: crc32(data), data }
}

/** The bytes that a stored chunk stands for, once its checksum has been checked. Errors: ARTIFACT_CORRUPT. */
export function unpackChunk(chunk: Chunk, where: string): Uint8Array {
  if (crc32(chunk.data) !== chunk.crc) throw corrupt(`${where} has another checksum than when it was written`)
  let bytes = chunk.data
  if (chunk.codec === 'brotli') {
    try {
      bytes = brotliDecompressSync(chunk.data, { maxOutputLength: CHUNK_BYTES })
    } catch (cause) {
      throw corrupt(`${where} cannot be decompressed`, cause)
    }
  }
  if (bytes.byteLength !== chunk.size) {
    throw corrupt(`${where} has ${bytes.byteLength} bytes, ${chunk.size} were written`)
  }
  return bytes
}

export function corrupt(message: string, cause?: unknown): FleetError {
  return new FleetError('ARTIFACT_CORRUPT', { message, ...(cause === undefined ? {} : { cause }) })
}
