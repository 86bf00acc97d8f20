import { describe, expect, test, vi } from 'vitest'
import { Batcher, type Operation, type Send } from '../../dist/database/batch.js'
import { BATCH_DEFAULTS, type BatchOptions } from '../../dist/database/batch-options.js'
import { failure } from '../setup/index.js'

/** An item of these tests: its name, and whether it may be applied twice. */
interface Item {
  readonly name: string
  readonly id?: string
}

function operation(more: Partial<Operation<Item, { ordinal: number; echo: string }, string>> = {}) {
  return {
    name: 'test.echo',
    statement: { name: 'test.echo', text: '' },
    writes: true,
    itemsMax: 100,
    encode: (item: Item) => JSON.stringify(item),
    decode: (row: { echo: string } | undefined) => row?.echo ?? 'no row',
    isIdempotent: (item: Item) => item.id !== undefined,
    ...more,
  } satisfies Operation<Item, { ordinal: number; echo: string }, string>
}

/** A flight in the air: what it carries, and how it lands. */
interface Flight {
  readonly tenant: string
  readonly operation: string
  readonly names: string[]
  readonly durability: string
  readonly idempotent: boolean
  land(): void
  fail(error: Error): void
}

/** A batcher whose statements land by themselves, or when told. */
function harness(
  options: Partial<BatchOptions> = {},
  { byHand = false, refuses = (_: string): boolean => false } = {},
) {
  const flights: Flight[] = []
  let inFlight = 0
  let inFlightMax = 0
  const send: Send = (sent, tenant, items, { durability, idempotent }) => {
    const names = (JSON.parse(items) as Item[]).map(({ name }) => name)
    inFlight++
    inFlightMax = Math.max(inFlightMax, inFlight)
    return new Promise((resolve, reject) => {
      const flight: Flight = {
        tenant,
        operation: sent.name,
        names,
        durability,
        idempotent,
        land: () => {
          inFlight--
          if (names.some(refuses)) return reject(sqlError('PF004'))
          // In no order, as a database may return them.
          resolve(names.map((name, i) => ({ ordinal: i + 1, echo: `${name}!` })).reverse())
        },
        fail: (error) => {
          inFlight--
          reject(error)
        },
      }
      flights.push(flight)
      if (!byHand) setImmediate(flight.land)
    })
  }
  const batcher = new Batcher(send, { ...BATCH_DEFAULTS, ...options })
  const call = (name: string, more: { id?: string; signal?: AbortSignal } = {}) =>
    batcher
      .submit(operation(), 'acme', [{ name, ...(more.id === undefined ? {} : { id: more.id }) }], {
        ...(more.signal === undefined ? {} : { signal: more.signal }),
      })
      .then(([result]) => result)
  return { batcher, flights, call, inFlightMax: () => inFlightMax }
}

function sqlError(code: string): Error {
  return Object.assign(new Error(`refused with ${code}`), { code })
}

const turn = () => new Promise((done) => setImmediate(done))
const outcome = (call: Promise<unknown>) =>
  call.then(
    (value) => value,
    (error) => error.code,
  )

