import type { HistoryReading } from './history-reading.js'
import type { KeptServer } from './history-record.js'

/** What a mark tells: each ends what counters can be compared over, but for `setting`, `failure` and `damage`. */
export type MarkKind =
  | 'gap'
  | 'down'
  | 'restart'
  | 'promotion'
  | 'demotion'
  | 'upgrade'
  | 'clock'
  | 'setting'
  | 'failure'
  | 'damage'

/** Something that happened, or was not seen, next to the values of a history. */
export interface HistoryMark {
  readonly kind: MarkKind
  /** For a gap, a time that a server was down or a source failed: when it began. */
  readonly at: Date
  /** When it was over; undefined for what has no length, and for what lasts. */
  readonly until?: Date
  /** In one line. */
  readonly text: string
}

/** How much longer than the interval two snapshots are apart before that is a gap. */
export const GAP_FACTOR = 2.5

/** The interval where a history does not tell it, in milliseconds. */
const INTERVAL_MS = 60_000

/** How far apart the snapshots of a reading are meant to be, in milliseconds: as its latest note says. */
export function intervalOf({ notes }: Pick<HistoryReading, 'notes'>): number {
  return [...notes.values()].findLast(({ intervalMs }) => intervalMs !== undefined)?.intervalMs ?? INTERVAL_MS
}

/** The marks of a reading, by their times, and the places in `times` behind which counters begin anew. */
export function marksOf(reading: HistoryReading): { marks: HistoryMark[]; breaks: ReadonlySet<number> } {
  const { times, notes, from, to, beginsAt, damages } = reading
  const longest = intervalOf(reading) * GAP_FACTOR
  const marks: HistoryMark[] = damages.map((text) => ({ kind: 'damage', at: from, text }))
  const breaks = new Set<number>()
  const span = new Spans(marks)
  let server: KeptServer | undefined
  let interval = longest

  const gap = (start: Date, end: Date, text = 'nothing was collected') => {
    marks.push({ kind: 'gap', at: start, until: end, text })
  }
  const first = times[0]
  if (first === undefined) {
    const start = new Date(Math.max(from.getTime(), Math.min(beginsAt.getTime(), to.getTime())))
    if (start < to) gap(start, to)
  } else if (first.getTime() - Math.max(from.getTime(), beginsAt.getTime()) > longest) gap(from, first)
  times.forEach((at, i) => {
    const note = notes.get(i)
    if (note?.intervalMs !== undefined) interval = note.intervalMs * GAP_FACTOR
    const before = times[i - 1]
    if (before !== undefined && at < before) {
      marks.push({ kind: 'clock', at, text: `the clock of the monitor went back from ${before.toISOString()}` })
      breaks.add(i)
    } else if (before !== undefined && at.getTime() - before.getTime() > interval) {
      gap(before, at)
      breaks.add(i)
    }
    for (const mark of changesOf(server, note?.server, at)) {
      marks.push(mark)
      breaks.add(i)
    }
    server = note?.server ?? server
    if (note?.isUp !== undefined) {
      span.set('down', '', at, note.isUp ? undefined : 'the server did not answer')
    }
    if (note?.failures !== undefined) {
      const failing = new Map(note.failures.map(({ source, reason }) => [source, reason]))
      for (const source of span.open('failure')) if (!failing.has(source)) span.set('failure', source, at, undefined)
      for (const [source, reason] of failing) span.set('failure', source, at, `${source}: ${reason}`)
    }
    for (const change of note?.settings ?? []) {
      marks.push({ kind: 'setting', at, text: `${change.name}: ${change.from ?? 'none'} → ${change.to ?? 'none'}` })
    }
  })
  const last = times.at(-1)
  if (last !== undefined && Math.min(to.getTime(), Date.now()) - last.getTime() > interval) {
    gap(last, to, 'nothing was collected since')
  }
  span.end()
  return { marks: marks.sort((a, b) => a.at.getTime() - b.at.getTime()), breaks }
}

/** What became of the server since the snapshot before. */
function changesOf(before: KeptServer | undefined, now: KeptServer | undefined, at: Date): HistoryMark[] {
  if (before === undefined || now === undefined) return []
  const marks: HistoryMark[] = []
  if (now.timeline !== before.timeline || (before.inRecovery && !now.inRecovery)) {
    marks.push({ kind: 'promotion', at, text: `promoted: timeline ${before.timeline} → ${now.timeline}` })
  }
  if (!before.inRecovery && now.inRecovery) marks.push({ kind: 'demotion', at, text: 'a replica from now on' })
  if (now.startedAt !== before.startedAt) {
    marks.push({ kind: 'restart', at, text: `the server was started at ${now.startedAt}` })
  }
  if (now.version !== before.version) {
    marks.push({ kind: 'upgrade', at, text: `PostgreSQL ${before.version} → ${now.version}` })
  }
  return marks
}

/** Marks that have a beginning and an end: one while it goes on, whatever is told of it meanwhile. */
class Spans {
  readonly #marks: HistoryMark[]
  readonly #open = new Map<string, { kind: MarkKind; name: string; at: Date; text: string }>()

  constructor(marks: HistoryMark[]) {
    this.#marks = marks
  }

  /** The names of those of a kind that go on. */
  open(kind: MarkKind): string[] {
    return [...this.#open.values()].filter((one) => one.kind === kind).map(({ name }) => name)
  }

  /** One goes on, with a text, or has ended. */
  set(kind: MarkKind, name: string, at: Date, text: string | undefined): void {
    const key = `${kind} ${name}`
    const open = this.#open.get(key)
    if (text === undefined) {
      this.#open.delete(key)
      if (open !== undefined) this.#marks.push({ kind, at: open.at, until: at, text: open.text })
    } else if (open === undefined) this.#open.set(key, { kind, name, at, text })
  }

  /** Those that have not ended. */
  end(): void {
    for (const { kind, at, text } of this.#open.values()) this.#marks.push({ kind, at, text })
  }
}
