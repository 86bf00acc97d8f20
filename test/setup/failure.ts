import { type ErrorCode, FleetError } from 'pgfleet'
import { expect } from 'vitest'

/** The FleetError that a call has to end with, of that code when one is given. */
export async function failure(call: Promise<unknown>, code?: ErrorCode): Promise<FleetError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error, 'the call should have failed').toBeInstanceOf(FleetError)
  if (code !== undefined) expect((error as FleetError).code, (error as FleetError).message).toBe(code)
  return error as FleetError
}
