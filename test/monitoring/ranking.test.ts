// The rest that is told as one, and rates: held against plain models over random histories.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { counter, gauge, group } from '../../dist/monitoring/metrics/family.js'
import { Ranking } from '../../dist/monitoring/ranking.js'
import { ratesBetween } from '../../dist/monitoring/rate.js'
import type { Snapshot } from '../../dist/monitoring/snapshot.js'

const GROUP = group('x_', ['name'], { calls: counter('Calls.'), size: gauge('Size.') })

/** What a server has: of each name its calls and its size. */
type World = ReadonlyMap<string, { readonly calls: number; readonly size: number }>

/** What a ranked statement returns. */
function rowsOf(world: World, top: number, keys: readonly string[]) {
  const ranked = [...world].toSorted(([a, x], [b, y]) => y.calls - x.calls || (a < b ? -1 : 1))
  const rows = ranked.map(([name, { calls, size }], at) => ({
    key: name,
    is_top: at < top,
    name,
    calls: String(calls),
    size,
  }))
  const sum = (of: 'calls' | 'size') => ranked.reduce((total, [, one]) => total + one[of], 0)
  return [
    ...rows.filter(({ key, is_top }) => is_top || keys.includes(key)),
    { key: null, is_top: false, name: null, calls: sum('calls'), size: sum('size') },
  ]
}

test('the rest never shrinks, and grows by what those grew by that are not told', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
  const steps = fc.array(fc.array(fc.tuple(name, fc.nat(1000), fc.nat(50)), { maxLength: 6 }), {
    minLength: 1,
    maxLength: 12,
  })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 4 }), (history, top) => {
      const ranking = new Ranking(false)
      const world = new Map<string, { calls: number; size: number }>()
      let told = new Set<string>()
      let expected = 0
      for (const [at, step] of history.entries()) {
        for (const [one, calls, size] of step) {
          const before = world.get(one)?.calls ?? 0
          world.set(one, { calls: before + calls, size })
          if (at > 0 && !told.has(one)) expected += calls
        }
        const rows = ranking.apply([GROUP], rowsOf(world, top, ranking.keys), top)
        const rest = rows.find((row) => row.name === 'other')
        const members = rows.filter((row) => row.name !== 'other')
        told = new Set(members.map((row) => String(row.name)))
        expect(members.length).toBeLessThanOrEqual(top)
        expect(Number(rest?.calls ?? 0)).toBe(expected)
        const left = [...world].filter(([one]) => !told.has(one)).reduce((sum, [, { size }]) => sum + size, 0)
        if (rest !== undefined) expect(rest.size).toBe(left)
      }
    }),
  )
})

test('the rest stays when one of it is dropped or all are reset, and of one look alone it is the sum', () => {
  const ranking = new Ranking(false)
  const look = (world: Record<string, number>) => {
    const rows = rowsOf(
      new Map(Object.entries(world).map(([name, calls]) => [name, { calls, size: 1 }])),
      1,
      ranking.keys,
    )
    return ranking.apply([GROUP], rows, 1).find((row) => row.name === 'other')?.calls
  }
  expect(look({ a: 100, b: 50, c: 20 })).toBe(0)
  expect(look({ a: 100, b: 60, c: 20 })).toBe(10)
  expect(look({ a: 100, b: 65 })).toBe(10)
  expect(look({ a: 1, b: 0 })).toBe(10)
  // One that is told no longer is of the rest from then on, with what it grew by while it was told left out.
  expect(look({ a: 1, b: 500 })).toBe(510)
  expect(look({ a: 5, b: 500 })).toBe(514)
  const single = new Ranking(true).apply(
    [GROUP],
    rowsOf(
      new Map([
        ['a', { calls: 9, size: 1 }],
        ['b', { calls: 4, size: 2 }],
      ]),
      1,
      [],
    ),
    1,
  )
  expect(single.at(-1)).toEqual({ name: 'other', calls: 4, size: 2 })
})

test('rates are never negative nor infinite, and say where a counter started anew', () => {
  const at = (seconds: number, value: number, more: Partial<Snapshot> = {}): Snapshot => ({
    at: new Date(1e12 + seconds * 1000),
    server: {
      ...{ systemIdentifier: '1', timeline: 1, startedAt: new Date(0), inRecovery: false, major: 17, version: '17.6' },
      ...{ database: 'a', user: 'b', seesAll: true },
    },
    isUp: true,
    samples: [
      { metric: 'pgfleet_wal_fpi_total', labels: {}, value },
      { metric: 'pgfleet_lock_waiters', labels: {}, value },
    ],
    failures: [],
    milliseconds: 1,
    ...more,
  })
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.integer({ min: -100, max: 100 }), (before, after, seconds) => {
      const { rates } = ratesBetween(at(0, before), at(seconds, after))
      if (seconds <= 0) {
        expect(rates).toEqual([])
        return
      }
      const grown = after < before ? after : after - before
      expect(rates).toEqual([
        { metric: 'pgfleet_wal_fpi_total', labels: {}, perSecond: grown / seconds, isReset: after < before },
      ])
    }),
  )
  expect(ratesBetween(at(0, 1), at(5, 2, { isUp: false })).rates).toEqual([])
  const server = at(0, 1).server
  if (server === undefined) throw new Error('no server')
  const changed = (change: object) => ratesBetween(at(0, 5), at(10, 7, { server: { ...server, ...change } })).reset
  expect(changed({})).toBeUndefined()
  expect(changed({ startedAt: new Date(5000) })).toBe('restart')
  expect(changed({ timeline: 2 })).toBe('promotion')
  expect(changed({ inRecovery: true })).toBe('promotion')
  expect(changed({ systemIdentifier: '2', timeline: 9 })).toBe('failover')
})
