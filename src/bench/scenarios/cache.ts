import { setTimeout as pause } from 'node:timers/promises'
import type { CacheOptions } from '../../database/cache/cache-options.js'
import type { Fleet } from '../../fleet.js'
import { type Contestant, loadContestant } from '../contestant.js'
import type { Scenario } from '../scenario.js'
import { Staleness } from './staleness.js'
import type { BenchSubject } from './subject.js'
import { zipf } from './zipf.js'

const TENANT = 'bench-cache'
const CALLERS = 100
const MEMORY_MS = 1000
const VALKEY_MS = 30_000
/** Writes a second, by another fleet, of keys as hot as those that are read. */
const WRITES = 200
const SOURCE = 'operations, hot reads'

const names = {
  none: 'get, no cache',
  memory: `get, in memory, at most ${MEMORY_MS} ms old`,
  valkey: `get, told by Valkey, at most ${VALKEY_MS} ms old`,
  bare: 'GET of Valkey, no database',
}

interface State {
  readonly fleet: Fleet
  readonly writer: Fleet
  readonly rows: number
  readonly draw: () => number
}

const keyOf = (n: number) => `key/${n}`
const contentOf = (n: number) => ({ user: `user-${n % 1000}`, count: n, tags: ['a', 'b'], note: 'x'.repeat(100) })

/** Hot reads from the database, from the cache of either kind, and from a bare Valkey, while another fleet writes. */
export const cache: Scenario<BenchSubject, State> = {
  name: 'cache',
  title: 'Cache of hot reads',
  description:
    `Single reads of the key-value store by ${CALLERS} callers: keys by a Zipf distribution (exponent 1), values of 150 bytes of JSON. Meanwhile ` +
    `another fleet makes ${WRITES} durable writes a second of keys drawn alike. Without a cache calls are gathered into batches; the caches have the ` +
    'default limits. staleShare is the share of reads that missed a write which had settled before they were called, stalenessMaxMs by how ' +
    'much the worst did. The bare GET parses the same JSON, and is written by SET at the same rate.',
  options: { rows: 50_000, durationMs: 4000, warmUpMs: 2000, rounds: 5 },
  targets: [
    {
      id: 'memory-bound',
      what: 'the stalest read, cache in memory',
      source: SOURCE,
      metric: { kind: 'median', of: 'figure.stalenessMaxMs', contestant: names.memory },
      op: '<=',
      value: MEMORY_MS,
      unit: 'ms',
    },
    {
      id: 'valkey-bound',
      what: 'the stalest read, cache told by Valkey',
      source: SOURCE,
      metric: { kind: 'median', of: 'figure.stalenessMaxMs', contestant: names.valkey },
      op: '<=',
      value: VALKEY_MS,
      unit: 'ms',
    },
    {
      id: 'memory-gain',
      what: 'reads with the cache in memory, against none',
      source: SOURCE,
      metric: { kind: 'ratio', of: 'throughput', contestant: names.memory, to: names.none },
      op: '>=',
      value: 1,
    },
  ],

  async setUp({ subject, options, progress }) {
    const fleet = await subject.open()
    await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
    const { kv } = fleet.tenant(TENANT).memory
    progress(`setting ${options.rows} keys`)
    for (let first = 0; first < options.rows; first += 1000) {
      const count = Math.min(1000, options.rows - first)
      await kv.setMany(
        Array.from({ length: count }, (_, i) => ({ key: keyOf(first + i), value: contentOf(first + i) })),
      )
    }
    progress('vacuuming')
    await fleet.database.lend((connection) => connection.query('vacuum (analyze) memory.key_values'))
    // The embedded database has one process: there the writes are this fleet's own.
    const writer = subject.url === null ? fleet : await subject.open(toldBy(subject))
    return { fleet, writer, rows: options.rows, draw: zipf(options.rows) }
  },

  contestants({ subject }, { writer, rows, draw }) {
    const staleness = new Staleness()
    const writes = writer.tenant(TENANT).memory.kv
    const write = async (n: number) => staleness.settled(keyOf(n), await writes.set(keyOf(n), contentOf(n + 1)))
    const reading = (name: string, options?: CacheOptions | 'none'): Contestant => {
      if (options === 'none') return withoutValkey(name)
      if (options !== undefined && subject.url === null) {
        return { name, kind: 'pgfleet', callers: CALLERS, run: async () => ({ unavailable: ONE_PROCESS }) }
      }
      return {
        name,
        kind: 'pgfleet',
        callers: CALLERS,
        async run(context) {
          const fleet = await subject.open(options === undefined ? {} : { cache: options })
          try {
            const { kv } = fleet.tenant(TENANT).reading('cached').memory
            return await whileWriting(write, draw, () =>
              loadContestant({
                name,
                callers: CALLERS,
                operation: async (_, signal) => {
                  const key = keyOf(draw())
                  const calledAt = performance.now()
                  const entry = await kv.entry(key, { signal })
                  staleness.seen(key, entry?.version ?? 0, calledAt)
                },
                async figures() {
                  const { hits, misses, bypassed } = fleet.cache()
                  return { hitShare: hits / Math.max(1, hits + misses + bypassed), ...staleness.take() }
                },
              }).run(context),
            )
          } finally {
            await fleet.close()
          }
        },
      }
    }
    return [
      reading(names.none),
      reading(names.memory, { kind: 'memory', staleMs: MEMORY_MS }),
      reading(names.valkey, toldBy(subject)?.cache ?? 'none'),
      subject.cacheUrl === null ? withoutValkey(names.bare) : bare(subject.cacheUrl, rows, draw),
    ]
  },

  async tearDown(_, state) {
    await state?.writer.close()
    await state?.fleet.close()
  },
}

