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

/**
 * How hard a chunk is packed. `tight` is brotli's quality 1: as tight as deflate at level 1, in half its time. `quick` is for a chunk whose
 * caller waits: from QUICK_BYTES on quality 0, which packs text in two thirds of that time, 0.13 ms for 64 KiB, into a twentieth more of source text
 * and up to a fifth of prose; and bytes that look random are not tried.
 */
export type Packing = 'tight' | 'quick'

/** Below it quality 1 costs a caller no more. */
const QUICK_BYTES = 16_384
/** Room for what brotli adds to bytes that it cannot pack: it writes into one buffer, which nobody has to join. */
const OVERHEAD = 1024

/** Makes a chunk of so many bytes; compressed where that saves a tenth. What is not is the bytes themselves, which must not change afterwards. */
export function packChunk(bytes: Uint8Array, compression: 'auto' | 'none', packing: Packing): Chunk {
  const size = bytes.byteLength
  const isTried = compression === 'auto' && size >= 64 && !(packing === 'quick' && looksRandom(bytes))
  const packed = isTried
    ? brotliCompressSync(bytes, {
        chunkSize: size + OVERHEAD,
        params: {
          [constants.BROTLI_PARAM_QUALITY]: packing === 'quick' && size >= QUICK_BYTES ? 0 : 1,
          [constants.BROTLI_PARAM_SIZE_HINT]: size,
        },
      })
    : bytes
  const pays = packed.byteLength <= size * 0.9
  const data = pays ? packed : bytes
  return { codec: pays ? 'brotli' : 'none', size, crc: crc32(data), data }
}

const SAMPLES = 4096
const counts = new Uint16Array(256)

/**
 * Whether a sample of the bytes has each value about equally often, as what is random, encrypted or compressed already has. Giving such
 * bytes to brotli would cost the caller 0.08 ms for 64 KiB, and the collector of garbage as much again: for a buffer as large as they.
 */
function looksRandom(bytes: Uint8Array): boolean {
  if (bytes.byteLength < QUICK_BYTES) return false
  // From all of the bytes; odd, lest it falls in step with records of a power of two.
  const stride = (Math.floor(bytes.byteLength / SAMPLES) - 1) | 1
  counts.fill(0)
  for (let n = 0, at = 0; n < SAMPLES; n++, at += stride) (counts[bytes[at] as number] as number)++
  let pairs = 0
  for (const count of counts) pairs += count * (count - 1)
  // Two of the samples are equal as often as two of 256 values that are equally likely, or a twelfth more often: more than 7.88 bits a byte.
  return pairs < ((SAMPLES * (SAMPLES - 1)) / 256) * (13 / 12)
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
