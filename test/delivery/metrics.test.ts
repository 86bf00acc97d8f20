import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { Tenant } from 'pgfleet'
import type { MetricRollup, NewMetric } from 'pgfleet/delivery'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { tilesOf } from '../../dist/stores/delivery/metrics/metric-tiles.js'
import { failure, openTestFleet, sql } from '../setup/index.js'
import { settled } from './settled.js'

const fleet = await openTestFleet()
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

async function newTenant(): Promise<Tenant> {
  const id = `m-${randomUUID()}`
  await fleet.tenants.create({ id })
  return fleet.tenant(id)
}

/** Noon of some days ago, so that a minute or an hour around it is in the same day. */
const noon = (daysAgo = 3) => Math.floor(Date.now() / DAY) * DAY - daysAgo * DAY + DAY / 2

async function rollUp(tenant: Tenant, pointsMax = 50_000): Promise<number> {
  await settled(fleet, tenant.id, 'metrics')
  let points = 0
  for (;;) {
    const step = await tenant.delivery.metrics.rollUp({ pointsMax })
    points += step.points
    if (!step.more) return points
  }
}

const at = (time: number, numericValue: number, more: Partial<NewMetric> = {}): NewMetric => ({
  name: 'latency',
  measuredAt: new Date(time),
  numericValue,
  ...more,
})

/** Of n values in their order that of rank floor(fraction * (n - 1)). */
const exact = (values: readonly number[], fraction: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(fraction * (values.length - 1))] as number

describe('a point', () => {
  test('has one value of four kinds, and comes back as it was given', async () => {
    const { delivery } = await newTenant()
    const given: NewMetric[] = [
      { name: 'a', numericValue: -0.1, dimensions: { service: 'api', shard: 3, canary: true } },
      { name: 'a', stringValue: '', category: 'business', type: 'counter' },
      { name: 'a', booleanValue: false, metadata: { run: [1, { x: null }] } },
      { name: 'a', jsonValue: [null, { deep: 1 }] },
    ]
    const ids = await delivery.metrics.record(given)
    const { metrics, next } = await delivery.metrics.query({ name: 'a' })
    expect(next).toBeUndefined()
    const none = { numericValue: null, stringValue: null, booleanValue: null, jsonValue: null, metadata: null }
    const usual = { category: 'performance', type: 'gauge', dimensions: {} }
    const expected = given.map((one, i) => ({ ...none, ...usual, ...one, id: ids[i] }))
    expect(metrics.map(({ measuredAt, ...rest }) => rest).toSorted((a, b) => a.id.localeCompare(b.id))).toEqual(
      expected.toSorted((a, b) => String(a.id).localeCompare(String(b.id))),
    )
  })

  test('is recorded once, whenever it is repeated', async () => {
    const tenant = await newTenant()
    const point = { id: uuidv7(), name: 'a', numericValue: 1 }
    await tenant.delivery.metrics.record([point, point])
    await Promise.all([tenant.delivery.metrics.record(point), tenant.delivery.metrics.record(point)])
    expect((await tenant.delivery.metrics.query()).metrics).toHaveLength(1)
    expect(await rollUp(tenant)).toBe(1)
  })

  test.each<[string, Partial<NewMetric>]>([
    ['metrics[1]', {}],
    ['metrics[1].stringValue', { numericValue: 1, stringValue: 'x' }],
    ['metrics[1].jsonValue', { booleanValue: false, jsonValue: [] }],
    ['metrics[1].numericValue', { numericValue: Number.NaN }],
    ['metrics[1].numericValue', { numericValue: Number.POSITIVE_INFINITY }],
    ['metrics[1].numericValue', { numericValue: 1e101 }],
    ['metrics[1].jsonValue', { jsonValue: null as never }],
    ['metrics[1].jsonValue', { jsonValue: { a: Number.NaN } }],
    ['metrics[1].name', { numericValue: 1, name: '' }],
    ['metrics[1].type', { numericValue: 1, type: 'guess' as never }],
    ['metrics[1].dimensions', { numericValue: 1, dimensions: { a: {} as never } }],
    ['metrics[1].measuredAt', { numericValue: 1, id: uuidv7(), measuredAt: new Date(0) }],
  ])('with a bad %s is refused before anything is sent', async (field, bad) => {
    const { delivery } = await newTenant()
    const call = delivery.metrics.record([
      { name: 'a', numericValue: 1 },
      { name: 'a', ...bad },
    ])
    expect(await failure(call, 'INPUT_INVALID')).toMatchObject({ field })
    expect((await delivery.metrics.query()).metrics).toEqual([])
  })

  test('with two values is refused by the table, too', async () => {
    const { id } = await newTenant()
    const call = sql(fleet, 'select * from delivery.record_metrics($1, $2::jsonb)', [
      id,
      JSON.stringify([{ id: uuidv7(), name: 'a', category: 'usage', type: 'gauge', number: 1, text: 'x' }]),
    ])
    await expect(call).rejects.toMatchObject({ message: expect.stringContaining('metrics_one_value') })
  })

  test('of before the retention is refused', async () => {
    const { delivery } = await newTenant()
    const call = delivery.metrics.record([at(Date.now(), 1), at(Date.now() - 101 * DAY, 1)])
    expect(await failure(call, 'ID_OUT_OF_WINDOW')).toMatchObject({ field: 'metrics[1].id' })
  })

  test('cannot be changed or removed by the application', async () => {
    for (const text of ['update delivery.metrics set numeric_value = 2', 'delete from delivery.metric_series']) {
      const call = sql(fleet, `set role pgfleet_app; ${text}`)
      await expect(call).rejects.toThrow(/permission denied/)
      await sql(fleet, 'reset role')
    }
  })
})

