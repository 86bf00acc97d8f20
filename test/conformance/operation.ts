import type { CallOptions, ErrorCode, Transaction } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'

/** The stores of a tenant, or of a transaction in it, with a door past them. */
export interface Place extends Transaction {
  readonly tenant: string
  /** A statement as the login, a superuser: to look at rows that the store hides, or to make them old. */
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
}

/** What a call is about. Two samples never touch the same rows; the same sample again is the same call again. */
export interface Sample {
  readonly name: string
  /** A UUIDv7. */
  readonly id: string
  /** What `arrange` made, for the others. */
  readonly made: Record<string, string>
}

export const sampleOf = (n: number | string): Sample => ({ name: `sample-${n}`, id: uuidv7(), made: {} })

/** A call on a place; it may also throw at once. */
export type Call = (place: Place, sample: Sample, options?: CallOptions) => unknown

/**
 * A public operation of a store, and all that the conformance suite needs to know of it. A store's part lists its own in
 * `operations/<part>.ts`; the suite fails for an operation that nobody lists.
 */
export interface StoreOperation {
  /** Where it hangs on a tenant, like `memory.kv.set`. */
  readonly path: string
  /** Makes what the call needs: the rows that a read finds, or that a write changes. */
  readonly arrange?: (place: Place, sample: Sample) => Promise<unknown>
  readonly call: Call
  /** What can be seen of a write afterwards; without it the operation is a read. No times: it is compared. */
  readonly read?: (place: Place, sample: Sample) => Promise<unknown>
  /** Arguments that are refused with INPUT_INVALID, by the field that the error names; empty when it takes none. */
  readonly bad: Readonly<Record<string, Call>>
  /** Arguments that the database refuses, by the error's code. */
  readonly refused?: Readonly<Partial<Record<ErrorCode, Call>>>
  /**
   * What the same call does when it is repeated after an answer was lost. `same`: nothing more. `counts`: it is applied
   * again, visibly, so it must not be repeated by itself. A code: it is refused. Writes only.
   */
  readonly repeat?: 'same' | 'counts' | ErrorCode
  /** What a call in a tenant that does not exist ends with. @default 'TENANT_UNKNOWN' */
  readonly unknownTenant?: ErrorCode
  /** Takes a signal. @default false */
  readonly aborts?: boolean
  /** Calls of several callers leave in one statement. @default false */
  readonly gathered?: boolean
  /** The table whose rows expire: then nothing is read of them, and the call starts anew. */
  readonly expires?: string
}
