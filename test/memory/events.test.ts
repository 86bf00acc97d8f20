import fc from 'fast-check'
import type { EventQuery, NewEvent, StoredEvent } from 'pgfleet/memory'
import { v4, v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { ENTER } from '../../dist/database/database.js'
import { failure, openTestFleet, sql } from '../setup/index.js'
import { DAY, idAt, newTenant } from '../setup/tenant.js'

const fleet = await openTestFleet()
const { id: tenantId, memory } = await newTenant(fleet)
const { events } = memory

/** All pages of a query. */
async function all(query: EventQuery, of = events): Promise<StoredEvent[]> {
  const found: StoredEvent[] = []
  let after: string | undefined
  do {
    const page = await of.query({ ...query, ...(after === undefined ? {} : { after }) })
    expect(page.events.length).toBeLessThanOrEqual(query.limit ?? 100)
    found.push(...page.events)
    after = page.next
  } while (after !== undefined)
  return found
}

describe('append', () => {
  test('keeps an event as it was given', async () => {
    const occurredAt = new Date('2026-01-01T00:00:00.123Z')
    occurredAt.setTime(Date.now() - 3 * DAY)
    const given = {
      type: 'tool.called',
      occurredAt,
      sessionId: v4(),
      correlationId: 'run 1',
      source: 'gateway',
      agentId: 'a-1',
      payload: { tool: 'search', nested: [1, null, { a: 'ü' }] },
    }
    const { id, replayed } = await events.append(given)
    expect(replayed).toBe(false)
    expect(await events.get(id)).toEqual({ id, ...given, recordedAt: expect.any(Date) })
  })

  test('fills in what is left out', async () => {
    const before = Date.now()
    const { id } = await events.append({ type: 'bare' })
    const event = await events.get(id)
    expect(event).toMatchObject({
      type: 'bare',
      payload: {},
      sessionId: null,
      correlationId: null,
      source: null,
      agentId: null,
    })
    expect(event?.occurredAt.getTime()).toBeGreaterThanOrEqual(before)
    expect(event?.occurredAt.getTime()).toBe(Number.parseInt(id.replace('-', '').slice(0, 12), 16))
  })

  test('twice with one id keeps the first, in one call, across calls, and among new ones', async () => {
    const [a, b, c] = [v7(), v7(), v7()]
    const first = await events.append([
      { id: a, type: 'once', payload: 1 },
      { id: b, type: 'once' },
      { id: a, type: 'once', payload: 2 },
    ])
    expect(first.map(({ replayed }) => replayed)).toEqual([false, false, true])
    const second = await events.append([
      { id: c, type: 'once' },
      { id: a, type: 'once', payload: 3 },
    ])
    expect(second).toEqual([
      { id: c, replayed: false },
      { id: a, replayed: true },
    ])
    expect((await events.get(a))?.payload).toBe(1)
    expect(await all({ type: 'once' })).toHaveLength(3)
  })

  test.each([3, 99, 100, 400])(
    'a batch of %i of which one was there, another comes twice, and then all again',
    async (size) => {
      const { events } = (await newTenant(fleet)).memory
      const ids = Array.from({ length: size }, () => v7())
      const [there, twice] = [1, size - 1]
      await events.append({ id: ids[there] as string, type: 'before' })
      const given = [...ids, ids[twice] as string].map((id, n) => ({ id, type: 'batch', payload: n }))
      const first = await events.append(given)
      expect(first.flatMap(({ replayed }, n) => (replayed ? [n] : []))).toEqual([there, size])
      const again = await events.append(given)
      expect(again.map(({ id, replayed }) => ({ id, replayed }))).toEqual(
        given.map(({ id }) => ({ id, replayed: true })),
      )
      const kept = await all({ limit: 1000 }, events)
      expect(kept.map(({ id, type, payload }) => ({ id, type, payload }))).toEqual(
        ids.map((id, n) => ({ id, type: n === there ? 'before' : 'batch', payload: n === there ? {} : n })),
      )
    },
  )

  test.each([50, 150])('many callers of the same %i ids write each once, and one of them is told so', async (count) => {
    const { events } = (await newTenant(fleet)).memory
    const ids = Array.from({ length: count }, () => v7())
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, caller) =>
        events.append((caller % 2 === 0 ? ids : [...ids].reverse()).map((id) => ({ id, type: 'race' }))),
      ),
    )
    expect(await all({ type: 'race' }, events)).toHaveLength(count)
    const writers = answers.flat().filter(({ replayed }) => !replayed)
    expect(writers.map(({ id }) => id).sort()).toEqual([...ids].sort())
  })

  test('in a transaction commits with it, or not at all', async () => {
    const { memory, transaction } = await newTenant(fleet)
    await transaction(async (tx) => {
      await tx.memory.events.append({ type: 'kept' })
      await tx.memory.events.append([{ type: 'kept' }, { type: 'kept' }])
    })
    await failure(
      transaction(async (tx) => {
        await tx.memory.events.append({ type: 'lost' })
        await tx.memory.events.append({ id: idAt(-401 * DAY), type: 'lost' })
      }),
      'ID_OUT_OF_WINDOW',
    )
    expect((await all({}, memory.events)).map(({ type }) => type)).toEqual(['kept', 'kept', 'kept'])
  })

  test('takes the months of its window, and refuses what lies outside, by name', async () => {
    const times = [-399, -200, -31, 0, 30].map((day) => new Date(Date.now() + day * DAY))
    await events.append(times.map((occurredAt) => ({ type: 'window', occurredAt })))
    expect((await all({ type: 'window' })).map(({ occurredAt }) => occurredAt)).toEqual(times)
    for (const day of [-401, 40]) {
      const call = events.append([{ type: 'window' }, { type: 'window', occurredAt: new Date(Date.now() + day * DAY) }])
      expect(await failure(call, 'ID_OUT_OF_WINDOW')).toMatchObject({ field: 'events[1].id' })
    }
    expect(await all({ type: 'window' })).toHaveLength(times.length)
  })

  test('a call that is refused leaves those gathered with it alone', async () => {
    const calls = Array.from({ length: 20 }, (_, i) =>
      events.append({ type: 'neighbour', ...(i === 7 ? { id: idAt(-500 * DAY) } : {}) }),
    )
    const settled = await Promise.allSettled(calls)
    expect(settled.map(({ status }) => status === 'rejected')).toEqual(settled.map((_, i) => i === 7))
    expect(await all({ type: 'neighbour' })).toHaveLength(19)
  })

  test('an aborted call writes nothing', async () => {
    await failure(events.append({ type: 'aborted' }, { signal: AbortSignal.abort() }), 'ABORTED')
    expect(await all({ type: 'aborted' })).toEqual([])
  })
})