describe('gathering', () => {
  test('concurrent calls share a statement, and each gets its own result', async () => {
    const { call, flights } = harness({ flightsMax: 1 })
    const names = Array.from({ length: 18 }, (_, i) => `n${i}`)
    expect(await Promise.all(names.map((name) => call(name)))).toEqual(names.map((name) => `${name}!`))
    expect(flights.map((flight) => flight.names)).toEqual([names])
  })

  test('with several flights the waiting items are shared out', async () => {
    const { call, flights } = harness({ flightsMax: 2 })
    await Promise.all(Array.from({ length: 18 }, (_, i) => call(`n${i}`)))
    expect(flights.map((flight) => flight.names.length)).toEqual([9, 9])
  })

  test('where a statement wants many items, one that is worth as many leaves alone, and beside another', async () => {
    const { batcher, flights } = harness({ flightsMax: 2 }, { byHand: true })
    const gathering = operation({ itemsMin: 10, isWhole: ({ name }) => name.startsWith('whole') })
    const call = (name: string) => batcher.submit(gathering, 'acme', [{ name }], {})
    const calls = ['whole-1', 'whole-2', 'a', 'b', 'whole-3'].map(call)
    for (let turns = 0; turns < 3; turns++) await turn()
    expect(flights.map(({ names }) => names)).toEqual([['whole-1'], ['whole-2']])
    flights[0]?.land()
    for (let turns = 0; turns < 3; turns++) await turn()
    // Few that are not worth it wait for what is in flight, as ever.
    expect(flights).toHaveLength(2)
    flights[1]?.land()
    for (let turns = 0; turns < 3; turns++) await turn()
    expect(flights.slice(2).map(({ names }) => names)).toEqual([['a', 'b', 'whole-3']])
    flights[2]?.land()
    expect(await Promise.all(calls)).toEqual(['whole-1!', 'whole-2!', 'a!', 'b!', 'whole-3!'].map((name) => [name]))
  })

  test('a lone call leaves at the end of the turn: no timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] })
    try {
      const { call, flights } = harness()
      const result = call('lone')
      expect(flights).toHaveLength(0)
      await turn()
      expect(flights).toHaveLength(1)
      expect(await result).toBe('lone!')
    } finally {
      vi.useRealTimers()
    }
  })

  test('while all flights are out, further calls gather and leave together', async () => {
    const { call, flights } = harness({ flightsMax: 1 }, { byHand: true })
    const first = call('first')
    await turn()
    const rest = ['a', 'b', 'c'].map((name) => call(name))
    await turn()
    expect(flights).toHaveLength(1)
    flights[0]?.land()
    await first
    await turn()
    expect(flights[1]?.names).toEqual(['a', 'b', 'c'])
    flights[1]?.land()
    expect(await Promise.all(rest)).toEqual(['a!', 'b!', 'c!'])
  })

  test('tenants, operations and durabilities never share a statement', async () => {
    const { batcher, flights } = harness()
    const item = [{ name: 'x' }]
    await Promise.all([
      batcher.submit(operation(), 'acme', item, {}),
      batcher.submit(operation(), 'other', item, {}),
      batcher.submit(operation(), 'acme', item, { durability: 'async' }),
      batcher.submit(operation({ name: 'test.other' }), 'acme', item, {}),
    ])
    expect(flights.map((f) => `${f.operation} ${f.tenant} ${f.durability}`).sort()).toEqual([
      'test.echo acme async',
      'test.echo acme durable',
      'test.echo other durable',
      'test.other acme durable',
    ])
  })

  test('a call of no items is no statement', async () => {
    const { batcher, flights } = harness()
    expect(await batcher.submit(operation(), 'acme', [], {})).toEqual([])
    await turn()
    expect(flights).toHaveLength(0)
  })

  test('a row that is missing is missing for its own item', async () => {
    const send: Send = async () => [{ ordinal: 2, echo: 'second' } as { ordinal: number }]
    const batcher = new Batcher(send, { ...BATCH_DEFAULTS, flightsMax: 1 })
    expect(await batcher.submit(operation(), 'acme', [{ name: 'a' }, { name: 'b' }], {})).toEqual(['no row', 'second'])
  })
})

