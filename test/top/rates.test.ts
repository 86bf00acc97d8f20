// What panels make of looks: rates that are never negative, whatever happened in between.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { short, shortBytes, shortShare, shortTime, sparkline } from '../../dist/top/amounts.js'
import { gained, gainedTogether } from '../../dist/top/difference.js'
import { type Look, withLook } from '../../dist/top/look.js'
import type { Looks, ShownRow } from '../../dist/top/panel.js'
import { panelOf } from '../../dist/top/panels/index.js'

const lookOf = (at: number, rows: readonly object[], more: Partial<Look> = {}): Look => ({
  at,
  startedAt: 1,
  inRecovery: false,
  rows,
  refused: [],
  ...more,
})
const looksOf = (looks: readonly Look[], texts: readonly (readonly [string, string])[] = []): Looks<unknown> => ({
  now: looks.at(-1) as Look,
  before: looks.at(-2),
  minute: looks,
  texts: new Map(texts),
})
const COUNTED = ['calls', 'us', 'rows', 'hits', 'reads', 'dirtied', 'temporary', 'wal'] as const
type Statement = Readonly<Record<(typeof COUNTED)[number], number>> & { readonly key: string }
const statement = (key: string, calls: number, ms: number): Statement => ({
  key,
  calls,
  us: ms * 1000,
  rows: calls,
  hits: 0,
  reads: 0,
  dirtied: 0,
  temporary: 0,
  wal: 0,
})
const statementsOf = (at: number, rows: readonly Statement[], reset = 'a') =>
  lookOf(at, [
    {
      reset,
      statements: rows.map((row) => [row.key, ...COUNTED.map((name) => row[name])].join(' ')).join() || null,
    },
  ])
type Shown = ShownRow & { callsPerSecond: number; share: number; mean: number; query: string }
const queriesOf = (looks: readonly Look[], texts?: readonly (readonly [string, string])[]) =>
  panelOf('queries').view(looksOf(looks, texts))

describe('a counter', () => {
  test('has never gained less than nothing, nor more than it holds after it fell', () => {
    fc.assert(
      fc.property(
        fc.option(fc.double({ min: 0, noNaN: true })),
        fc.option(fc.double({ min: 0, noNaN: true })),
        (before, now) => {
          const amount = gained(before, now)
          expect(amount).toBeGreaterThanOrEqual(0)
          expect(amount).toBeLessThanOrEqual(now ?? 0)
          if (now !== null && before !== null && now >= before && Number.isFinite(now))
            expect(amount).toBe(now - before)
        },
      ),
    )
  })

  test('that falls takes those of its row with it', () => {
    expect(gainedTogether({ calls: 100, ms: 5 }, { calls: 3, ms: 40 }, ['calls', 'ms'])).toEqual({ calls: 3, ms: 40 })
    expect(gainedTogether({ calls: 100, ms: 5 }, { calls: 103, ms: 40 }, ['calls', 'ms'])).toEqual({ calls: 3, ms: 35 })
    expect(gainedTogether(undefined, { calls: 3, ms: 40 }, ['calls', 'ms'])).toEqual({ calls: 3, ms: 40 })
  })
})

