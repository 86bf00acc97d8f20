import { onAbort } from '../../../database/abort-signal.js'
import { FleetError, isFleetError } from '../../../errors.js'
import { CHUNK_BYTES } from './artifact-chunk.js'

/** Where the bytes of an artifact come from; text is UTF-8. A stream is read once, from where it stands. */
export type ArtifactSource = Uint8Array | string | AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>

/** What a source is read with. */
export interface SourceOptions {
  /** The argument that the source is, for errors. */
  readonly field: string
  /** Most bytes. */
  readonly sizeMax: number
  readonly signal?: AbortSignal | undefined
}

/** True for what a source may be. */
export function isSource(value: unknown): value is ArtifactSource {
  if (typeof value === 'string' || value instanceof Uint8Array) return true
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
}

/**
 * The bytes of a source that is known to fit into one chunk without being read: the caller's own, which it may change as soon as it
 * goes on; or a copy, of shared memory and of a short text. Undefined for any other.
 */
export function loneChunkOf(source: ArtifactSource, sizeMax: number): Uint8Array | undefined {
  if (source instanceof Uint8Array) {
    if (source.byteLength > Math.min(CHUNK_BYTES, sizeMax)) return undefined
    // Another thread may change it at any moment.
    return source.buffer instanceof SharedArrayBuffer ? Buffer.from(source) : source
  }
  // Fits, whatever its characters: no room for a whole chunk is taken for it.
  const fits = typeof source === 'string' && source.length <= CHUNK_BYTES / 3 && source.length * 3 <= sizeMax
  return fits ? Buffer.from(source) : undefined
}

/**
 * The bytes of a source in pieces of CHUNK_BYTES, the last one shorter; none for an empty one. Each piece is a buffer of
 * its own, and no more than one is held. Errors: INPUT_INVALID for too many bytes or a part that is none, UPLOAD_BROKEN
 * with what the source threw as cause, ABORTED.
 */
export async function* chunksOf(source: ArtifactSource, options: SourceOptions): AsyncGenerator<Uint8Array, void> {
  const lone = loneChunkOf(source, options.sizeMax)
  if (lone !== undefined) {
    // A copy, no larger than it: what the caller does to the bytes afterwards must not matter.
    if (lone.byteLength > 0) yield lone === source ? Buffer.from(lone) : lone
    return
  }
  let piece = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  let filled = 0
  let total = 0
  for await (const part of partsOf(source, options)) {
    total += part.byteLength
    if (total > options.sizeMax) {
      throw new FleetError('INPUT_INVALID', {
        message: `${options.field} has more than ${options.sizeMax} bytes`,
        field: options.field,
        details: { sizeMax: options.sizeMax },
      })
    }
    for (let taken = 0; taken < part.byteLength; ) {
      const fits = Math.min(part.byteLength - taken, CHUNK_BYTES - filled)
      piece.set(part.subarray(taken, taken + fits), filled)
      taken += fits
      filled += fits
      if (filled === CHUNK_BYTES) {
        yield piece
        piece = Buffer.allocUnsafeSlow(CHUNK_BYTES)
        filled = 0
      }
    }
  }
  if (filled > 0) yield piece.subarray(0, filled)
}

/** The parts as bytes; ends the wait for one that does not come when the signal fires. */
async function* partsOf(source: ArtifactSource, { field, signal }: SourceOptions): AsyncGenerator<Uint8Array, void> {
  if (typeof source === 'string' || source instanceof Uint8Array) {
    yield bytesOf(source, field)
    return
  }
  const iterator =
    Symbol.asyncIterator in source
      ? source[Symbol.asyncIterator]()
      : (source as Iterable<Uint8Array>)[Symbol.iterator]()
  const abortion = () =>
    new FleetError('ABORTED', { message: `${field} was aborted; nothing was kept of it`, cause: signal?.reason })
  // One waiter at a time: a race against one promise for the whole stream would keep every part until its end.
  let interrupt: (error: FleetError) => void = () => {}
  const forget = onAbort(signal, () => interrupt(abortion()))
  const nextPart = () =>
    new Promise<IteratorResult<Uint8Array | string>>((resolve, reject) => {
      if (signal?.aborted) return reject(abortion())
      interrupt = reject
      Promise.resolve(iterator.next()).then(resolve, reject)
    })
  let ended = false
  try {
    for (;;) {
      const next = await nextPart()
      if (next.done) {
        ended = true
        return
      }
      yield bytesOf(next.value, field)
    }
  } catch (error) {
    if (isFleetError(error, 'ABORTED') || isFleetError(error, 'INPUT_INVALID')) throw error
    throw new FleetError('UPLOAD_BROKEN', {
      message: `${field} broke off before its end; nothing was kept of it`,
      field,
      cause: error,
    })
  } finally {
    forget()
    // Lets the source close its file. Not waited for: a source that hangs would hang us.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

function bytesOf(part: unknown, field: string): Uint8Array {
  if (part instanceof Uint8Array) return part
  if (typeof part === 'string') return Buffer.from(part)
  throw new FleetError('INPUT_INVALID', {
    message: `${field} must give bytes or text, it gave ${part === null ? 'null' : typeof part}`,
    field,
  })
}
