import { z } from 'zod'
import { FleetError } from '../../errors.js'

/** What a row has to be at to be written: its version; 0 when it must not be there; undefined for whatever it is. */
export const expectedVersion = z.int().min(0).optional()

let calls = 0

/** A number for the items of one call, which are written all or none though others travel with them. */
export function nextCall(): number {
  calls = (calls + 1) % Number.MAX_SAFE_INTEGER
  return calls
}

/** The error of a write that found another version than it expected. */
export function versionConflict(what: string, present: number, expected: number, field: string): FleetError {
  return new FleetError('VERSION_CONFLICT', {
    message:
      present === 0
        ? `${what} is not there, version ${expected} was expected`
        : expected === 0
          ? `${what} is there already, at version ${present}`
          : `${what} is at version ${present}, version ${expected} was expected`,
    field,
    details: { present, expected },
  })
}