const good: NewEvent = { type: 'good' }
const cycle: { self?: unknown } = {}
cycle.self = cycle

test.each<[string, string, unknown]>([
  ['id', 'no UUID', '7'],
  ['id', 'a UUIDv4', v4()],
  ['type', 'missing', undefined],
  ['type', 'empty', ''],
  ['type', '256 characters', 'x'.repeat(256)],
  ['type', 'a NUL character', 'a\0'],
  ['type', 'half of a surrogate pair', '\ud800'],
  ['type', 'a number', 1],
  ['occurredAt', 'a text', '2026-01-01'],
  ['occurredAt', 'an invalid date', new Date(Number.NaN)],
  ['occurredAt', 'before 1970', new Date(-1)],
  ['sessionId', 'no UUID', 'x'],
  ['correlationId', 'empty', ''],
  ['correlationId', '201 characters', 'x'.repeat(201)],
  ['source', 'a NUL character', '\0'],
  ['agentId', 'null', null],
  ['payload', 'a function', () => 1],
  ['payload', 'NaN', { a: Number.NaN }],
  ['payload', 'a Date', new Date()],
  ['payload', 'a cycle', cycle],
  ['payload', 'a NUL character', { a: ['\0'] }],
  ['payload', 'a key with a NUL character', { a: { 'b\0': 1 } }],
  ['payload', 'over the limit', 'x'.repeat(262_143)],
  ['tags', 'an unknown member', []],
])('%s that is %s is refused, by name', async (member, _, value) => {
  const error = await failure(events.append([good, { ...good, [member]: value } as NewEvent]), 'INPUT_INVALID')
  expect(error.field).toBe(`events[1].${member}`)
  expect(error.message.length).toBeLessThan(400)
})

test('an occurredAt that is not the time inside the id is refused, by name', async () => {
  const error = await failure(events.append({ ...good, id: v7(), occurredAt: new Date(0) }), 'INPUT_INVALID')
  expect(error.field).toBe('events[0].occurredAt')
})

test('5001 events are more than a call takes', async () => {
  const error = await failure(events.append(Array.from({ length: 5001 }, () => good)), 'INPUT_INVALID')
  expect(error.field).toBe('events')
})

test('nothing of all that was refused was written', async () => {
  expect(await all({ type: 'good' })).toEqual([])
})

test('a payload of exactly the longest length is taken', async () => {
  const { id } = await events.append({ type: 'long', payload: 'x'.repeat(262_142) })
  expect((await events.get(id))?.payload).toHaveLength(262_142)
})

