// A bi-temporal store as simple as can be: time is a row of days, and what is believed of a key is a value for each of them.
// Every state that was ever believed is kept.

export interface Value {
  readonly type?: string
  readonly name?: string
  readonly properties: Readonly<Record<string, unknown>>
}

/** The days of the model, 0 to DAYS - 1; the first stands for all time before it, the last for all time after. */
export const DAYS = 8

export type Line = readonly (Value | undefined)[]
const EMPTY: Line = Array.from({ length: DAYS }, () => undefined)

/** A stretch of days [from, to); null is without bound. */
export interface Span {
  readonly from: number | null
  readonly to: number | null
}

const within = (day: number, { from, to }: Span) => day >= (from ?? 0) && day < (to ?? DAYS)

/** Equal whatever the order of members. */
export function same(a: Value | undefined, b: Value | undefined): boolean {
  const text = (value: Value | undefined) =>
    value &&
    JSON.stringify([value.type, value.name, Object.entries(value.properties).sort(([x], [y]) => (x < y ? -1 : 1))])
  return text(a) === text(b)
}

/** One key's line, and every line that it had, with the moment as of which it was believed. */
class Track {
  line: Line = EMPTY
  readonly past: { readonly recordedAt: string; readonly line: Line }[] = []

  set(next: Line, recordedAt: string): boolean {
    const changed = next.some((value, day) => !same(value, this.line[day]))
    this.line = next
    // Changes of one moment are one: the last counts.
    if (this.past.at(-1)?.recordedAt === recordedAt) this.past.pop()
    this.past.push({ recordedAt, line: next })
    return changed
  }

  /** False also for what was asserted and retracted at one moment: nobody ever believed it. */
  get isKnown(): boolean {
    return [this, ...this.past].some(({ line }) => line.some((value) => value !== undefined))
  }

  at(knownAt: string | undefined): Line {
    if (knownAt === undefined) return this.line
    return this.past.findLast(({ recordedAt }) => recordedAt <= knownAt)?.line ?? EMPTY
  }
}

/** What was refused, by its code. */
export class Refused extends Error {
  constructor(readonly code: string) {
    super(code)
  }
}

export interface Link {
  readonly subject: string
  readonly type: string
  readonly object: string
}
const keyOf = ({ subject, type, object }: Link) => `${subject} ${type} ${object}`

export class BitemporalModel {
  readonly entities = new Map<string, Track>()
  readonly relationships = new Map<string, { link: Link; track: Track }>()

  entity(id: string, knownAt?: string): Line {
    return this.entities.get(id)?.at(knownAt) ?? EMPTY
  }

  /** Something is or was believed of the entity. */
  knows(id: string): boolean {
    return this.entities.get(id)?.isKnown ?? false
  }

  relationship(link: Link, knownAt?: string): Line {
    return this.relationships.get(keyOf(link))?.track.at(knownAt) ?? EMPTY
  }

  /** What the change would make of it, without making it; throws what it would be refused with. */
  assertEntity(id: string, value: Value, span: Span): Line {
    return this.entity(id).map((was, day) => (within(day, span) ? value : was))
  }

  correctEntity(id: string, patch: Partial<Value>, span: Span): Line {
    const line = this.entity(id)
    if (!line.some((was, day) => was && within(day, span))) throw new Refused('ENTITY_UNKNOWN')
    return line.map((was, day) => (was && within(day, span) ? patched(was, patch) : was))
  }

  retractEntity(id: string, span: Span, detach: boolean): { line: Line; detached: Link[] } {
    if (!this.knows(id)) throw new Refused('ENTITY_UNKNOWN')
    const detached = [...this.relationships.values()]
      .filter(
        ({ link, track }) =>
          (link.subject === id || link.object === id) && track.line.some((was, day) => was && within(day, span)),
      )
      .map(({ link }) => link)
    if (detached.length > 0 && !detach) throw new Refused('ENTITY_IN_USE')
    return { line: this.entity(id).map((was, day) => (within(day, span) ? undefined : was)), detached }
  }

  assertRelationship(link: Link, value: Value, span: Span): Line {
    for (const end of [link.subject, link.object]) {
      if (this.entity(end).some((there, day) => !there && within(day, span))) throw new Refused('ENTITY_UNKNOWN')
    }
    return this.relationship(link).map((was, day) => (within(day, span) ? value : was))
  }

  correctRelationship(link: Link, patch: Partial<Value>, span: Span): Line {
    const line = this.relationship(link)
    if (!line.some((was, day) => was && within(day, span))) throw new Refused('RELATIONSHIP_UNKNOWN')
    return line.map((was, day) => (was && within(day, span) ? patched(was, patch) : was))
  }

  retractRelationship(link: Link, span: Span): Line {
    if (!this.relationships.get(keyOf(link))?.track.isKnown) throw new Refused('RELATIONSHIP_UNKNOWN')
    return this.relationship(link).map((was, day) => (within(day, span) ? undefined : was))
  }

  setEntity(id: string, line: Line, recordedAt: string): boolean {
    const track = this.entities.get(id) ?? new Track()
    this.entities.set(id, track)
    return track.set(line, recordedAt)
  }

  setRelationship(link: Link, line: Line, recordedAt: string): boolean {
    const found = this.relationships.get(keyOf(link)) ?? { link, track: new Track() }
    this.relationships.set(keyOf(link), found)
    return found.track.set(line, recordedAt)
  }

  /** What can be reached from an entity on a day, as it was known, and in how many steps. */
  reach(start: string, day: number, knownAt: string | undefined, depth: number): Map<string, number> {
    const reached = new Map<string, number>([[start, 0]])
    for (let step = 1; step <= depth; step++) {
      const frontier = [...reached].filter(([, at]) => at === step - 1).map(([id]) => id)
      for (const { link, track } of this.relationships.values()) {
        if (frontier.includes(link.subject) && track.at(knownAt)[day] && !reached.has(link.object))
          reached.set(link.object, step)
      }
    }
    reached.delete(start)
    return reached
  }
}

/** Members of the properties are replaced by name, and removed by null. */
function patched(was: Value, patch: Partial<Value>): Value {
  const properties = Object.fromEntries(
    Object.entries({ ...was.properties, ...patch.properties }).filter(([name]) => patch.properties?.[name] !== null),
  )
  return { ...was, ...patch, properties }
}

/** The longest stretches of days that say the same. */
export function stretches(line: Line): { from: number | null; to: number | null; value: Value }[] {
  const found: { from: number; to: number; value: Value }[] = []
  for (const [day, value] of line.entries()) {
    if (value === undefined) continue
    const last = found.at(-1)
    if (last !== undefined && last.to === day && same(last.value, value)) last.to = day + 1
    else found.push({ from: day, to: day + 1, value })
  }
  return found.map(({ from, to, value }) => ({ from: from === 0 ? null : from, to: to === DAYS ? null : to, value }))
}
