import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { paretoFront } from '../../dist/bench/pareto-front.js'
import { drawRecall } from '../../dist/bench/recall-chart.js'
import { buildMemory, candidatesOf } from '../../dist/vector-sweep/candidate.js'
import { chooseSetting, disturbance, markFront } from '../../dist/vector-sweep/choice.js'
import { effortFor, extrapolate } from '../../dist/vector-sweep/growth.js'
import { reportSweep } from '../../dist/vector-sweep/report.js'
import type { VectorSweep } from '../../dist/vector-sweep/sweep.js'
import type { VectorColumn } from '../../dist/vector-sweep/vector-column.js'

/** Coarse, so that some are equal in one of them or in both. */
const tradeoff = fc.record({
  recall: fc.integer({ min: 0, max: 20 }).map((n) => n / 20),
  p50: fc.integer({ min: 1, max: 30 }).map((n) => n / 10),
})

describe('the front', () => {
  test('holds what nothing beats, and something as good for everything else', () => {
    fc.assert(
      fc.property(fc.array(tradeoff, { maxLength: 40 }), (points) => {
        const front = paretoFront(points)
        const beats = (a: (typeof points)[number], b: (typeof points)[number]) =>
          a.p50 <= b.p50 && a.recall >= b.recall && (a.p50 < b.p50 || a.recall > b.recall)
        for (const point of front) expect(points.some((other) => beats(other, point))).toBe(false)
        for (const point of points) {
          expect(front.some((other) => other.p50 <= point.p50 && other.recall >= point.recall)).toBe(true)
        }
        expect(front).toEqual(front.toSorted((a, b) => a.p50 - b.p50 || a.recall - b.recall))
      }),
    )
  })
})

describe('the picture', () => {
  const points = [
    { index: 'vector, m 8', search: 'ef_search 10', recall: 0.8, p50: 0.5 },
    { index: 'vector, m 8', search: 'ef_search 40', recall: 0.95, p50: 1 },
    { index: 'half <&>', search: 'ef_search 40', recall: 0.9, p50: 2 },
  ]
  const svg = drawRecall('a <table> & more', points, 7)

  test('has a dot for each point, inside the frame, and a line over the front', () => {
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)])
    expect(dots).toHaveLength(3)
    for (const [x = 0, y = 0] of dots) {
      expect(x).toBeGreaterThanOrEqual(64)
      expect(x).toBeLessThanOrEqual(736)
      expect(y).toBeGreaterThanOrEqual(40)
      expect(y).toBeLessThanOrEqual(388)
    }
    const [quick = [], good = [], slow = []] = dots
    expect(quick[0]).toBeLessThan(good[0] ?? 0)
    expect(good[0]).toBeLessThan(slow[0] ?? 0)
    expect(good[1], 'more recall stands higher').toBeLessThan(slow[1] ?? 0)
    const line = /<polyline [^>]*points="([^"]+)"/.exec(svg)?.[1]
    expect(line).toBe(`${quick.map((at) => at.toFixed(1)).join(',')} ${good.map((at) => at.toFixed(1)).join(',')}`)
  })

  test('says what it shows, whatever the names hold', () => {
    expect(svg).toContain('recall at 7')
    expect(svg).toContain('a &lt;table&gt; &amp; more')
    expect(svg).not.toContain('<&>')
    expect(svg.match(/class="legend"/g)).toHaveLength(2)
  })
})

const build = (m: number, bytes: number, existing = false) => ({
  type: 'vector' as const,
  m,
  efConstruction: 64,
  existing,
  seconds: 1,
  bytes,
  spilledAfter: null,
})
const point = (of: ReturnType<typeof build>, recall: number, p50: number) => ({
  build: of,
  efSearch: 40,
  recall,
  recallWithin: 0.01,
  p50,
  p95: p50 * 2,
  short: 0,
})

describe('the choice', () => {
  test('is the quickest that finds enough; of those as quick the smallest', () => {
    const points = markFront([
      point(build(8, 100), 0.9, 1),
      point(build(16, 200), 0.96, 2),
      point(build(24, 100), 0.97, 2.1),
    ])
    expect(chooseSetting(points, 0.95)?.build.m).toBe(24)
    expect(chooseSetting(points, 0.9)?.build.m).toBe(8)
    expect(chooseSetting(points, 0.99)).toBeUndefined()
  })

  test('is the index that is there when that is on the front, or as quick within the noise', () => {
    const there = build(16, 900, true)
    expect(chooseSetting(markFront([point(there, 0.96, 1), point(build(8, 10), 0.96, 1.05)]), 0.95)?.build).toBe(there)
    expect(chooseSetting(markFront([point(there, 0.96, 1.05), point(build(8, 10), 0.97, 1)]), 0.95)?.build).toBe(there)
    expect(chooseSetting(markFront([point(there, 0.98, 3), point(build(8, 10), 0.96, 1)]), 0.95)?.build).toBe(there)
    expect(chooseSetting(markFront([point(there, 0.96, 3), point(build(8, 10), 0.97, 1)]), 0.95)?.build.m).toBe(8)
  })

  test('reaches the recall, and nothing that reaches it is quicker by more than the noise, the index that is there aside', () => {
    fc.assert(
      fc.property(fc.array(tradeoff, { minLength: 1, maxLength: 30 }), (tradeoffs) => {
        const points = markFront(tradeoffs.map(({ recall, p50 }, i) => point(build(i + 2, 100 + i), recall, p50)))
        const choice = chooseSetting(points, 0.5)
        const enough = points.filter(({ recall }) => recall >= 0.5)
        expect(choice === undefined).toBe(enough.length === 0)
        for (const { p50 } of enough) expect(choice?.p50).toBeLessThanOrEqual(p50 * 1.1 + 1e-12)
      }),
    )
  })
})