test('one audit row tells of what each identity recorded in a call', async () => {
  const tenant = await newTenant()
  const as = (id: string) => tenant.as({ actor: { type: 'agent', id }, correlationId: 'run' }).delivery.metrics
  const point = { id: uuidv7(), name: 'a', numericValue: 1 }
  await Promise.all([
    as('x').record([{ name: 'a', numericValue: 1 }, point]),
    as('y').record({ name: 'b', numericValue: 1 }),
  ])
  await as('x').record(point)
  expect(
    await sql(
      fleet,
      `select entity_type, action, actor_type, actor_id, correlation_id, changes from delivery.audit_log where tenant_id = $1 order by actor_id`,
      [tenant.id],
    ),
  ).toEqual(
    ['x', 'y'].map((id) => ({
      entity_type: 'metric',
      action: 'create',
      actor_type: 'agent',
      actor_id: id,
      correlation_id: 'run',
      changes: { points: id === 'x' ? 2 : 1 },
    })),
  )
})

describe('a query', () => {
  test('finds a range of time, a name and dimensions, page by page', async () => {
    const { delivery } = await newTenant()
    const start = noon()
    const points = Array.from({ length: 60 }, (_, i) =>
      at(start + i * 1000, i, { name: i % 3 === 0 ? 'b' : 'a', dimensions: { shard: i % 4, zone: 'eu' } }),
    )
    await delivery.metrics.record(points)
    for (const order of ['asc', 'desc'] as const) {
      const query = {
        name: 'a',
        dimensions: { shard: 1 },
        from: new Date(start + 5000),
        to: new Date(start + 50_000),
        order,
      }
      const expected = points
        .map((_, i) => i)
        .filter((i) => i % 3 !== 0 && i % 4 === 1 && i >= 5 && i < 50)
        .sort((a, b) => (order === 'asc' ? a - b : b - a))
      const found: number[] = []
      for (let after: string | undefined; ; ) {
        const page = await delivery.metrics.query({ ...query, limit: 3, ...(after === undefined ? {} : { after }) })
        found.push(...page.metrics.map(({ numericValue }) => numericValue as number))
        after = page.next
        if (after === undefined) break
      }
      expect(found).toEqual(expected)
    }
    expect((await delivery.metrics.query({ dimensions: { zone: 'us' } })).metrics).toEqual([])
    expect((await delivery.metrics.query({ dimensions: { shard: 2 } })).metrics).toHaveLength(15)
    expect(await delivery.metrics.series({ name: 'b' })).toHaveLength(4)
  })

  test('finds the same with more series than are looked up one by one', async () => {
    const { delivery } = await newTenant()
    const start = noon()
    await delivery.metrics.record(
      Array.from({ length: 250 }, (_, i) => at(start + i, i, { name: i < 210 ? 'a' : 'b', dimensions: { i } })),
    )
    const page = await delivery.metrics.query({ name: 'a', limit: 1000 })
    expect(page.metrics.map(({ numericValue }) => numericValue)).toEqual(Array.from({ length: 210 }, (_, i) => i))
    const back = await delivery.metrics.query({ name: 'a', order: 'desc', limit: 2 })
    expect(back.metrics.map(({ numericValue }) => numericValue)).toEqual([209, 208])
  })
})

