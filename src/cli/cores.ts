import { availableParallelism } from 'node:os'
import { FleetError } from '../errors.js'

/** The cores of the server's machine: as given, or those of this machine when it is the server's. Errors: INPUT_INVALID. */
export function serverCores(given: number | undefined, host: string): number {
  if (given !== undefined) return given
  if (/^(127\.|\[?::1\]?$|localhost$)/.test(host)) return availableParallelism()
  throw new FleetError('INPUT_INVALID', {
    message: `cores: how many cores ${host} has cannot be asked through a connection`,
    field: 'cores',
    hint: 'Give them with --cores.',
  })
}