describe('query', () => {
  test.each<[string, EventQuery]>([
    ['from', { from: 'now' as never }],
    ['to', { from: new Date(5), to: new Date(5) }],
    ['type', { type: '' }],
    ['type', { type: [] }],
    ['type', { type: Array.from({ length: 21 }, () => 'x') }],
    ['type', { type: 'a\0' }],
    ['correlationId', { correlationId: 'x'.repeat(201) }],
    ['sessionId', { sessionId: 'x' }],
    ['payload', { payload: (() => 1) as never }],
    ['payload', { payload: 'x'.repeat(65_535) }],
    ['order', { order: 'up' as never }],
    ['limit', { limit: 0 }],
    ['limit', { limit: 1001 }],
    ['limit', { limit: 1.5 }],
    ['after', { after: '7' }],
    ['scanMax', { scanMax: 1 }],
    ['offset', { offset: 3 } as never],
  ])('refuses %s: %j', async (member, query) => {
    expect((await failure(events.query(query), 'INPUT_INVALID')).field).toMatch(new RegExp(`^query\\.${member}`))
  })

  test('gives what a scan of a plain list gives, in pages of any size, both ways', async () => {
    const { memory } = await newTenant(fleet)
    const types = ['a', 'ab', 'a.b', 'a%b', 'a_b', 'a\\b', 'a*b', 'a?b', 'B', 'ü.x', "'; --", '[a]', 'a.b.c']
    const now = Date.now()
    const given = Array.from({ length: 240 }, (_, i) => ({
      // Some of the same millisecond, some months apart.
      id: v7({ msecs: now - (i % 6) * 35 * DAY - Math.floor(i / 40) }),
      type: types[(i * 7) % types.length] as string,
      ...(i % 3 === 0 ? {} : { correlationId: `c${i % 4}` }),
      ...(i % 5 === 0 ? { agentId: `agent ${i % 2}` } : {}),
      source: `s${i % 2}`,
      payload: { n: i % 4, deep: { list: [i % 3, 'x'] } },
    }))
    await memory.events.append(given)
    const model = [...given].sort((a, b) => (a.id < b.id ? -1 : 1))
    const timeOf = (id: string) => Number.parseInt(id.replace('-', '').slice(0, 12), 16)
    const matches = (pattern: string, type: string): boolean => {
      if (pattern === '') return type === ''
      const [first, ...rest] = [...pattern]
      const tail = rest.join('')
      if (first === '*') return matches(tail, type) || (type !== '' && matches(pattern, [...type].slice(1).join('')))
      return type !== '' && (first === '?' || first === [...type][0]) && matches(tail, [...type].slice(1).join(''))
    }
    const pattern = fc.oneof(
      fc.constantFrom(
        '*',
        'a*',
        '?',
        '*b',
        'a?b',
        '?.*',
        '%',
        'a%',
        '_',
        'a\\b',
        'a\\*',
        '*.*',
        'a*b*',
        'B',
        '[a]',
        "'*",
      ),
      fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?', '%', '_', '\\'), minLength: 1, maxLength: 5 }),
    )
    const moment = fc.integer({ min: 0, max: 200 * DAY }).map((back) => new Date(now - back))
    await fc.assert(
      fc.asyncProperty(
        fc.record(
          {
            from: moment,
            to: moment,
            type: fc.oneof(pattern, fc.array(pattern, { minLength: 1, maxLength: 3 })),
            correlationId: fc.constantFrom('c0', 'c1', 'c9'),
            agentId: fc.constantFrom('agent 0', 'agent 1'),
            source: fc.constantFrom('s0', 's2'),
            payload: fc.constantFrom({ n: 1 }, { deep: { list: ['x'] } }, { deep: { list: [2] }, n: 2 }, {}),
            order: fc.constantFrom('asc' as const, 'desc' as const),
          },
          { requiredKeys: [] },
        ),
        fc.integer({ min: 1, max: 300 }),
        async (query, limit) => {
          if (query.from !== undefined && query.to !== undefined && query.from >= query.to) return
          const expected = model.filter(
            (event) =>
              (query.from === undefined || timeOf(event.id) >= query.from.getTime()) &&
              (query.to === undefined || timeOf(event.id) < query.to.getTime()) &&
              (query.type === undefined || [query.type].flat().some((one) => matches(one, event.type))) &&
              (query.correlationId === undefined || event.correlationId === query.correlationId) &&
              (query.agentId === undefined || event.agentId === query.agentId) &&
              (query.source === undefined || event.source === query.source) &&
              (query.payload === undefined || contains(event.payload, query.payload)),
          )
          if (query.order === 'desc') expected.reverse()
          const found = await all({ ...query, limit: Math.max(limit, Math.ceil(expected.length / 8)) }, memory.events)
          expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
        },
      ),
      { numRuns: 150 },
    )
  })

  test('of what no index holds looks at so many events and says where to go on', async () => {
    const { memory } = await newTenant(fleet)
    await memory.events.append(Array.from({ length: 2500 }, (_, i) => ({ type: 'row', payload: { rare: i === 2400 } })))
    const first = await memory.events.query({ payload: { rare: true }, scanMax: 1000 })
    expect(first).toEqual({ events: [], next: expect.any(String) })
    expect(await all({ payload: { rare: true }, scanMax: 1000 }, memory.events)).toHaveLength(1)
  })

  test('of more types than are merged finds them all the same', async () => {
    const { memory } = await newTenant(fleet)
    await memory.events.append(Array.from({ length: 300 }, (_, i) => ({ type: `kind.${i % 120}` })))
    expect(await all({ type: 'kind.*', limit: 70 }, memory.events)).toHaveLength(300)
    expect(await all({ type: ['kind.1', 'kind.11?'], limit: 7 }, memory.events)).toHaveLength(3 + 20)
  })

  test('finds nothing of another tenant', async () => {
    const { memory } = await newTenant(fleet)
    const [own] = await all({ limit: 1 })
    expect(await memory.events.get(own?.id as string)).toBeUndefined()
    expect((await memory.events.query({})).events).toEqual([])
  })
})

