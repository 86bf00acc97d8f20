// The cache alone, with clocks and notices of the test's.
import { expect, test } from 'vitest'
import type { Operation } from '../../dist/database/batch.js'
import { Changes } from '../../dist/database/cache/changes.js'
import type { Notices, NoticesListener } from '../../dist/database/cache/notices.js'
import { ReadCache } from '../../dist/database/cache/read-cache.js'
import { statement } from '../../dist/database/statement.js'

const READ: Operation<string, { value: string }, string> = {
  name: 'store.read',
  statement: statement('store.read', 'select 1'),
  writes: false,
  itemsMax: 3,
  encode: (item) => item,
  decode: (row) => row?.value ?? '',
  isIdempotent: () => true,
}
const CACHED = { subject: (item: string) => item, pack: (text: string) => text, unpack: (text: string) => text }

/** Notices that the test makes. */
class Told implements Notices {
  isReady = true
  lastError = null
  isSure = true
  readonly told: string[] = []
  readonly watched: string[] = []
  constructor(readonly listener: NoticesListener) {}
  async open() {}
  nameOf = (text: string) => text.replaceAll('\n', '/')
  watch(names: readonly string[]) {
    this.watched.push(...names)
    return this.isSure
  }
  tell(names: readonly string[]) {
    this.told.push(...names)
  }
  async close() {}
}

/** A cache of 100 ms over a database that the test writes. */
function setUp(limits: { itemsMax?: number; bytesMax?: number } = {}) {
  const rows = new Map<string, string>()
  const now = { steadyMs: 1000, wallMs: 1_000_000 }
  let notices: Told | undefined
  const cache = new ReadCache(
    { kind: 'memory', staleMs: 100, ...limits },
    (listener) => {
      notices = new Told(listener)
      return notices
    },
    () => ({ ...now }),
  )
  const asked: string[][] = []
  const load = async (items: readonly string[]) => {
    asked.push([...items])
    return items.map((item) => rows.get(item) ?? 'none')
  }
  const read = (...items: string[]) => cache.read(READ, CACHED, 'acme', items, load)
  const write = (key: string, value: string) => {
    rows.set(key, value)
    const changes = new Changes()
    changes.add('store', key)
    cache.changed('acme', changes)
  }
  const later = (ms: number) => {
    now.steadyMs += ms
    now.wallMs += ms
  }
  return { cache, rows, now, notices: notices as Told, asked, load, read, write, later }
}

test('answers for as long as its bound, and not longer', async () => {
  const { rows, read, later, asked } = setUp()
  rows.set('a', '1')
  expect(await read('a')).toEqual(['1'])
  rows.set('a', '2')
  later(100)
  expect(await read('a')).toEqual(['1'])
  later(0.1)
  expect(await read('a')).toEqual(['2'])
  expect(asked).toHaveLength(2)
})

test('the bound counts from before the question, however long the answer took', async () => {
  const { cache, rows, read, later } = setUp()
  rows.set('a', '1')
  const slow = cache.read(READ, CACHED, 'acme', ['a'], async () => {
    later(60)
    return ['1']
  })
  expect(await slow).toEqual(['1'])
  rows.set('a', '2')
  later(40)
  expect(await read('a')).toEqual(['1'])
  later(1)
  expect(await read('a')).toEqual(['2'])
})

test.each([
  ['sleeps', { steadyMs: 0, wallMs: 5000 }],
  ['has its clock put back', { steadyMs: 101, wallMs: -3_600_000 }],
  ['has its clock put forth', { steadyMs: 1, wallMs: 3_600_000 }],
])('nothing is older than its bound when the machine %s', async (_, { steadyMs, wallMs }) => {
  const { rows, read, now } = setUp()
  rows.set('a', '1')
  await read('a')
  rows.set('a', '2')
  now.steadyMs += steadyMs
  now.wallMs += wallMs
  expect(await read('a')).toEqual(['2'])
})

test('what is not there is kept as well', async () => {
  const { read, write, asked } = setUp()
  expect(await read('a')).toEqual(['none'])
  expect(await read('a')).toEqual(['none'])
  write('a', '1')
  expect(await read('a')).toEqual(['1'])
  expect(asked).toHaveLength(2)
})

test('asks for what is missing alone, and answers in order', async () => {
  const { rows, read, asked } = setUp()
  for (const key of ['a', 'b', 'c']) rows.set(key, key.toUpperCase())
  await read('b')
  expect(await read('c', 'b', 'a')).toEqual(['C', 'B', 'A'])
  expect(asked).toEqual([['b'], ['c', 'a']])
})