describe('the report', () => {
  const column: VectorColumn = {
    table: 'public.docs',
    column: 'embedding',
    type: 'vector',
    dimensions: 24,
    metric: 'cosine',
    metricFrom: 'default',
    rows: 1000,
    restricted: false,
    partitions: [],
    indexes: [],
    tenantColumn: null,
    pgvector: { version: '0.8.4', schema: 'public', iterative: true, halfvec: true, notes: [] },
  }

  test('shows the choice with its figures when another beats it within the noise', () => {
    const large = point(build(8, 900), 0.97, 1)
    const small = point(build(16, 100), 0.96, 1.05)
    const points = markFront([large, small])
    const choice = chooseSetting(points, 0.9) ?? null
    expect(choice).toMatchObject({ build: small.build, onFront: false })
    const [front] = reportSweep({
      column,
      k: 10,
      recall: 0.9,
      sample: { rows: 1000, tableRows: 1000, whole: true, queries: 20 } as VectorSweep['sample'],
      exact: { p50: 5, p95: 6 },
      builds: [large.build, small.build],
      points,
      slices: [],
      choice,
      extrapolation: null,
      inPlace: null,
      stopped: false,
      notes: [],
    }).tables
    expect(front?.rows.map(([name, , recall]) => [name, recall])).toEqual([
      ['vector 8/64', '0.970±0.010'],
      ['→ - vector 16/64', '0.960±0.010'],
    ])
  })
})

test('latencies that scatter are told, those of a calm machine are not', () => {
  expect(
    disturbance([
      { p50: 1, p95: 1.5 },
      { p50: 1, p95: 30 },
      { p50: 2, p95: 3 },
    ]),
  ).toEqual([])
  expect(
    disturbance([
      { p50: 1, p95: 6 },
      { p50: 1, p95: 30 },
      { p50: 2, p95: 3 },
    ])[0],
  ).toContain('p95 is 6 times p50')
})

describe('the growth of ef_search with the rows', () => {
  test('lies between what was measured', () => {
    const efforts = [
      { efSearch: 80, recall: 0.98 },
      { efSearch: 20, recall: 0.8 },
      { efSearch: 40, recall: 0.9 },
    ]
    expect(effortFor(efforts, 0.9)).toEqual({ efSearch: 40, isFirst: false })
    expect(effortFor(efforts, 0.94)?.efSearch).toBe(57)
    expect(effortFor(efforts, 0.7)).toEqual({ efSearch: 20, isFirst: true })
    expect(effortFor(efforts, 0.99)).toBeNull()
  })

  test('is the power that two sizes show, from none to as fast as the rows', () => {
    const quarter = { rows: 1000, efSearch: 20, isFirst: false }
    const twice = extrapolate({ rows: 4000, efSearch: 40 }, quarter, 64_000)
    expect(twice).toMatchObject({ exponent: 0.5, assumed: false, efSearch: 160, capped: false })
    expect(extrapolate({ rows: 4000, efSearch: 15 }, quarter, 64_000)).toMatchObject({ exponent: 0, efSearch: 15 })
    expect(extrapolate({ rows: 4000, efSearch: 800 }, quarter, 64_000)).toMatchObject({
      exponent: 1,
      efSearch: 1000,
      capped: true,
    })
  })

  test('is a cube root where it could not be measured, and said so', () => {
    const assumed = extrapolate({ rows: 1000, efSearch: 40 }, null, 8000)
    expect(assumed).toMatchObject({ assumed: true, efSearch: 80 })
    const first = extrapolate({ rows: 1000, efSearch: 40 }, { rows: 250, efSearch: 10, isFirst: true }, 8000)
    expect(first).toMatchObject({ assumed: true, efSearch: 80 })
  })
})

describe('what is tried', () => {
  const column = (type: 'vector' | 'halfvec', dimensions: number, halfvec = true): VectorColumn => ({
    table: 'public.t',
    column: 'v',
    type,
    dimensions,
    metric: 'cosine',
    metricFrom: 'index',
    rows: 1000,
    restricted: false,
    partitions: [],
    indexes: [],
    tenantColumn: null,
    pgvector: { version: '0.8.4', schema: 'public', iterative: true, halfvec, notes: [] },
  })
  const types = (of: VectorColumn) => candidatesOf(of, [{ m: 16, efConstruction: 64 }]).map(({ type }) => type)

  test('is what the type and its dimensions allow', () => {
    expect(types(column('vector', 2000))).toEqual(['vector', 'halfvec'])
    expect(types(column('vector', 2001))).toEqual(['halfvec'])
    expect(types(column('halfvec', 768))).toEqual(['halfvec'])
    expect(types(column('vector', 768, false))).toEqual(['vector'])
  })

  test('begins with the index that is there, once', () => {
    const there = {
      name: 'public.i',
      method: 'hnsw' as const,
      type: 'vector' as const,
      metric: 'cosine' as const,
      m: 16,
      efConstruction: 64,
      bytes: 1,
      partial: false,
    }
    const tried = candidatesOf({ ...column('vector', 3), indexes: [there] }, [{ m: 16, efConstruction: 64 }])
    expect(tried.map(({ type, existing }) => [type, existing])).toEqual([
      ['vector', true],
      ['halfvec', false],
    ])
  })

  test('gets memory for its graph', () => {
    const memory = (m: number, type: 'vector' | 'halfvec' = 'vector') => buildMemory({ type, m }, 768, 10_000)
    expect(memory(16)).toBeGreaterThan(10_000 * 768 * 4)
    expect(memory(32)).toBeGreaterThan(memory(16))
    expect(memory(16, 'halfvec')).toBeLessThan(memory(16))
  })
})
