import { z } from 'zod'

/** A place in a log that is followed in the order of transactions: behind it the reader goes on, and misses nothing. */
export interface LogPosition {
  /** The database and timeline that the numbers belong to. */
  readonly log: string
  readonly transaction: bigint
  readonly sequence: bigint
}

const CURSOR = /^(?<log>[0-9a-f]{1,16}-[0-9A-F]{1,8}):(?<transaction>\d{1,19}):(?<sequence>\d{1,18})$/

/** A position as text. */
export const cursorText = z.string().regex(CURSOR, 'is not a cursor')

/** The position that a cursor tells; undefined for any other text. */
export function toPosition(cursor: string): LogPosition | undefined {
  const { log, transaction, sequence } = CURSOR.exec(cursor)?.groups ?? {}
  if (log === undefined || transaction === undefined || sequence === undefined) return undefined
  return { log, transaction: BigInt(transaction), sequence: BigInt(sequence) }
}

/** The cursor that tells a position. */
export function toCursor({ log, transaction, sequence }: LogPosition): string {
  return `${log}:${transaction}:${sequence}`
}

/** True when everything up to `one` comes before what is behind `other`, of the same log. */
export function isAtOrBefore(one: LogPosition, other: LogPosition): boolean {
  return (
    one.transaction < other.transaction || (one.transaction === other.transaction && one.sequence <= other.sequence)
  )
}