describe('rollups', () => {
  test('count, sum up and keep first and last, by minute, hour and day', async () => {
    const tenant = await newTenant()
    const { metrics } = tenant.delivery
    const start = noon()
    const points = [at(start, 5), at(start + 1000, -3), at(start + MINUTE, 0), at(start + HOUR, 10), at(start + DAY, 7)]
    await metrics.record([...points, { name: 'latency', stringValue: 'no number', measuredAt: new Date(start) }])
    expect(await rollUp(tenant)).toBe(6)
    const rows = async (resolution: 'minute' | 'hour' | 'day') =>
      (await metrics.rollups({ name: 'latency', resolution, fractions: [] })).map((row) => [
        row.bucket.getTime() - start,
        row.points,
        row.sum,
        row.min,
        row.max,
        row.first,
        row.last,
        row.mean,
      ])
    expect(await rows('minute')).toEqual([
      [0, 2, 2, -3, 5, 5, -3, 1],
      [MINUTE, 1, 0, 0, 0, 0, 0, 0],
      [HOUR, 1, 10, 10, 10, 10, 10, 10],
      [DAY, 1, 7, 7, 7, 7, 7, 7],
    ])
    expect(await rows('hour')).toEqual([
      [0, 3, 2, -3, 5, 5, 0, 2 / 3],
      [HOUR, 1, 10, 10, 10, 10, 10, 10],
      [DAY, 1, 7, 7, 7, 7, 7, 7],
    ])
    expect(await rows('day')).toEqual([
      [-DAY / 2, 4, 12, -3, 10, 5, 10, 3],
      [DAY / 2, 1, 7, 7, 7, 7, 7, 7],
    ])
  })

  test('of several series are merged, and told apart by dimensions', async () => {
    const tenant = await newTenant()
    const { metrics } = tenant.delivery
    const start = noon()
    await metrics.record(
      Array.from({ length: 100 }, (_, i) => at(start + i, i + 1, { dimensions: { shard: i % 2, zone: 'eu' } })),
    )
    await rollUp(tenant)
    const [all] = (await metrics.rollups({ name: 'latency', resolution: 'hour', fractions: [0.5] })) as [MetricRollup]
    expect(all).toMatchObject({ points: 100, sum: 5050, min: 1, max: 100, first: 1, last: 100 })
    expect(Math.abs((all.percentiles[0] as number) - 50)).toBeLessThanOrEqual(0.5 + 1e-9)
    expect(await metrics.summary({ name: 'latency', dimensions: { shard: 1 } })).toMatchObject({
      points: 50,
      min: 2,
      first: 2,
    })
    expect(await metrics.summary({ name: 'latency', dimensions: { zone: 'us' } })).toBeUndefined()
    expect(await metrics.percentile({ name: 'other', fraction: 0.5 })).toBeUndefined()
  })

  test('are the same in one step or in many, with late points, and when they are made by several at once', async () => {
    const start = noon()
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.array(
            fc.record({ offset: fc.integer({ min: 0, max: 2 * DAY }), value: fc.integer({ min: -50, max: 50 }) }),
            {
              minLength: 1,
              maxLength: 20,
            },
          ),
          { minLength: 1, maxLength: 5 },
        ),
        fc.integer({ min: 1, max: 7 }),
        async (calls, pointsMax) => {
          const [once, stepwise] = [await newTenant(), await newTenant()]
          const points = calls.map((call) =>
            call.map(({ offset, value }) => at(start + offset, value, { id: uuidv7({ msecs: start + offset }) })),
          )
          await once.delivery.metrics.record(points.flat())
          await rollUp(once)
          for (const call of points) {
            await stepwise.delivery.metrics.record(call)
            await Promise.all([rollUp(stepwise, pointsMax), rollUp(stepwise, pointsMax)])
          }
          await rollUp(stepwise)
          for (const resolution of ['minute', 'hour', 'day'] as const) {
            const of = (tenant: Tenant) => tenant.delivery.metrics.rollups({ name: 'latency', resolution })
            expect(await of(stepwise)).toEqual(await of(once))
          }
          // Against a model: each day's sum, count, first and last.
          const days = new Map<number, NewMetric[]>()
          for (const point of points.flat()) {
            const day = Math.floor((point.measuredAt as Date).getTime() / DAY) * DAY
            days.set(day, [...(days.get(day) ?? []), point])
          }
          const rows = await once.delivery.metrics.rollups({ name: 'latency', resolution: 'day' })
          expect(
            rows.map(({ bucket, points, sum, first, last }) => [bucket.getTime(), points, sum, first, last]),
          ).toEqual(
            [...days]
              .toSorted(([a], [b]) => a - b)
              .map(([day, of]) => {
                const sorted = of.toSorted((a, b) => ((a.id as string) < (b.id as string) ? -1 : 1))
                return [
                  day,
                  of.length,
                  of.reduce((sum, { numericValue = 0 }) => sum + numericValue, 0),
                  sorted[0]?.numericValue,
                  sorted.at(-1)?.numericValue,
                ]
              }),
          )
        },
      ),
      { numRuns: 8 },
    )
  })

  test('leave a point of a running transaction for later, and take it in then', async () => {
    const tenant = await newTenant()
    const start = noon()
    await tenant.transaction(async (tx) => {
      await tx.delivery.metrics.record(at(start, 1))
      // In the same transaction: its points are younger than the oldest running transaction, which is itself.
      expect(await tx.delivery.metrics.rollUp()).toEqual({ points: 0, rollups: 0, more: false })
    })
    await tenant.delivery.metrics.record(at(start, 2))
    expect(await rollUp(tenant)).toBe(2)
    expect(await rollUp(tenant)).toBe(0)
    expect(await tenant.delivery.metrics.summary({ name: 'latency' })).toMatchObject({ points: 2, sum: 3 })
  })

  test('refuse a watermark of another database', async () => {
    const tenant = await newTenant()
    await tenant.delivery.metrics.rollUp()
    await sql(
      fleet,
      `update delivery.metric_watermarks set rolled_up_below = '9000000000000000000' where tenant_id = $1`,
      [tenant.id],
    )
    await failure(tenant.delivery.metrics.rollUp(), 'WATERMARK_FOREIGN')
  })
})