/** jsonb's @>, for objects of numbers and lists. */
function contains(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part))
    return Array.isArray(whole) && part.every((one) => whole.some((other) => contains(other, one)))
  if (typeof part !== 'object' || part === null) return whole === part
  return Object.entries(part).every(([key, value]) => contains((whole as Record<string, unknown>)[key], value))
}

test('stats counts by type in a range', async () => {
  const { memory } = await newTenant(fleet)
  const occurredAt = new Date(Date.now() - 70 * DAY)
  await memory.events.append([{ type: 'a' }, { type: 'a' }, { type: 'b' }, { type: 'b', occurredAt }])
  expect(await memory.events.stats({ from: new Date(Date.now() - DAY) })).toMatchObject({
    events: 3,
    types: [
      { type: 'a', events: 2 },
      { type: 'b', events: 1 },
    ],
  })
  const whole = await memory.events.stats()
  expect(whole).toMatchObject({ events: 4, oldest: occurredAt })
  expect(await (await newTenant(fleet)).memory.events.stats()).toEqual({
    events: 0,
    oldest: null,
    newest: null,
    types: [],
  })
  expect((await failure(memory.events.stats({ from: new Date(2), to: new Date(1) }))).field).toBe('range.to')
})

test('passHatK is the unbiased estimate: the share of k runs drawn from n that all succeeded', async () => {
  const { memory } = await newTenant(fleet)
  const runs = { a: [1, 1, 1, 0], b: [1, 0, 0, 0], c: [1, 1] }
  await memory.events.append(
    Object.entries(runs).flatMap(([task, rewards]) =>
      rewards.map((reward) => ({ type: 'run.ended', payload: { task, reward } })),
    ),
  )
  const subsets = (list: number[], k: number): number[][] =>
    k === 0 ? [[]] : list.flatMap((one, i) => subsets(list.slice(i + 1), k - 1).map((rest) => [one, ...rest]))
  const found = await memory.events.passHatK({ kMax: 5 })
  for (const { k, value, tasks } of found) {
    const estimates = Object.values(runs)
      .filter((list) => list.length >= k)
      .map(
        (list) =>
          subsets(list, k).filter((drawn) => drawn.every((reward) => reward === 1)).length / subsets(list, k).length,
      )
    expect(tasks).toBe(estimates.length)
    if (estimates.length === 0) expect(value).toBeNull()
    else expect(value).toBeCloseTo(estimates.reduce((sum, one) => sum + one, 0) / estimates.length, 12)
  }
  expect((await failure(memory.events.passHatK({ kMax: 0 }))).field).toBe('options.kMax')
})

test('the time that the table shows is the one inside the id', async () => {
  const rows = await sql(
    fleet,
    'select event_id from memory.events where tenant_id = $1 and occurred_at <> platform.uuid_time(event_id)',
    [tenantId],
  )
  expect(rows).toEqual([])
})

test.each(['update memory.events set payload = $1', 'delete from memory.events where payload <> $1'])(
  'what happened stays as it is, for the tenant too: %s',
  async (text) => {
    const before = await all({})
    const call = fleet.database.transaction('begin', [{ statement: ENTER, values: [tenantId] }], (run) =>
      run({ name: `test.${text.slice(0, 6)}`, text }, ['{"forged": true}']),
    )
    expect((await failure(call, 'PERMISSION_DENIED')).details.sqlstate).toBe('42501')
    expect(await all({})).toEqual(before)
  },
)
