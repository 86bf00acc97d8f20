// The choice among candidates, with costs that are made up: budgets hold, writing is paid for, and nothing is chosen twice.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  canonical,
  columnKey,
  type IndexDefinition,
  reversed,
  serves,
  titleOf,
} from '../../dist/indexing/definition.js'
import { type SelectionModel, selectIndexes } from '../../dist/indexing/selection.js'

const index = (...columns: string[]): IndexDefinition => ({
  schema: 's',
  table: 't',
  method: 'btree',
  keys: columns.map((name) => columnKey(name)),
  equalities: columns.length,
  include: [],
})

/** Statements cost the least that an index gives them. */
function modelOf(
  gains: readonly ReadonlyMap<string, number>[],
  bytes: ReadonlyMap<string, number>,
  worth: number,
): SelectionModel {
  return {
    statements: gains.map(() => ({ calls: 1, isCounted: true, weight: 1 })),
    affected: () => gains.map((_, n) => n),
    costs: async (indexes, statements) =>
      statements.map((n) => {
        const offers = indexes.map((each) => ({ title: titleOf(each), cost: gains[n]?.get(titleOf(each)) ?? 1000 }))
        const best = offers.toSorted((a, b) => a.cost - b.cost)[0]
        return best === undefined || best.cost >= 1000
          ? { cost: 1000, uses: new Set() }
          : { cost: best.cost, uses: new Set([best.title]) }
      }),
    bytes: (each) => bytes.get(titleOf(each)) ?? 1,
    writes: () => ({ worth, increase: 0.1 }),
    isOver: () => false,
  }
}

const COLUMNS = ['a', 'b', 'c', 'd', 'e', 'f']

test('what is chosen keeps to the budget, pays for its writes, and helps a statement', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 1, max: 1200 }), { minLength: 6, maxLength: 6 }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 6, maxLength: 6 }),
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 900 }),
      async (costs, sizes, limit, worth) => {
        const candidates = COLUMNS.map((name) => [index(name)])
        const titles = COLUMNS.map((name) => titleOf(index(name)))
        const gains = costs.map((row) => new Map(row.map((cost, n) => [titles[n] as string, cost])))
        const bytes = new Map(sizes.map((size, n) => [titles[n] as string, size]))
        const base = costs.map(() => ({ cost: 1000, uses: new Set<string>() }))
        const model = modelOf(gains, bytes, worth)
        const { chosen, costs: after } = await selectIndexes(candidates, base, model, {
          bytes: limit,
          writes: 1,
          indexes: 4,
        })
        expect(chosen.length).toBeLessThanOrEqual(4)
        expect(chosen.reduce((sum, each) => sum + each.bytes, 0)).toBeLessThanOrEqual(limit)
        expect(new Set(chosen.map(({ definition }) => titleOf(definition))).size).toBe(chosen.length)
        for (const { saved, written, helps } of chosen) {
          expect(saved).toBeGreaterThan(written)
          expect(helps.length).toBeGreaterThan(0)
        }
        expect(after.every((cost) => cost <= 1000)).toBe(true)
      },
    ),
    { numRuns: 200 },
  )
})

test('a write budget refuses, and says so', async () => {
  const gains = [new Map([[titleOf(index('a')), 10]])]
  const model = { ...modelOf(gains, new Map(), 0), writes: () => ({ worth: 0, increase: 0.5 }) }
  const limits = { bytes: 100, writes: 0.4, indexes: 4 }
  const { chosen, rejected } = await selectIndexes([[index('a')]], [{ cost: 1000, uses: new Set() }], model, limits)
  expect({ chosen, reasons: rejected.map(({ reason }) => reason) }).toEqual({ chosen: [], reasons: ['write budget'] })
})

test('an index serves another when its keys begin with it, those compared by = in any order', () => {
  expect(serves(index('a', 'b', 'c'), index('b', 'a'))).toBe(true)
  expect(serves(index('a', 'b', 'c'), index('c'))).toBe(false)
  expect(serves({ ...index('a'), table: 'u' }, index('a'))).toBe(false)
  const ordered = (columns: string[], equalities: number): IndexDefinition => ({ ...index(...columns), equalities })
  expect(serves(index('b', 'a'), ordered(['a', 'b'], 1))).toBe(false)
  const partial: IndexDefinition = { ...index('a'), predicate: { text: 'b', columns: ['b'] } }
  expect(serves(partial, index('a'))).toBe(false)
  expect(serves({ ...index('a'), include: ['x'] }, { ...index('a'), include: ['x', 'y'] })).toBe(false)
  const down = [{ ...columnKey('a'), descending: true }, columnKey('b')]
  expect(serves({ ...index(), keys: reversed(down) }, { ...index(), keys: canonical(down), equalities: 0 })).toBe(true)
})

test('turning an order round twice changes nothing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ descending: fc.boolean(), nullsFirst: fc.boolean() }), { minLength: 1, maxLength: 4 }),
      (orders) => {
        const keys = canonical(orders.map((order, n) => ({ ...columnKey(`c${n}`), ...order })))
        expect(canonical(reversed(keys))).toEqual(keys)
        expect(reversed(reversed(keys))).toEqual(keys)
      },
    ),
  )
})