describe('queries', () => {
  test('are never negative, over resets, evictions and new statements', () => {
    const row = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(1000), fc.nat(1e6))
    const look = fc.tuple(fc.uniqueArray(row, { selector: ([key]) => key }), fc.constantFrom('a', 'b'))
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 4 }), (all) => {
        const made = all.map(([rows, reset], i) =>
          statementsOf(
            100 + i,
            rows.map(([key, calls, ms]) => statement(key, calls, ms)),
            reset,
          ),
        )
        const { rows } = queriesOf(made)
        for (const { callsPerSecond, share, mean } of rows as Shown[]) {
          expect(callsPerSecond).toBeGreaterThan(0)
          expect(mean).toBeGreaterThanOrEqual(0)
          expect(share ?? 0).toBeGreaterThanOrEqual(0)
          expect(share ?? 0).toBeLessThanOrEqual(1)
        }
        const shares = (rows as Shown[]).reduce((sum, { share }) => sum + (share ?? 0), 0)
        expect(shares === 0 || Math.abs(shares - 1) < 1e-9).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('are told by name, in whatever order they come and whoever came or went between them', () => {
    const row = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(3))
    const look = fc.uniqueArray(row, { selector: ([key]) => key })
    fc.assert(
      fc.property(look, look, (first, second) => {
        const made = [first, second].map((rows, i) =>
          statementsOf(
            100 + i,
            rows.map(([key, calls]) => statement(key, calls, calls)),
          ),
        )
        const before = new Map(first)
        const gained = second
          .map(([key, calls]) => ({
            key,
            callsPerSecond: calls - (calls < (before.get(key) ?? 0) ? 0 : (before.get(key) ?? 0)),
          }))
          .filter(({ callsPerSecond }) => callsPerSecond > 0)
        const rows = queriesOf(made).rows as Shown[]
        expect(rows.map(({ key, callsPerSecond }) => ({ key, callsPerSecond }))).toEqual(gained)
      }),
      { numRuns: 500 },
    )
  })

  test('tell what was gained since the look before, and leave out what did nothing and this command', () => {
    const first = statementsOf(100, [statement('a', 10, 100), statement('b', 5, 5), statement('own', 1, 1)])
    const second = statementsOf(102, [
      statement('a', 30, 160),
      statement('b', 5, 5),
      statement('c', 4, 20),
      statement('own', 3, 9),
    ])
    const { rows, notes } = queriesOf(
      [first, second],
      [
        ['a', 'select a'],
        ['c', 'select c'],
        ['own', 'select /* pgfleet top */ 1'],
      ],
    )
    expect(rows).toMatchObject([
      { key: 'a', callsPerSecond: 10, mean: 3, share: 0.75, query: 'select a' },
      { key: 'c', callsPerSecond: 2, mean: 5, share: 0.25 },
    ])
    expect(notes).toEqual([])
    expect(queriesOf([first]).notes.join()).toMatch(/first look/)
  })

  test('say that statistics were reset, and count from then', () => {
    const first = statementsOf(100, [statement('a', 10, 100)])
    const second = statementsOf(102, [statement('a', 12, 130)], 'b')
    const { rows, notes } = queriesOf([first, second])
    expect(notes.join()).toMatch(/statistics were reset/)
    expect(rows).toMatchObject([{ callsPerSecond: 6 }])
  })

  test('without the extension are what runs now, and how to get it', () => {
    const refused = [panelOf('queries').sources[0]?.absent ?? '']
    const { rows, notes } = queriesOf([lookOf(1, [{ key: 'session 7', running: 'select 1', seconds: 3 }], { refused })])
    expect(rows).toMatchObject([{ key: 'session 7', mean: 3000, callsPerSecond: null, query: 'select 1' }])
    expect(notes.join()).toMatch(/create extension pg_stat_statements/)
    expect(panelOf('queries').target?.(rows[0] as ShownRow)).toEqual({ kind: 'session', pid: 7, begun: null })
  })
})

describe('looks', () => {
  test('begin anew with another server, a promoted one, and a clock that went back', () => {
    const kept = [lookOf(100, []), lookOf(102, [])]
    expect(withLook(kept, lookOf(104, []))).toHaveLength(3)
    expect(withLook(kept, lookOf(104, [], { startedAt: 103 }))).toHaveLength(1)
    expect(withLook(kept, lookOf(104, [], { inRecovery: true }))).toHaveLength(1)
    expect(withLook(kept, lookOf(101, []))).toHaveLength(1)
    // Of the last minute alone, and bounded however fast they come.
    expect(withLook(kept, lookOf(161, []))).toHaveLength(2)
    let many: readonly Look[] = []
    for (let i = 0; i < 1000; i++) many = withLook(many, lookOf(100 + i / 100, []))
    expect(many.length).toBeLessThanOrEqual(300)
  })
})

