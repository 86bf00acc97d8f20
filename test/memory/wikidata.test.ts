import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isFleetError } from 'pgfleet'
import type { KnowledgeGraph, NewRelationship } from 'pgfleet/memory'
import { describe, expect, test } from 'vitest'
import { openTestFleet, sql } from '../setup/index.js'

const file = fileURLToPath(new URL('../../../shared/data/tkg/wikidata12k.txt', import.meta.url))
const absent = !existsSync(file)

/** A line: a relation between two entities, from a year to the end of a year; null where that is open or unknown. */
interface Fact {
  readonly subject: string
  readonly type: string
  readonly object: string
  readonly from: number | null
  readonly to: number | null
}

const yearOf = (text: string) => (text.startsWith('#') ? null : Number(text.split('-')[0]))

async function readFacts(): Promise<Fact[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const [subject, type, object, from, to] = line.split('\t') as [string, string, string, string, string]
    return { subject, type, object, from: yearOf(from), to: yearOf(to) }
  })
}

/** The same id for the same number, so that a second load means the same entities. */
const idOf = (entity: string) => {
  const hex = createHash('sha256').update(`wikidata12k ${entity}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
const newYear = (year: number) => `${String(year).padStart(4, '0')}-01-01`

const toRelationship = ({ subject, type, object, from, to }: Fact): NewRelationship => ({
  subjectId: idOf(subject),
  type,
  objectId: idOf(object),
  validFrom: from === null ? null : newYear(from),
  // A year that is named last is part of it.
  validTo: to === null ? null : newYear(to + 1),
})

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

const holdsIn = ({ from, to }: Fact, year: number) => (from === null || from <= year) && (to === null || year <= to)

/** Asserts them all, a thousand at a time; those that are refused, one by one, with the reason. */
async function load(
  graph: KnowledgeGraph,
  facts: readonly Fact[],
): Promise<{ fact: Fact; code: string; field: string }[]> {
  const refused: { fact: Fact; code: string; field: string }[] = []
  let left = facts
  while (left.length > 0) {
    const part = left.slice(0, 1000)
    try {
      await graph.relationships.assert(part.map(toRelationship), { durability: 'async' })
      left = left.slice(part.length)
    } catch (error) {
      if (!isFleetError(error)) throw error
      const place = Number(/\[(\d+)\]/.exec(error.field ?? '')?.[1])
      refused.push({ fact: part[place] as Fact, code: error.code, field: error.field?.replace(/^.*\./, '') as string })
      left = left.filter((_, i) => i !== place)
    }
  }
  return refused
}

describe.skipIf(absent)(`Wikidata12k${absent ? `: skipped, ${file} is absent` : ''}`, () => {
  test('loaded in full, it answers as a scan of the file does', async () => {
    const facts = await readFacts()
    const fleet = await openTestFleet()
    await fleet.tenants.create({ id: 'wikidata' })
    const { graph } = fleet.tenant('wikidata').memory
    const entities = [...new Set(facts.flatMap(({ subject, object }) => [subject, object]))]
    for (let i = 0; i < entities.length; i += 1000) {
      const part = entities.slice(i, i + 1000).map((entity) => ({ id: idOf(entity), type: 'item', name: entity }))
      await graph.entities.assert(part, { durability: 'async' })
    }
    const before = new Date()
    const refused = await load(graph, facts)
    const inverted = facts.filter(({ from, to }) => from !== null && to !== null && to < from)
    expect(inverted).toHaveLength(7)
    expect(refused).toEqual(inverted.map((fact) => ({ fact, code: 'INPUT_INVALID', field: 'validTo' })))

    // What is believed is the union of the intervals of each triple: none of them overlap, and none of them touch.
    const legal = facts.filter((fact) => !inverted.includes(fact))
    const triples = groupBy(legal, ({ subject, type, object }) => `${subject} ${type} ${object}`)
    let stretches = 0
    for (const group of triples.values()) {
      const spans = group
        .map(({ from, to }) => [from ?? -9999, (to ?? 9999) + 1] as [number, number])
        .sort(([a], [b]) => a - b)
      let end = Number.NEGATIVE_INFINITY
      for (const [from, to] of spans) {
        if (from > end) stretches++
        end = Math.max(end, to)
      }
    }
    expect(stretches).toBeLessThan(legal.length)
    const [held] = await sql<{ believed: number; superseded: number }>(
      fleet,
      `select count(*) filter (where superseded_at = 'infinity')::integer as believed,
        count(*) filter (where superseded_at < 'infinity')::integer as superseded from memory.relationship_versions`,
    )
    expect(held?.believed).toBe(stretches)
    expect(held?.superseded).toBeGreaterThan(0)

    // Points in time, of entities with many facts and with few.
    const bySubject = groupBy(legal, ({ subject }) => subject)
    const subjects = [...bySubject.keys()]
    const sample = Array.from({ length: 60 }, (_, i) => subjects[(i * 7919) % subjects.length] as string)
    const busiest = [...bySubject].sort(([, a], [, b]) => b.length - a.length).slice(0, 10)
    for (const subject of [...sample, ...busiest.map(([subject]) => subject)]) {
      for (const year of [19, 1500, 1850, 1945, 1990, 2005, 2016, 2020]) {
        const wanted = new Set(
          (bySubject.get(subject) ?? [])
            .filter((fact) => holdsIn(fact, year))
            .map(({ type, object }) => `${type} ${idOf(object)}`),
        )
        const { items } = await graph.relationships.of(idOf(subject), {
          direction: 'out',
          at: `${String(year).padStart(4, '0')}-07-01`,
          limit: 1000,
        })
        expect(items.map(({ type, objectId }) => `${type} ${objectId}`).sort(), `${subject} in ${year}`).toEqual(
          [...wanted].sort(),
        )
      }
    }

    // Two hops, at a time.
    for (const [start] of busiest.slice(0, 5)) {
      const reached = new Set([start])
      for (let hop = 0; hop < 2; hop++) {
        for (const subject of [...reached]) {
          for (const fact of bySubject.get(subject) ?? []) if (holdsIn(fact, 2000)) reached.add(fact.object)
        }
      }
      const { reached: found } = await graph.traverse(idOf(start), { depth: 2, at: '2000-07-01', rows: 10_000 })
      expect(found.map(({ entity }) => entity.name).sort()).toEqual([...reached].filter((one) => one !== start).sort())
    }

    // As it was known before it was loaded; and loading it again changes nothing.
    const first = idOf(busiest[0]?.[0] as string)
    expect((await graph.relationships.of(first, { at: '2000-07-01', knownAt: before })).items).toEqual([])
    const again = await graph.relationships.assert(legal.slice(0, 1000).map(toRelationship))
    expect(again.filter(({ changed }) => changed)).toEqual([])
  })
})
