import { z } from 'zod'

/** A moment to ask about or to record: a Date, or ISO 8601 with at most microseconds and a zone; a date alone is its midnight in UTC. */
export type Moment = Date | string

/** A moment as it comes back: ISO 8601, UTC, microseconds, so that it can be asked about again without loss. */
export type Instant = string

/** A stretch of valid time, from the first moment at which something held to the first at which it no longer did. */
export interface Period {
  /** Null or left out: since always, or since when is unknown. */
  readonly validFrom?: Moment | null
  /** Null or left out: for ever, or until when is unknown. */
  readonly validTo?: Moment | null
}

/** A point of both times. */
export interface TimePoint {
  /** What held at this moment. @default `knownAt` where that is given, else now */
  readonly at?: Moment
  /** As it was known at this moment, whatever was learned since. @default what is known now */
  readonly knownAt?: Moment
}

const SHAPE = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6}))?(Z|[+-]\d{2}:\d{2}))?$/
const ADVICE = 'is not a Date or an ISO 8601 moment (years 1 to 9999, a zone, at most microseconds)'

/** The moment in the one form that sorts as moments do; undefined for what is none. */
export function toInstant(value: unknown): Instant | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : legal(value, '')
  if (typeof value !== 'string') return undefined
  const [, day, time = '00:00', fraction = '', zone = 'Z'] = SHAPE.exec(value) ?? []
  if (day === undefined) return undefined
  // Date takes the 30th of February for the 1st of March.
  const midnight = new Date(`${day}T00:00Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== day) return undefined
  const date = new Date(`${day}T${time}${zone}`)
  return Number.isNaN(date.getTime()) ? undefined : legal(date, fraction)
}

/** A moment as the database writes it into JSON, in UTC; null for its infinities. */
export function ofJson(text: string): Instant | null {
  if (text.endsWith('infinity')) return null
  return `${text.slice(0, 19)}.${text.slice(20, -6).padEnd(6, '0')}Z`
}

/** Null for years that have no four digits. */
function legal(date: Date, fraction: string): Instant | undefined {
  const year = date.getUTCFullYear()
  if (year < 1 || year > 9999) return undefined
  const iso = date.toISOString()
  return fraction === '' ? `${iso.slice(0, -1)}000Z` : `${iso.slice(0, 19)}.${fraction.padEnd(6, '0')}Z`
}

/** Checks a moment, and brings it into that form. */
export const moment = z.unknown().transform((value, context): Instant => {
  const instant = toInstant(value)
  if (instant !== undefined) return instant
  context.addIssue({ code: 'custom', message: ADVICE })
  return z.NEVER
})

const bound = z
  .unknown()
  .transform((value, context): Instant | null => {
    const instant = value === null || value === undefined ? null : toInstant(value)
    if (instant !== undefined) return instant
    context.addIssue({ code: 'custom', message: `${ADVICE}, nor null` })
    return z.NEVER
  })
  .optional()

/** The members of a period, for the shapes that have one. */
export const period = { validFrom: bound, validTo: bound }

/** Refuses a period that ends before, or when, it begins. */
export function refinePeriod(
  value: { validFrom?: Instant | null | undefined; validTo?: Instant | null | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (value.validFrom == null || value.validTo == null || value.validFrom < value.validTo) return
  context.addIssue({
    code: 'custom',
    path: ['validTo'],
    message: `the valid time ends at ${value.validTo}, which is not after its start ${value.validFrom}`,
    input: value.validTo,
  })
}

/** The members of a point of both times. */
export const timePoint = { at: moment.optional(), knownAt: moment.optional() }

/** The shape of what a cursor says of a version: when it was recorded, and since when it is valid. */
export const versionCursor = [
  z.string().refine((value) => toInstant(value) === value),
  z.string().refine((value) => value === '-infinity' || toInstant(value) === value),
] as const
