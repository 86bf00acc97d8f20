import { createHash } from 'node:crypto'
import { v7 } from 'uuid'
import { z } from 'zod'
import { FleetError } from '../../errors.js'

/** Labels by their names. */
export type Labels = Readonly<Record<string, string>>

/** One message about one alert. */
export interface AlertNotice {
  /** A UUIDv7 whose time is `at`; the same however often the message is sent. */
  readonly id: string
  /** `firing` once, `repeat` now and then while it lasts, `resolved` once. */
  readonly kind: 'firing' | 'repeat' | 'resolved'
  /** When it was due. */
  readonly at: Date
}

/** An alert that is due, may become so, or whose end has not been delivered yet. */
export interface OpenAlert {
  /** A UUIDv7 of this occurrence. */
  readonly id: string
  /** The id of its rule. */
  readonly rule: string
  /** What tells it from others of the rule: a table, a slot, a database. */
  readonly labels: Labels
  /** `pending` until the condition has held for long enough; `resolved` only until that is delivered. */
  readonly state: 'pending' | 'firing' | 'resolved'
  /** The number, when the condition last held. */
  readonly value: number
  /** Since when the condition holds. */
  readonly since: Date
  /** When it last held. */
  readonly lastAt: Date
  /** When it began to fire; null while it is pending. */
  readonly firedAt: Date | null
  /** When the condition was first seen not to hold; null while it does. */
  readonly easedAt: Date | null
  /** When it was over; null before. */
  readonly resolvedAt: Date | null
  /** `over`: it was measured, and the condition no longer holds. `gone`: what was measured is no longer there. */
  readonly end: 'over' | 'gone' | null
  /** When there was last a message; null when there was none, because it is pending or silenced. */
  readonly noticedAt: Date | null
  /** The message that is not delivered yet; a later one takes its place. */
  readonly unsent: AlertNotice | null
}

/** Where alerts are kept, so that a monitor that starts again does not tell everything again. */
export interface AlertStore {
  /** All that was saved last; nothing when nothing was. */
  load(): Promise<readonly OpenAlert[]>
  /** Puts these in the place of all before. */
  save(alerts: readonly OpenAlert[]): Promise<void>
}

/** Most alerts that are open at once; more are counted and not opened. */
export const OPEN_ALERTS_MAX = 1000

/** Equal for equal labels, whatever their order. */
export function labelsKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A UUIDv7 of a time and of what it is about: the same again for the same. */
export function idOf(at: Date, ...about: readonly string[]): string {
  const random = createHash('sha256').update(JSON.stringify(about)).digest()
  return v7({ msecs: Math.max(0, at.getTime()), random: random.subarray(0, 16), seq: random.readUInt32BE(16) })
}

const date = z.iso.datetime().transform((text) => new Date(text))
const stored = z.array(
  z.object({
    id: z.uuid(),
    rule: z.string(),
    labels: z.record(z.string(), z.string()),
    state: z.enum(['pending', 'firing', 'resolved']),
    // JSON has no infinity: a ratio to zero is stored as null.
    value: z
      .number()
      .nullable()
      .transform((value) => value ?? Number.POSITIVE_INFINITY),
    since: date,
    lastAt: date,
    firedAt: date.nullable(),
    easedAt: date.nullable(),
    resolvedAt: date.nullable(),
    end: z.enum(['over', 'gone']).nullable(),
    noticedAt: date.nullable(),
    unsent: z.object({ id: z.uuid(), kind: z.enum(['firing', 'repeat', 'resolved']), at: date }).nullable(),
  }),
)

/** Alerts as JSON, as stores keep them. */
export function encodeAlerts(alerts: readonly OpenAlert[]): string {
  return JSON.stringify(alerts)
}

/** Reads what `encodeAlerts` wrote, or its parsed JSON. Errors: ALERTS_UNREADABLE. */
export function decodeAlerts(json: unknown, where: string): readonly OpenAlert[] {
  try {
    return stored.parse(typeof json === 'string' ? JSON.parse(json) : json)
  } catch (cause) {
    throw new FleetError('ALERTS_UNREADABLE', { message: `${where} does not hold alerts`, cause })
  }
}
