import type { Fleet } from '../fleet.js'
import type { Sample } from './verdict.js'

/** What a setting is set on, in plain values: it is kept with the trial, and the way back is made of it. */
export type Target = Readonly<Record<string, string | number>>

/** Counters as they stood at a moment; a sample is what lies between two. */
export type Reading = Readonly<Record<string, number>>

/** A change that a knob would try. */
export interface Candidate {
  readonly target: Target
  /** The target in words: `role app`, `table public.jobs`. */
  readonly scope: string
  readonly setting: string
  /** What is set there; null: nothing, and a wider scope's value holds. */
  readonly oldValue: string | null
  readonly newValue: string
  /** What was seen that calls for it, with its numbers. */
  readonly reason: string
  /** What a person would run to make the change, and to take it back. */
  readonly apply: string
  readonly undo: string
  /** How much there is to win, of all that was seen, 0 to 1: the largest is tried first. */
  readonly weight: number
  /** What is measured and guarded, where it is not what the knob says of most. */
  readonly metric?: string
  readonly guard?: string
  /** What its samples are compared with; from the first look. */
  readonly reference: Reading
}

/** Something that looks as if it wanted a change, and is left as it is. */
export interface LeftAlone {
  readonly knob: string
  readonly scope: string
  readonly reason: string
}

/** What a knob found. */
export interface Findings {
  readonly candidates: readonly Candidate[]
  readonly left: readonly Omit<LeftAlone, 'knob'>[]
}

/** Runs SQL that a knob wrote, in the transaction it is given in. */
export type RunText = <Row = Record<string, unknown>>(text: string, values?: readonly unknown[]) => Promise<Row[]>

/** What knobs work with. */
export interface Bench {
  readonly fleet: Fleet
  /** Reads, in a transaction of its own that is read only and ends after a time. */
  readonly query: RunText
  /** The same within settings that hold for this question alone. */
  ask<Row>(text: string, values: readonly unknown[], settings: Readonly<Record<string, string>>): Promise<Row[]>
  /** The console of PgBouncer, where one is given. */
  readonly pooler: ((text: string) => Promise<Record<string, unknown>[]>) | undefined
  /** The value that a trial of ours has kept there and nobody took back; undefined: none. */
  kept(knob: string, scope: string): Promise<string | undefined>
  readonly limits: BenchLimits
}

/** Bounds of all knobs. */
export interface BenchLimits {
  /** Names of roles and tables that are left alone, as `app` or `public.jobs`. */
  readonly keep: readonly string[]
  /** Calls in a window without which nothing is decided. */
  readonly callsMin: number
  /** Share of the nearest that searches have to find. */
  readonly recallMin: number
  /** Memory of the server's machine in bytes; undefined: asked of the server. */
  readonly memoryBytes: number | undefined
}

/**
 * A setting that may be tried: what it may change and how, what tells whether it is better, and what must not get worse.
 * A file each, all of one shape.
 */
export interface Knob {
  readonly id: string
  /** What is changed, in a few words. */
  readonly title: string
  readonly place: 'server' | 'pooler' | 'process'
  /** What is measured, lower is better. */
  readonly metric: string
  readonly guard: string
  /** How often windows without and with the change follow each other: 1 where going back and forth is not cheap. */
  readonly rounds: 1 | 2
  /** The bounds of its values, in words. */
  readonly bounds: string
  /** Counters before the first look's window; undefined where it has nothing to look at. */
  look(bench: Bench): Promise<unknown>
  /** What it would change, by what happened since `look`. */
  find(bench: Bench, since: unknown): Promise<Findings>
  /** The counters of a candidate's metric and guards. */
  read(bench: Bench, candidate: Candidate): Promise<Reading>
  /** The sample between two readings; `milliseconds` lie between them. */
  sample(candidate: Candidate, from: Reading, to: Reading, milliseconds: number): Sample
  /** A look at a guard that costs more, now and then while the change holds. */
  probe?(bench: Bench, candidate: Candidate): Promise<Sample['guards']>
  /** What keeps the present setting from being measured yet, in words; undefined when nothing does. */
  unsettled?(bench: Bench, candidate: Candidate, since: Date, from: Reading): Promise<string | undefined>
  /** What is set on a target at present; null: nothing. undefined: there is no such target any more. */
  current(bench: Bench, target: Target): Promise<string | null | undefined>
  /** Sets it, or with null takes it away. Within its bounds, whatever is asked for. Errors: INPUT_INVALID. */
  set(bench: Bench, run: RunText, target: Target, value: string | null): Promise<void>
}

/** Two readings that do not follow from each other: counters were reset between them. */
export class CountersReset extends Error {}

/** What a counter grew by. Errors: CountersReset when it is less than before. */
export function growth(from: Reading, to: Reading, name: string): number {
  const [old, now] = [from[name] ?? 0, to[name] ?? 0]
  if (now < old) throw new CountersReset(`${name} went back from ${old} to ${now}`)
  return now - old
}