describe('a bad item', () => {
  test.each([0, 7, 17])('at place %i rejects its own caller only', async (place) => {
    const { call, batcher } = harness({ flightsMax: 1 }, { refuses: (name) => name === `n${place}` })
    const outcomes = await Promise.all(Array.from({ length: 18 }, (_, i) => outcome(call(`n${i}`))))
    expect(outcomes).toEqual(Array.from({ length: 18 }, (_, i) => (i === place ? 'AGENT_TYPE_UNKNOWN' : `n${i}!`)))
    expect(batcher.metrics()[0]).toMatchObject({ failures: 1 })
    expect(batcher.metrics()[0]?.splits).toBeGreaterThan(0)
  })

  test('a call of several items stands or falls as one', async () => {
    const { batcher, call } = harness({ flightsMax: 1 }, { refuses: (name) => name === 'bad' })
    const several = batcher.submit(operation(), 'acme', [{ name: 'good' }, { name: 'bad' }], {})
    expect(await Promise.all([outcome(several), call('alone')])).toEqual(['AGENT_TYPE_UNKNOWN', 'alone!'])
  })

  test('an item that cannot be encoded rejects before anything is queued', async () => {
    const { batcher, call, flights } = harness({ flightsMax: 1 })
    const encode = () => {
      throw new Error('no JSON')
    }
    const bad = batcher.submit(operation({ encode }), 'acme', [{ name: 'bad' }], {})
    await Promise.all([expect(bad).rejects.toThrow('no JSON'), call('good')])
    expect(flights.map((flight) => flight.names)).toEqual([['good']])
  })

  test('a result that cannot be decoded rejects its own caller only', async () => {
    const { batcher } = harness({ flightsMax: 1 })
    const decode = (row: { echo: string } | undefined) => {
      if (row?.echo === 'bad!') throw new Error('no result')
      return row?.echo ?? ''
    }
    const results = ['good', 'bad', 'fine'].map((name) => batcher.submit(operation({ decode }), 'acme', [{ name }], {}))
    expect((await Promise.allSettled(results)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
  })

  test('what is the fault of no item is not searched for: one statement, and all are told', async () => {
    for (const code of ['42883', 'PF002', '40001', '57P01']) {
      const { call, flights } = harness({ flightsMax: 1 }, { byHand: true })
      const calls = ['a', 'b', 'c'].map((name) => outcome(call(name)))
      await turn()
      flights[0]?.fail(sqlError(code))
      expect(new Set(await Promise.all(calls)).size).toBe(1)
      expect(flights, code).toHaveLength(1)
    }
  })
})

describe('a lost connection', () => {
  test('what may be applied twice is sent again, without the rest, whose outcome is unknown', async () => {
    const { call, flights } = harness({ flightsMax: 1 }, { byHand: true })
    const calls = [call('a', { id: '1' }), call('b'), call('c', { id: '2' })].map(outcome)
    await turn()
    expect(flights[0]).toMatchObject({ names: ['a', 'b', 'c'], idempotent: false })
    flights[0]?.fail(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    await turn()
    expect(flights[1]).toMatchObject({ names: ['a', 'c'], idempotent: true })
    flights[1]?.land()
    expect(await Promise.all(calls)).toEqual(['a!', 'OUTCOME_UNKNOWN', 'c!'])
  })

  test('a batch that may be repeated says so', async () => {
    const { call, flights } = harness({ flightsMax: 1 })
    await Promise.all([call('a', { id: '1' }), call('b', { id: '2' })])
    expect(flights[0]?.idempotent).toBe(true)
  })
})

describe('limits', () => {
  test('a statement holds at most itemsMax items', async () => {
    const { batcher, flights } = harness({ flightsMax: 1 })
    const small = operation({ itemsMax: 4 })
    await Promise.all(Array.from({ length: 11 }, (_, i) => batcher.submit(small, 'acme', [{ name: `${i}` }], {})))
    expect(flights.map((flight) => flight.names.length)).toEqual([4, 4, 3])
  })

  test('a call above itemsMax is refused', async () => {
    const { batcher } = harness()
    const items = Array.from({ length: 101 }, () => ({ name: 'x' }))
    const error = await failure(batcher.submit(operation(), 'acme', items, {}), 'INPUT_INVALID')
    expect(error.field).toBe('items')
  })

  test('a statement holds at most bytesMax bytes, but at least one call', async () => {
    const { call, flights } = harness({ flightsMax: 1, bytesMax: 1024 })
    const names = ['x'.repeat(2000), 'y'.repeat(600), 'z'.repeat(600), 'w'.repeat(100)]
    await Promise.all(names.map((name) => call(name)))
    expect(flights.map((flight) => flight.names.map(([first]) => first).join(''))).toEqual(['x', 'y', 'zw'])
  })

  test('bytes are bytes, also of other scripts', async () => {
    const { call, flights } = harness({ flightsMax: 1, bytesMax: 1024 })
    await Promise.all(['語'.repeat(300), '言'.repeat(300)].map((name) => call(name)))
    expect(flights).toHaveLength(2)
  })

  test('at most flightsMax statements of a queue are in flight', async () => {
    const { batcher, flights, inFlightMax } = harness({ flightsMax: 3 }, { byHand: true })
    const tiny = operation({ itemsMax: 2 })
    const calls = Array.from({ length: 40 }, (_, i) => batcher.submit(tiny, 'acme', [{ name: `${i}` }], {}))
    for (let landed = 0; landed < 20; landed++) {
      for (let turns = 0; turns < 5; turns++) await turn()
      flights[landed]?.land()
    }
    await Promise.all(calls)
    expect(inFlightMax()).toBe(3)
  })

  test('a full queue holds callers back, and one waiter too many is told', async () => {
    const { call, flights } = harness({ flightsMax: 1, queueMax: 2, waitersMax: 1 }, { byHand: true })
    const flying = call('flying')
    await turn()
    const queued = [call('q1'), call('q2')]
    const waiting = call('waits')
    const refused = await failure(call('refused'), 'QUEUE_FULL')
    expect(refused.retryable).toBe(true)
    flights[0]?.land()
    await flying
    await turn()
    expect(flights[1]?.names).toEqual(['q1', 'q2'])
    flights[1]?.land()
    expect(await Promise.all(queued)).toEqual(['q1!', 'q2!'])
    await turn()
    flights[2]?.land()
    expect(await waiting).toBe('waits!')
  })
})

test('a small call does not overtake a large one that waits for room', async () => {
  const { batcher, call, flights } = harness({ flightsMax: 1, queueMax: 2 })
  const large = [{ name: 'large' }, { name: 'and more' }]
  await Promise.all([call('first'), batcher.submit(operation(), 'acme', large, {}), call('small')])
  expect(flights.flatMap((flight) => flight.names)).toEqual(['first', 'large', 'and more', 'small'])
})

describe('an abort', () => {
  test('before the call: nothing is queued', async () => {
    const { call, flights } = harness()
    await failure(call('x', { signal: AbortSignal.abort(new Error('why')) }), 'ABORTED')
    await turn()
    expect(flights).toHaveLength(0)
  })

  test('in the queue: the item is not sent, its neighbours are', async () => {
    const { call, flights } = harness({ flightsMax: 1 })
    const controller = new AbortController()
    const calls = [call('a'), call('b', { signal: controller.signal }), call('c')].map(outcome)
    controller.abort(new Error('why'))
    expect(await Promise.all(calls)).toEqual(['a!', 'ABORTED', 'c!'])
    expect(flights.map((flight) => flight.names)).toEqual([['a', 'c']])
  })

  test('in flight: the outcome of a write is unknown, with the reason as its cause', async () => {
    const { call, flights } = harness({ flightsMax: 1 }, { byHand: true })
    const controller = new AbortController()
    const calls = [call('a', { signal: controller.signal }), call('b')]
    await turn()
    const reason = new Error('why')
    controller.abort(reason)
    const error = await failure(calls[0] as Promise<unknown>, 'OUTCOME_UNKNOWN')
    expect(error.cause).toBe(reason)
    flights[0]?.land()
    expect(await calls[1]).toBe('b!')
  })

  test('in flight: a read has no outcome to be unknown', async () => {
    const { batcher } = harness({}, { byHand: true })
    const controller = new AbortController()
    const read = batcher.submit(operation({ writes: false }), 'acme', [{ name: 'a' }], { signal: controller.signal })
    await turn()
    controller.abort()
    await failure(read, 'ABORTED')
  })

  test('while waiting for room: the next waiter takes its place', async () => {
    const { call, flights } = harness({ flightsMax: 1, queueMax: 1, waitersMax: 1 })
    const controller = new AbortController()
    const first = call('first')
    const waiting = failure(call('waits', { signal: controller.signal }), 'ABORTED')
    controller.abort()
    await waiting
    expect(await Promise.all([first, call('next')])).toEqual(['first!', 'next!'])
    expect(flights.flatMap((flight) => flight.names)).toEqual(['first', 'next'])
  })

  test('of two calls at once, by one signal, while the second waits for room: neither is sent', async () => {
    const { call, flights } = harness({ flightsMax: 1, queueMax: 1 })
    const controller = new AbortController()
    const calls = [call('a', { signal: controller.signal }), call('b', { signal: controller.signal })].map(outcome)
    controller.abort()
    expect(await Promise.all(calls)).toEqual(['ABORTED', 'ABORTED'])
    expect(flights).toHaveLength(0)
  })

  test('after the call: harmless', async () => {
    const { call } = harness()
    const controller = new AbortController()
    expect(await call('a', { signal: controller.signal })).toBe('a!')
    controller.abort()
  })
})

describe('closing', () => {
  test('waits for queued, flying and waiting calls, and refuses new ones', async () => {
    const { batcher, call } = harness({ flightsMax: 1, queueMax: 2 })
    const calls = ['a', 'b', 'c', 'd'].map((name) => call(name))
    let closed = false
    const closing = batcher.close().then(() => {
      closed = true
    })
    await failure(call('late'), 'CLOSED')
    expect(closed).toBe(false)
    await closing
    expect(await Promise.race([Promise.all(calls), turn().then(() => 'not settled')])).toEqual(['a!', 'b!', 'c!', 'd!'])
    await batcher.close()
  })

  test('waits for a call that an abort let into the queue', async () => {
    const { batcher, call } = harness({ flightsMax: 1, queueMax: 1 })
    const controller = new AbortController()
    const aborted = outcome(call('a', { signal: controller.signal }))
    let settled = false
    const waiting = call('b').finally(() => {
      settled = true
    })
    const closing = batcher.close()
    controller.abort()
    await closing
    expect(settled).toBe(true)
    await Promise.all([aborted, waiting])
  })
})

test('metrics count statements, items, splits and failures', async () => {
  const { batcher, call } = harness({ flightsMax: 1 }, { refuses: (name) => name === 'bad' })
  await Promise.all(['a', 'b', 'bad', 'c'].map((name) => outcome(call(name))))
  const queued = call('queued')
  expect(batcher.metrics()[0]?.queued).toBe(1)
  await queued
  const [metrics] = batcher.metrics()
  expect(metrics).toMatchObject({ operation: 'test.echo', batches: 2, items: 5, splits: 2, failures: 1, queued: 0 })
  expect(metrics?.batchSize).toEqual({ p50: expect.any(Number), p99: 4, max: 4 })
  expect(metrics?.flushMs.max).toBeGreaterThan(0)
  expect(metrics?.queueAgeMs.max).toBeGreaterThanOrEqual(0)
})
