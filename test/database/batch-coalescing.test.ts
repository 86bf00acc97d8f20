import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Batcher, type Operation, type Send } from '../../dist/database/batch.js'
import { BATCH_DEFAULTS } from '../../dist/database/batch-options.js'
import { failure } from '../setup/index.js'

/** A write of a key by somebody: `refused` by a row of its own, `poison` by an exception for the whole statement. */
interface Item {
  readonly call: number
  readonly key: string
  readonly who: string
  readonly fate: 'good' | 'refused' | 'poison'
}

interface Row {
  readonly ordinal: number
  readonly refused: boolean
  readonly version: number
}

const ITEMS_MAX = 6
const writing: Operation<Item, Row, number> = {
  name: 'test.write',
  statement: { name: 'test.write', text: '' },
  writes: true,
  itemsMax: ITEMS_MAX,
  encode: (item) => JSON.stringify(item),
  decode: (row) => {
    if (row === undefined || row.refused) throw Object.assign(new Error('refused'), { code: 'REFUSED' })
    return row.version
  },
  isIdempotent: () => false,
  orderKey: ({ key }) => key,
  givesWay: (item, later) => item.who === later.who,
}

/** A database that keeps the last good item of each key of a statement, as metadata.set_entries does. */
class Model {
  readonly flights: {
    items: Item[]
    pipeline: object | undefined
    resolve(rows: Row[]): void
    reject(error: Error): void
  }[] = []
  readonly kept = new Map<string, { call: number; version: number }>()
  /** Which call wrote each version. */
  readonly written = new Map<string, number>()
  readonly applied = new Set<number>()
  readonly breaches: string[] = []
  sent = 0
  readonly send: Send = (_operation, _tenant, text, { pipeline }) =>
    new Promise((resolve, reject) => {
      const items = JSON.parse(text) as Item[]
      this.sent += items.length
      const flying = new Set(this.flights.flatMap((flight) => flight.items.map(({ key }) => key)))
      if (items.some(({ key }) => flying.has(key))) this.breaches.push('a key is in two flights')
      if (items.length > ITEMS_MAX) this.breaches.push('too many items')
      this.flights.push({ items, pipeline, resolve: resolve as (rows: Row[]) => void, reject })
    })

  land(index: number): void {
    const [flight] = this.flights.splice(index, 1)
    if (flight === undefined) return
    if (flight.items.some(({ fate }) => fate === 'poison')) {
      flight.reject(Object.assign(new Error('poison'), { code: 'PF005' }))
      return
    }
    for (const item of flight.items.filter(({ fate }) => fate === 'good')) {
      const last = flight.items.findLast(({ key, fate }) => key === item.key && fate === 'good')
      if (last !== item) continue
      const version = (this.kept.get(item.key)?.version ?? 0) + 1
      this.kept.set(item.key, { call: item.call, version })
      this.written.set(`${item.key} ${version}`, item.call)
      this.applied.add(item.call)
    }
    flight.resolve(
      flight.items.map((item, i) => ({
        ordinal: i + 1,
        refused: item.fate === 'refused',
        version: this.kept.get(item.key)?.version ?? 0,
      })),
    )
  }
}

const turn = () => new Promise((done) => setImmediate(done))

type Event =
  | { kind: 'submit'; keys: number[]; who: number; fate: Item['fate']; abortable: boolean; durability: boolean }
  | { kind: 'abort'; which: number }
  | { kind: 'land'; which: number }
  | { kind: 'break'; which: number }
  | { kind: 'turn' }

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      keys: fc.oneof(
        { weight: 4, arbitrary: fc.nat(2).map((key) => [key]) },
        { weight: 1, arbitrary: fc.uniqueArray(fc.nat(2), { minLength: 2, maxLength: 3 }) },
      ),
      who: fc.nat(1),
      fate: fc.oneof(
        { weight: 5, arbitrary: fc.constant('good' as const) },
        { weight: 1, arbitrary: fc.constant('refused' as const) },
        { weight: 1, arbitrary: fc.constant('poison' as const) },
      ),
      abortable: fc.boolean(),
      durability: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(40) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('land' as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('break' as const), which: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
)