const ONE_PROCESS = 'the embedded database has one process'

/** A cache that is told of others' writes; undefined where there is no Valkey. */
function toldBy({ cacheUrl: url }: BenchSubject): { cache: CacheOptions } | undefined {
  return url === null ? undefined : { cache: { kind: 'valkey', url, prefix: 'bench-cache:', staleMs: VALKEY_MS } }
}

function withoutValkey(name: string): Contestant {
  return { name, kind: 'pgfleet', callers: CALLERS, run: async () => ({ unavailable: 'no Valkey: give --cache-url' }) }
}

/** Calls `write` about `WRITES` times a second until the work has ended. */
async function whileWriting<T>(
  write: (n: number) => Promise<unknown>,
  draw: () => number,
  work: () => Promise<T>,
): Promise<T> {
  const end = new AbortController()
  const writing = (async () => {
    const startedAt = performance.now()
    const calls: Promise<unknown>[] = []
    for (let n = 0; !end.signal.aborted; ) {
      for (; n < ((performance.now() - startedAt) / 1000) * WRITES; n++) calls.push(write(draw()))
      await Promise.all(calls.splice(0))
      await pause(5)
    }
  })()
  try {
    return await work()
  } finally {
    end.abort()
    await writing
  }
}

/** What a Valkey does by itself, over one pipelined connection. */
function bare(url: string, rows: number, draw: () => number): Contestant {
  const name = names.bare
  return {
    name,
    kind: 'pgfleet',
    callers: CALLERS,
    async run(context) {
      const { createClient } = await import('@redis/client')
      const client = createClient({ url, RESP: 3 })
      client.on('error', () => {})
      const at = (n: number) => `bench-cache:${keyOf(n)}`
      await client.connect()
      try {
        for (let first = 0; first < rows; first += 1000) {
          const some = Array.from({ length: Math.min(1000, rows - first) }, (_, i) => first + i)
          await client.mSet(some.flatMap((n) => [at(n), JSON.stringify(contentOf(n))]))
        }
        const set = (n: number) => client.set(at(n), JSON.stringify(contentOf(n + 1)))
        return await whileWriting(set, draw, () =>
          loadContestant({
            name,
            callers: CALLERS,
            operation: async () => JSON.parse((await client.get(at(draw()))) ?? 'null') as unknown,
          }).run(context),
        )
      } finally {
        for (let first = 0; first < rows; first += 1000) {
          await client.unlink(Array.from({ length: Math.min(1000, rows - first) }, (_, i) => at(first + i)))
        }
        client.destroy()
      }
    },
  }
}
