import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Batcher, type Operation, type Send } from '../../dist/database/batch.js'

/** One thing that happens to a batcher. */
type Event =
  | {
      readonly kind: 'submit'
      readonly items: number
      readonly bad: boolean
      readonly idempotent: boolean
      readonly abortable: boolean
      /** Most bytes that travel with an item. */
      readonly bytes: number
    }
  | { readonly kind: 'abort'; readonly which: number }
  | { readonly kind: 'land'; readonly which: number }
  | { readonly kind: 'break'; readonly which: number }
  | { readonly kind: 'turn' }

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      items: fc.integer({ min: 1, max: 5 }),
      bad: fc.boolean(),
      idempotent: fc.boolean(),
      abortable: fc.boolean(),
      bytes: fc.nat(40),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('land' as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('break' as const), which: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
)

const limits = fc.record({
  queueMax: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(1000)),
  waitersMax: fc.integer({ min: 1, max: 4 }),
  flightsMax: fc.integer({ min: 1, max: 3 }),
  bytesMax: fc.integer({ min: 20, max: 200 }),
})

interface Item {
  readonly call: number
  readonly place: number
  readonly bad: boolean
  readonly idempotent: boolean
  readonly bytes: number
}

interface Call {
  readonly items: readonly Item[]
  readonly controller: AbortController
  readonly abortable: boolean
  aborted: 'no' | 'early' | 'in flight'
  settled: number
  outcome: unknown
  /** How often its items were in a statement that landed. */
  applied: number
}

const ITEMS_MAX = 6
/** What travels with an item: bytes that no other has, none at times. */
const bytesOf = (item: Item) => Buffer.alloc(item.bytes, `${item.call}.${item.place};`)
const turn = () => new Promise((done) => setImmediate(done))

test('whatever happens, every call settles once, with its own results, within the limits and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 60 }), limits, async (events, options) => {
      const calls: Call[] = []
      const flights: {
        items: Item[]
        text: string
        idempotent: boolean
        resolve(rows: { ordinal: number }[]): void
        reject(error: Error): void
      }[] = []
      const sent: number[] = []
      const operation: Operation<Item, { ordinal: number; echo: string }, string> = {
        name: 'test.model',
        statement: { name: 'test.model', text: '' },
        writes: true,
        itemsMax: ITEMS_MAX,
        encode: (item) => JSON.stringify(item),
        attach: bytesOf,
        decode: (row) => row?.echo ?? 'no row',
        isIdempotent: (item) => item.idempotent,
      }
      let breach: unknown
      const judge = (items: readonly Item[], text: string, idempotent: boolean, attached: Uint8Array | undefined) => {
        expect(attached && Buffer.from(attached).toString(), 'all bytes, in order').toBe(
          Buffer.concat(items.map(bytesOf)).toString(),
        )
        expect(items.length).toBeLessThanOrEqual(ITEMS_MAX)
        expect(items.length).toBeGreaterThan(0)
        expect(flights.length, 'flights').toBeLessThanOrEqual(options.flightsMax)
        const callsInside = new Set(items.map(({ call }) => call))
        if (callsInside.size > 1)
          expect(text.length + (attached?.byteLength ?? 0)).toBeLessThanOrEqual(options.bytesMax + 2)
        expect(idempotent).toBe(items.every((item) => item.idempotent))
        for (const call of callsInside) {
          // A call's items travel whole and in order.
          expect(items.filter((item) => item.call === call)).toEqual(calls[call]?.items)
          expect(calls[call]?.aborted, 'nothing that was aborted in the queue is sent').not.toBe('early')
        }
      }
      const send: Send = (_operation, _tenant, text, { idempotent, attached }) =>
        new Promise((resolve, reject) => {
          const items = JSON.parse(text) as Item[]
          flights.push({ items, text, idempotent, resolve, reject })
          sent.push(...new Set(items.map(({ call }) => call)))
          // What is thrown here would only be an answer to the caller: it is kept for the end.
          try {
            judge(items, text, idempotent, attached)
          } catch (error) {
            breach ??= error
          }
        })
      const land = (index: number) => {
        const [flight] = flights.splice(index, 1)
        if (flight === undefined) return
        if (flight.items.some(({ bad }) => bad))
          return flight.reject(Object.assign(new Error('refused'), { code: 'PF005' }))
        for (const call of new Set(flight.items.map(({ call }) => call))) (calls[call] as Call).applied++
        flight.resolve(
          flight.items.map((item, i) => ({ ordinal: i + 1, echo: `${item.call}.${item.place}` })).reverse(),
        )
      }
      const batcher = new Batcher(send, options)

      for (const happens of events) {
        if (happens.kind === 'submit') {
          const number = calls.length
          const items = Array.from({ length: happens.items }, (_, place) => ({
            call: number,
            place,
            bad: happens.bad && place === 0,
            idempotent: happens.idempotent,
            bytes: Math.max(0, happens.bytes - 13 * place),
          }))
          const call: Call = {
            items,
            controller: new AbortController(),
            abortable: happens.abortable,
            aborted: 'no',
            settled: 0,
            outcome: undefined,
            applied: 0,
          }
          calls.push(call)
          const settle = (outcome: unknown) => {
            call.settled++
            call.outcome = outcome
          }
          batcher
            .submit(operation, 'acme', items, happens.abortable ? { signal: call.controller.signal } : {})
            .then(settle, (error) => settle(error.code))
        } else if (happens.kind === 'abort') {
          await settling()
          const call = calls[happens.which % Math.max(1, calls.length)]
          if (call?.abortable && call.aborted === 'no' && call.settled === 0) {
            call.aborted = sent.includes(calls.indexOf(call)) ? 'in flight' : 'early'
            call.controller.abort()
          }
        } else if (happens.kind === 'land') {
          land(happens.which % Math.max(1, flights.length))
        } else if (happens.kind === 'break') {
          const [flight] = flights.splice(happens.which % Math.max(1, flights.length), 1)
          flight?.reject(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
        } else {
          await turn()
        }
      }
      let closed = false
      const closing = batcher.close().then(() => {
        closed = true
      })
      for (let turns = 0; !closed && turns < 1000; turns++) {
        land(0)
        await turn()
      }
      expect(closed, 'close() ends').toBe(true)
      await closing

      expect(breach).toBeUndefined()
      for (const call of calls) {
        expect(call.settled, 'settles exactly once').toBe(1)
        const isBad = call.items[0]?.bad
        if (call.aborted === 'early') expect(call.outcome).toBe('ABORTED')
        else if (call.aborted === 'in flight') expect(call.outcome).toBe('OUTCOME_UNKNOWN')
        else if (Array.isArray(call.outcome)) {
          expect(call.outcome).toEqual(call.items.map((item) => `${item.call}.${item.place}`))
          expect(call.applied).toBe(1)
          expect(isBad).toBe(false)
        } else if (call.outcome === 'INPUT_INVALID') expect(isBad).toBe(true)
        else expect(['OUTCOME_UNKNOWN', 'QUEUE_FULL']).toContain(call.outcome)
        expect(call.applied, 'never applied twice').toBeLessThanOrEqual(1)
      }
      // The first time that each call was sent is the order in which they came.
      const firsts = [...new Set(sent)]
      expect(firsts).toEqual([...firsts].sort((a, b) => a - b))
      expect(batcher.metrics()[0]?.queued ?? 0).toBe(0)
    }),
    { numRuns: 400 },
  )
})

/** Lets everything that is settled reach whoever awaits it; no statement leaves meanwhile. */
async function settling(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