test('whatever happens, a call is refused for itself alone, and the last one accepted is what stays', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 60 }),
      fc.record({ queueMax: fc.constantFrom(2, 5, 1000), flightsMax: fc.integer({ min: 1, max: 3 }) }),
      async (events, options) => {
        const model = new Model()
        const batcher = new Batcher(model.send, { ...BATCH_DEFAULTS, ...options })
        const calls: {
          items: Item[]
          controller: AbortController
          abortable: boolean
          settled: number
          outcome: unknown
          version: number
        }[] = []
        let broken = false
        for (const happens of events) {
          if (happens.kind === 'submit') {
            const number = calls.length
            const items = happens.keys.map((key) => ({
              call: number,
              key: `k${key}`,
              who: `w${happens.who}`,
              fate: happens.fate,
            }))
            const call = {
              items,
              controller: new AbortController(),
              abortable: happens.abortable,
              settled: 0,
              outcome: undefined as unknown,
              version: 0,
            }
            calls.push(call)
            batcher
              .submit(writing, 'acme', items, {
                durability: happens.durability ? 'durable' : 'async',
                ...(happens.abortable ? { signal: call.controller.signal } : {}),
              })
              .then(
                (versions) => Object.assign(call, { settled: call.settled + 1, outcome: 'ok', version: versions[0] }),
                (error) => Object.assign(call, { settled: call.settled + 1, outcome: error.code }),
              )
          } else if (happens.kind === 'abort') {
            for (let i = 0; i < 20; i++) await Promise.resolve()
            const call = calls[happens.which % Math.max(1, calls.length)]
            if (call?.abortable && call.settled === 0) call.controller.abort()
          } else if (happens.kind === 'land') {
            model.land(happens.which % Math.max(1, model.flights.length))
          } else if (happens.kind === 'break') {
            const [flight] = model.flights.splice(happens.which % Math.max(1, model.flights.length), 1)
            if (flight !== undefined) broken = true
            flight?.reject(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
          } else await turn()
        }
        let closed = false
        const closing = batcher.close().then(() => {
          closed = true
        })
        for (let turns = 0; !closed && turns < 2000; turns++) {
          model.land(0)
          await turn()
        }
        expect(closed, 'close() ends').toBe(true)
        await closing
        expect(model.breaches).toEqual([])
        for (const [number, call] of calls.entries()) {
          const [item] = call.items as [Item]
          expect(call.settled, 'settles once').toBe(1)
          const allowed: unknown[] = [{ good: 'ok', refused: 'REFUSED', poison: 'INPUT_INVALID' }[item.fate]]
          // What gave way to a later one is not looked at.
          const mayGiveWay = calls.some(
            ({ items }, n) =>
              n > number && call.items.length === 1 && items[0]?.key === item.key && items[0].who === item.who,
          )
          if (mayGiveWay) allowed.push('ok')
          if (call.controller.signal.aborted) allowed.push('ABORTED', 'OUTCOME_UNKNOWN')
          if (broken) allowed.push('OUTCOME_UNKNOWN')
          expect(allowed, `call ${number} ended with ${call.outcome}`).toContain(call.outcome)
          if (call.outcome === 'ABORTED' || call.outcome === 'REFUSED') expect(model.applied.has(number)).toBe(false)
          if (call.outcome === 'ok' && call.items.length === 1) {
            const writer = model.written.get(`${item.key} ${call.version}`) as number
            expect(writer, 'the version is its own, or that of a later one').toBeGreaterThanOrEqual(0)
            if (calls[writer]?.items[0]?.who === item.who) expect(writer).toBeGreaterThanOrEqual(number)
          }
        }
        // What stays is no earlier write than the last that was accepted, whoever made them.
        for (const [key, { call }] of model.kept) {
          const later = calls.findLastIndex(
            ({ outcome, items }) => outcome === 'ok' && items.some((item) => item.key === key && item.fate === 'good'),
          )
          expect(call).toBeGreaterThanOrEqual(later)
        }
        expect(batcher.metrics().every(({ queued }) => queued === 0)).toBe(true)
      },
    ),
    { numRuns: 1500 },
  )
})

