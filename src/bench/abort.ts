import { FleetError } from '../errors.js'

/** The error for a benchmark that its caller ended. */
export function abortedError(signal: AbortSignal): FleetError {
  return new FleetError('ABORTED', {
    message: 'The benchmark was aborted.',
    hint: 'Nothing was saved; start it again when wanted.',
    cause: signal.reason,
  })
}

/** Throws when the caller has ended the benchmark. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal)
}