test('keys and buckets of sketches are those that are stored', async () => {
  const [found] = await sql<{ keys: number[]; buckets: (number | null)[] }>(
    fleet,
    `select array_agg(delivery.sketch_key(v) order by o) as keys, array_agg(delivery.sketch_bucket(v) order by o) as buckets
    from unnest(array[-41.7, -1e-101, 0, 1e-101, 0.001, 1, 1.01, 41.7, 1e100]::float8[]) with ordinality as x(v, o)`,
  )
  expect(found).toEqual({
    keys: [-20187, 0, 0, 0, 19655, 20000, 20001, 20187, 31513],
    buckets: [null, null, -2147483648, -11627, -345, 0, 1, 187, 11513],
  })
})

describe('percentiles', () => {
  test('are within 1 % of the exact ones, whatever the numbers, rolled up in parts', async () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, min: -1e100, max: 1e100 }),
      fc.double({ noNaN: true, min: -1000, max: 1000 }),
      fc.integer({ min: -5, max: 5 }),
      fc.constantFrom(0, 1e-99, -1e-99, 1e100, -1e100, 0.99, 1.01, 1),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(number, { minLength: 1, maxLength: 200 }),
        fc.double({ noNaN: true, min: 0, max: 1 }),
        async (values, fraction) => {
          const tenant = await newTenant()
          const start = noon()
          const points = values.map((value, i) => at(start + i * 7 * MINUTE, value))
          await tenant.delivery.metrics.record(points.slice(0, values.length / 2))
          await rollUp(tenant)
          await tenant.delivery.metrics.record(points.slice(values.length / 2))
          await rollUp(tenant)
          const fractions = [0, 0.5, 0.95, 0.99, 1, fraction]
          const found = await tenant.delivery.metrics.summary({ name: 'latency', fractions })
          for (const [i, each] of fractions.entries()) {
            const wanted = exact(values, each)
            const error = Math.abs((found?.percentiles[i] as number) - wanted)
            // What is nearer to zero than 1e-100 counts as zero.
            expect(error, `${each} of ${values}`).toBeLessThanOrEqual(
              Math.max(Math.abs(wanted) * 0.01 * (1 + 1e-9), 1e-100),
            )
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  test('of a range count its minutes, wherever it begins and ends', async () => {
    const tenant = await newTenant()
    const start = noon(5)
    const values = Array.from({ length: 800 }, (_, i) => i + 1)
    await tenant.delivery.metrics.record(values.map((value, i) => at(start + i * 5 * MINUTE, value)))
    await rollUp(tenant)
    for (const [from, to] of [
      [0, 800],
      [1, 799],
      [3, 20],
      [11, 13],
      [100, 700],
      [13, 300],
      [144, 432],
    ] as const) {
      const part = values.slice(from, to)
      const query = {
        name: 'latency',
        from: new Date(start + from * 5 * MINUTE),
        to: new Date(start + to * 5 * MINUTE),
      }
      expect(await tenant.delivery.metrics.summary(query)).toMatchObject({
        points: part.length,
        sum: part.reduce((a, b) => a + b, 0),
      })
      const median = await tenant.delivery.metrics.percentile({ ...query, fraction: 0.5 })
      expect(Math.abs((median as number) / exact(part, 0.5) - 1)).toBeLessThanOrEqual(0.01 + 1e-9)
    }
  })

  test('tiles cover a range once, without a gap', () => {
    const time = fc.integer({ min: 0, max: (10 * DAY) / MINUTE })
    fc.assert(
      fc.property(time, time, (a, b) => {
        const [low, high] = [Math.min(a, b) * MINUTE, Math.max(a, b) * MINUTE]
        const tiles = tilesOf(new Date(low), new Date(high)).map(({ low, high }) => [low?.getTime(), high?.getTime()])
        if (low === high) {
          expect(tiles).toEqual([])
          return
        }
        expect(tiles[0]?.[0]).toBe(low)
        expect(tiles.at(-1)?.[1]).toBe(high)
        for (let i = 1; i < tiles.length; i++) expect(tiles[i]?.[0]).toBe(tiles[i - 1]?.[1])
        expect(tiles.length).toBeLessThanOrEqual(5)
      }),
    )
  })
})

test('callers that record at once lose nothing', async () => {
  const tenant = await newTenant()
  const start = noon()
  const callers = Array.from({ length: 20 }, (_, c) =>
    Promise.all(
      Array.from({ length: 25 }, (_, i) =>
        tenant.delivery.metrics.record(at(start + i, 1, { name: `n${(c + i) % 7}` })),
      ),
    ),
  )
  await Promise.all(callers)
  expect(await rollUp(tenant)).toBe(500)
  let sum = 0
  for (let n = 0; n < 7; n++) sum += (await tenant.delivery.metrics.summary({ name: `n${n}` }))?.sum ?? 0
  expect(sum).toBe(500)
})

test('another tenant sees nothing of it', async () => {
  const [one, other] = [await newTenant(), await newTenant()]
  await one.delivery.metrics.record(at(noon(), 1))
  await rollUp(one)
  await rollUp(other)
  expect((await other.delivery.metrics.query()).metrics).toEqual([])
  expect(await other.delivery.metrics.series()).toEqual([])
  expect(await other.delivery.metrics.rollups({ name: 'latency', resolution: 'day' })).toEqual([])
  expect(await other.delivery.metrics.summary({ name: 'latency' })).toBeUndefined()
})
