import type { ErrorKind } from './kind.js'

/** Errors of the delivery store. */
export const DELIVERY_ERRORS = {} as const satisfies Record<string, ErrorKind>
