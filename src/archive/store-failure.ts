import { FleetError, isFleetError } from '../errors.js'

/** The catalogue's error for what a store failed with while it was doing something; one of ours is passed on. */
export function storeFailure(doing: string, error: unknown, signal?: AbortSignal): FleetError {
  if (isFleetError(error)) return error
  if (signal?.aborted) return new FleetError('ABORTED', { message: `${doing} was stopped`, cause: signal.reason })
  const { code, name, message } = error as NodeJS.ErrnoException
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
  const kind = code ?? (status === undefined ? name : `${name}, HTTP ${status}`)
  return new FleetError('ARCHIVE_STORE_FAILED', {
    message: `${doing} failed: ${kind}: ${message}`,
    cause: error,
    details: { ...(code === undefined ? {} : { code }), ...(status === undefined ? {} : { status }) },
  })
}