test('an answer that was on its way when a write settled is not kept', async () => {
  const { cache, rows, read, write } = setUp()
  rows.set('a', '1')
  let answer = (_: string[]) => {}
  const slow = cache.read(READ, CACHED, 'acme', ['a'], () => new Promise((resolve) => (answer = resolve)))
  await Promise.resolve()
  write('a', '2')
  // Asked after the write: kept, also when the older answer comes later.
  expect(await read('a')).toEqual(['2'])
  answer(['1'])
  expect(await slow).toEqual(['1'])
  expect(await read('a')).toEqual(['2'])
  expect(cache.report()).toMatchObject({ hits: 1, misses: 2 })
})

test('a change of a whole store drops what is kept and what is on its way, of that tenant alone', async () => {
  const { cache, rows, read, load, asked } = setUp()
  rows.set('a', '1')
  await read('a')
  await cache.read(READ, CACHED, 'other', ['a'], load)
  let answer = (_: string[]) => {}
  const slow = cache.read(READ, CACHED, 'acme', ['b'], () => new Promise((resolve) => (answer = resolve)))
  await Promise.resolve()
  const changes = new Changes()
  changes.addAll('store')
  cache.changed('acme', changes)
  answer(['old'])
  await slow
  asked.length = 0
  expect(await read('a', 'b')).toEqual(['1', 'none'])
  await cache.read(READ, CACHED, 'other', ['a'], load)
  expect(asked).toEqual([['a', 'b']])
})

test('tells others of writes, and drops what they tell of', async () => {
  const { notices, rows, read, write, asked } = setUp()
  await read('a')
  expect(notices.watched).toEqual(['acme/store/a', 'acme/store'])
  write('b', '1')
  expect(notices.told).toEqual(['acme/store/b'])
  rows.set('a', '2')
  notices.listener.changed('acme/store/a')
  expect(await read('a')).toEqual(['2'])
  rows.set('a', '3')
  notices.listener.changed('acme/store')
  expect(await read('a')).toEqual(['3'])
  expect(asked).toHaveLength(3)
})

test('is empty and not used while notices may be missed', async () => {
  const { cache, notices, rows, read } = setUp()
  await read('a')
  notices.isReady = false
  notices.listener.lost()
  expect(cache.report()).toMatchObject({ isReady: false, items: 0 })
  rows.set('a', '2')
  expect(await read('a')).toEqual(['2'])
  notices.isReady = true
  rows.set('a', '3')
  expect(await read('a')).toEqual(['3'])
  // Not sure to hear of changes: answered, not kept.
  notices.isSure = false
  await read('b')
  rows.set('b', '1')
  expect(await read('b')).toEqual(['1'])
})

test('keeps what its limits allow', async () => {
  const few = setUp({ itemsMax: 10 })
  for (let i = 0; i < 50; i++) await few.read(`key-${i}`)
  expect(few.cache.report().items).toBe(10)
  const small = setUp({ bytesMax: 65_536 })
  for (let i = 0; i < 200; i++) {
    small.rows.set(`key-${i}`, 'x'.repeat(1000))
    await small.read(`key-${i}`)
  }
  const { items, bytes } = small.cache.report()
  expect(bytes).toBeLessThanOrEqual(65_536)
  expect(items).toBeGreaterThan(10)
  // Too large for the whole cache: answered, not kept.
  small.rows.set('huge', 'x'.repeat(100_000))
  expect((await small.read('huge'))[0]).toHaveLength(100_000)
  expect(small.cache.report().bytes).toBeLessThanOrEqual(65_536)
})

test('a failed answer is nobody’s, and more items than a statement takes are left to the queue', async () => {
  const { cache, read, asked } = setUp()
  const failing = cache.read(READ, CACHED, 'acme', ['a'], async () => {
    throw new Error('gone')
  })
  await expect(failing).rejects.toThrow('gone')
  expect(await read('a')).toEqual(['none'])
  await read('a', 'a', 'a', 'a')
  expect(asked).toEqual([['a'], ['a', 'a', 'a', 'a']])
})

test('callers that never wait for anything else do not starve the rest of the process', async () => {
  const { read } = setUp({})
  await read('a')
  let turns = 0
  let isOver = false
  const turn = () => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  for (let i = 0; i < 10_000; i++) await read('a')
  isOver = true
  expect(turns).toBeGreaterThanOrEqual(9)
})

test('a transaction that changed very much drops whole stores', () => {
  const changes = new Changes()
  expect(changes.isEmpty).toBe(true)
  for (let i = 0; i <= 10_000; i++) changes.add('store', `${i}`)
  expect(changes.stores).toEqual(new Set(['store']))
  expect(changes.subjects.size).toBe(0)
})