describe('the overview', () => {
  const COUNTERS = {
    commits: 0,
    rollbacks: 0,
    returned: 0,
    written: 0,
    hits: 0,
    reads: 0,
    temporary: 0,
    deadlocks: 0,
    timed: 0,
    requested: 0,
  }
  const server = (more: object) => ({
    ...COUNTERS,
    reset: 'a',
    wal: 0,
    active: 1,
    idle: 0,
    inTransaction: 0,
    waiting: 0,
    hidden: 0,
    connections: 1,
    connectionsMax: 100,
    longest: null,
    xminAge: null,
    freezeMax: 2e8,
    replicas: 0,
    lag: null,
    ...more,
  })
  const view = (looks: readonly Look[]) => panelOf('overview').view(looksOf(looks))
  const value = (looks: readonly Look[], figure: string) =>
    view(looks).rows.find(({ key }) => key === figure) as unknown as { value: string; trend: (number | null)[] }

  test('has rates between two looks, and no trend where nobody looked', () => {
    const looks = [
      lookOf(100, [server({ commits: 10, hits: 5, reads: 5 })]),
      lookOf(102, [server({ commits: 30, hits: 14, reads: 6 })]),
      lookOf(130, [server({ commits: 58, hits: 14, reads: 6 })]),
    ]
    expect(value(looks.slice(0, 2), 'commits/s').value).toBe('10')
    expect(value(looks.slice(0, 2), 'cache hits %').value).toBe('90')
    const { trend } = value(looks, 'commits/s')
    expect(trend.filter((each) => each !== null)).toEqual([10, 1])
    expect(trend).toHaveLength(30)
  })

  test('is never negative, and says that statistics were reset', () => {
    const counters = fc.record(Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, fc.nat()])))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(counters, fc.nat(), fc.constantFrom('a', 'b')), { minLength: 1, maxLength: 6 }),
        (all) => {
          const looks = all.map(([row, wal, reset], i) => lookOf(100 + i, [server({ ...row, wal, reset })]))
          for (const { trend, value } of view(looks).rows as unknown as { trend: (number | null)[]; value: string }[]) {
            expect(value).not.toContain('-1')
            expect(trend.filter((each) => (each ?? 0) < 0)).toEqual([])
          }
        },
      ),
      { numRuns: 40 },
    )
    expect(view([lookOf(1, [server({})]), lookOf(2, [server({ reset: 'b' })])]).notes.join()).toMatch(/reset/)
  })

  test('does not tell states that it does not see', () => {
    expect(value([lookOf(1, [server({ hidden: 3 })])], 'active').value).toBe('?')
  })
})

test('waits are shares of all looks of the minute', () => {
  const wait = (type: string, event: string, sessions: number) => ({ type, event, sessions })
  const looks = [
    lookOf(1, [wait('CPU', 'running', 2)]),
    lookOf(1.5, [wait('IO', 'DataFileRead', 1), wait('CPU', 'running', 1)]),
    lookOf(2, []),
  ]
  expect(panelOf('waits').view(looksOf(looks)).rows).toMatchObject([
    { key: 'CPU/running', share: 0.75, mean: 1, now: 0 },
    { key: 'IO/DataFileRead', share: 0.25 },
  ])
})

test('progress tells what is left at the pace since the last look', () => {
  const row = (done: number, phase = 'scanning heap') => ({
    pid: 1,
    command: 'vacuum',
    target: 't',
    phase,
    done,
    total: 100,
    unit: 'blocks',
    seconds: 5,
    begun: null,
  })
  const view = (a: object, b: object) => panelOf('progress').view(looksOf([lookOf(1, [a]), lookOf(3, [b])])).rows
  expect(view(row(10), row(30))).toMatchObject([{ share: 0.3, left: 7 }])
  expect(view(row(90, 'other'), row(30))).toMatchObject([{ left: null }])
  expect(view(row(90), row(30))).toMatchObject([{ left: null }])
})

test('amounts are short', () => {
  const texts = [0, 0.001, 0.25, 3.456, 12, 999.4, 999.6, 1234, 123_456, 9.99e9, 1e17, -4, 12.34].map(short)
  expect(texts).toEqual(['0', '0.00', '0.25', '3.5', '12', '999', '1.0k', '1.2k', '123k', '10G', '100P', '-4', '12'])
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e20, noNaN: true }), (value) => {
      expect(short(value).length).toBeLessThanOrEqual(5)
      expect(shortBytes(value).length).toBeLessThanOrEqual(9)
      expect(shortTime(value % 1e9).length).toBeLessThanOrEqual(6)
    }),
  )
  expect([0.00008, 0.0123, 3.44, 59, 312, 11_100, 1_051_200].map(shortTime)).toEqual([
    '80µs',
    '12ms',
    '3.4s',
    '59s',
    '5m12s',
    '3h05m',
    '12d4h',
  ])
  expect([
    shortBytes(900),
    shortBytes(3_500_000),
    shortShare(0.004),
    shortShare(1),
    short(null),
    short(Number.NaN),
  ]).toEqual(['900 B', '3.3 MB', '0.4', '100', '-', '-'])
  expect(sparkline([0, null, 5, 10])).toBe('▁ ▅█')
})