describe('calls of one key', () => {
  const item = (call: number, key = 'k', fate: Item['fate'] = 'good', who = 'w'): Item => ({ call, key, who, fate })
  const setUp = () => {
    const model = new Model()
    const batcher = new Batcher(model.send, BATCH_DEFAULTS)
    return { model, batcher, write: (one: Item) => batcher.submit(writing, 'acme', [one], {}) }
  }

  test('that wait leave as one, the last, and settle with its version', async () => {
    const { model, batcher, write } = setUp()
    const calls = [1, 2, 3, 4].map((call) => write(item(call)))
    await turn()
    expect(model.flights.map(({ items }) => items.map(({ call }) => call))).toEqual([[4]])
    model.land(0)
    expect(await Promise.all(calls)).toEqual([[1], [1], [1], [1]])
    expect(batcher.metrics()).toMatchObject([{ items: 1, coalesced: 3 }])
  })

  test('of others are not theirs', async () => {
    const { model, write } = setUp()
    const calls = [write(item(1)), write(item(2, 'k', 'good', 'other')), write(item(3, 'l'))]
    await turn()
    model.land(0)
    await turn()
    model.land(0)
    expect((await Promise.all(calls)).length).toBe(3)
    expect(model.sent).toBe(3)
  })

  test('wait for the one in flight, while others pass', async () => {
    const { model, write } = setUp()
    const first = write(item(1))
    await turn()
    const second = write(item(2))
    const other = write(item(3, 'l'))
    await turn()
    expect(model.flights.map(({ items }) => items.map(({ call }) => call))).toEqual([[1], [3]])
    model.land(0)
    await turn()
    await turn()
    expect(model.flights.map(({ items }) => items.map(({ call }) => call))).toEqual([[3], [2]])
    model.land(0)
    model.land(0)
    expect([await first, await second, await other]).toEqual([[1], [2], [1]])
  })

  test('wait for the one in flight, and leave as one, however many other keys come and go meanwhile', async () => {
    const { model, batcher, write } = setUp()
    const calls = () => model.flights.map(({ items }) => items.map(({ call }) => call))
    const flying = batcher.submit(writing, 'acme', [item(1), item(2, 'l')], {})
    await turn()
    const waiting = [write(item(3))]
    const early = write(item(6, 'm'))
    let settled = 0
    for (let key = 0; key < 5000; key++) void write(item(10 + key, `other${key}`)).then(() => settled++)
    waiting.push(write(item(4)), write(item(5, 'l')))
    const late = write(item(7, 'm'))
    // All but the first flight land, until nothing but what is about its keys is left.
    for (let turns = 0; settled < 5000 && turns < 10_000; turns++) {
      if (model.flights.length > 1) model.land(1)
      await turn()
    }
    await turn()
    expect(calls()).toEqual([[1, 2]])
    model.land(0)
    for (let turns = 0; model.flights.length < 2 && turns < 3; turns++) await turn()
    expect(calls().flat()).toEqual([4, 5])
    while (model.flights.length > 0) model.land(0)
    expect(await Promise.all([flying, ...waiting])).toEqual([[1, 1], [2], [2], [2]])
    expect([await early, await late]).toEqual([[1], [1]])
    expect(model.breaches).toEqual([])
  })

  test('leave in the turn of the first of them, however often others follow', async () => {
    const model = new Model()
    const batcher = new Batcher(model.send, { ...BATCH_DEFAULTS, flightsMax: 1 })
    const write = (call: number, key: string) => batcher.submit(writing, 'acme', [item(call, key)], {})
    const calls = [write(0, 'first')]
    await turn()
    for (let number = 1; number < 5 * ITEMS_MAX; number++) {
      calls.push(write(number, 'hot'), write(number, `other${number}`), write(number, `another${number}`))
      if (number % ITEMS_MAX > 0) continue
      model.land(0)
      await turn()
      await turn()
    }
    // It came second, so it was of the second flight, whatever came meanwhile.
    expect([...model.kept.keys()].slice(0, 1 + ITEMS_MAX)).toContain('hot')
    await turn()
    for (await turn(); model.flights.length > 0; await turn()) {
      model.land(0)
      await turn()
    }
    await Promise.all(calls)
    expect(model.breaches).toEqual([])
  })

  test('gather: where many do so, part of what waits stays behind, and flights follow each other on one connection', async () => {
    const flights = async (callsPerKey: number) => {
      const model = new Model()
      const batcher = new Batcher(model.send, { ...BATCH_DEFAULTS, flightsMax: 2 })
      const calls: Promise<number[]>[] = []
      for (let call = 0; call < callsPerKey; call++) {
        for (let key = 0; key < 20; key++) calls.push(batcher.submit(writing, 'acme', [item(call, `k${key}`)], {}))
      }
      await turn()
      await turn()
      const sent = model.flights.map(({ items, pipeline }) => ({ items: items.length, pipeline }))
      while (model.flights.length > 0) {
        model.land(0)
        await turn()
        await turn()
      }
      await Promise.all(calls)
      return sent
    }
    expect(await flights(1)).toEqual([
      { items: 6, pipeline: undefined },
      { items: 6, pipeline: undefined },
    ])
    const [first, second] = await flights(3)
    // A share for each flight, and three that stay behind.
    expect([first?.items, second?.items]).toEqual([4, 4])
    expect(first?.pipeline).toBeDefined()
    expect(second?.pipeline).toBe(first?.pipeline)
  })

  describe('that gather', () => {
    /** Writes so many keys so often, all at once. */
    const gather = (batcher: Batcher, calls: number, ...keys: string[]) =>
      Array.from({ length: calls }, (_, call) =>
        keys.map((key) => batcher.submit(writing, 'acme', [item(call, key)], {})),
      ).flat()
    const keys = (name: string, length: number) => Array.from({ length }, (_, n) => `${name}${n}`)
    const flown = (model: Model) => model.flights.map(({ items }) => items.map(({ key }) => key))

    test('most leave first, beside what there is room for', async () => {
      const model = new Model()
      const batcher = new Batcher(model.send, { ...BATCH_DEFAULTS, flightsMax: 1 })
      const calls = [...gather(batcher, 1, ...keys('few', 9)), ...gather(batcher, 5, ...keys('many', 3))]
      const sent: string[][] = []
      for (await turn(); model.flights.length > 0; await turn()) {
        sent.push(...flown(model))
        model.land(0)
        await turn()
      }
      expect(sent.slice(0, 2)).toEqual([
        ['many0', 'many1', 'many2'],
        // Of what is left no two calls are about the same, so nothing of it stays behind.
        keys('few', 6),
      ])
      await Promise.all(calls)
      expect(model.breaches).toEqual([])
    })

    test('let others pass before them a few times only', async () => {
      const model = new Model()
      const batcher = new Batcher(model.send, { ...BATCH_DEFAULTS, flightsMax: 1 })
      const calls = gather(batcher, 1, 'lone')
      let flights = 0
      // What has gathered more never ends.
      for (let round = 0; !model.kept.has('lone'); round++) {
        calls.push(
          ...gather(batcher, 5, ...keys(`many${round}-`, 6)),
          ...gather(batcher, 1, ...keys(`few${round}-`, 2)),
        )
        await turn()
        model.land(0)
        flights++
        expect(flights).toBeLessThan(12)
        await turn()
      }
      // Not at once either.
      expect(flights).toBeGreaterThan(4)
      for (await turn(); model.flights.length > 0; await turn()) {
        model.land(0)
        await turn()
      }
      await Promise.all(calls)
    })

    test('leave nobody behind for one that must wait for its own key', async () => {
      const model = new Model()
      const batcher = new Batcher(model.send, BATCH_DEFAULTS)
      // Both are in flight; of what comes then one key has gathered much, and is about the second of them.
      const flying = batcher.submit(writing, 'acme', [item(1, 'a'), item(2, 'b')], {})
      await turn()
      const wide = gather(batcher, 9, 'b')
      const lone = gather(batcher, 1, 'c')
      await turn()
      expect(flown(model)).toEqual([['a', 'b'], ['c']])
      model.land(1)
      expect(await lone[0]).toEqual([1])
      model.land(0)
      await turn()
      model.land(0)
      await Promise.all([flying, ...wide])
    })
  })

  test.each(['refused', 'poison'] as const)('one that is %s gives its place back to those before it', async (fate) => {
    const { model, write } = setUp()
    const [one, two, bad] = [write(item(1)), write(item(2)), write(item(3, 'k', fate))]
    const refused = bad.catch((error) => error.code)
    await turn()
    model.land(0)
    await turn()
    expect(model.flights.map(({ items }) => items.map(({ call }) => call))).toEqual([[1, 2]])
    model.land(0)
    expect([await one, await two]).toEqual([[1], [1]])
    expect(await refused).toBe(fate === 'poison' ? 'INPUT_INVALID' : 'REFUSED')
    expect(model.kept.get('k')?.call).toBe(2)
  })

  test('one that is aborted gives its place back, too; one that gave way can still be aborted', async () => {
    const { model, batcher } = setUp()
    const controllers = [1, 2, 3].map(() => new AbortController())
    const calls = controllers.map(({ signal }, n) => batcher.submit(writing, 'acme', [item(n + 1)], { signal }))
    controllers[2]?.abort()
    await failure(calls[2] as Promise<unknown>, 'ABORTED')
    controllers[0]?.abort()
    await failure(calls[0] as Promise<unknown>, 'ABORTED')
    await turn()
    expect(model.flights[0]?.items.map(({ call }) => call)).toEqual([2])
    model.land(0)
    expect(await calls[1]).toEqual([1])
  })

  test('given up by a batcher that is closed are counted, and all told', async () => {
    const { model, batcher, write } = setUp()
    const flying = write(item(1))
    await turn()
    const waiting = [write(item(2)), write(item(3)), write(item(4, 'l'))]
    void batcher.close()
    expect(batcher.abandon()).toEqual({ 'test.write': { queued: 3, inFlight: 1 } })
    await failure(flying, 'OUTCOME_UNKNOWN')
    for (const call of waiting) await failure(call, 'CLOSED')
    expect(batcher.abandon()).toEqual({ 'test.write': { queued: 0, inFlight: 0 } })
    model.land(0)
  })
})
