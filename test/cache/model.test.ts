// Many readers and writers at once, here and elsewhere, against the order in which their writes settled: no cached read is
// older than its bound, none older than what this fleet had written.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { openFleet, type Tenant } from 'pgfleet'
import { expect, test } from 'vitest'
import { createTestDatabase, sql } from '../setup/index.js'

const KEYS = ['a', 'b'] as const
const CALLERS = 6

/** Something whose version grows by one with each write, whoever writes. */
interface Subject {
  write(tenant: Tenant, key: string): Promise<number>
  read(tenant: Tenant, key: string): Promise<number>
  /** A write of another process; the version after it, undefined where there was none. */
  readonly elsewhere: string
}

const SUBJECTS: Readonly<Record<string, Subject>> = {
  value: {
    write: (tenant, key) => tenant.memory.kv.set(key, randomUUID()),
    read: async (tenant, key) => (await tenant.memory.kv.entry(key))?.version ?? 0,
    elsewhere: `update memory.key_values set version = version + 1 where tenant_id = $1 and key = $2 returning version`,
  },
  entry: {
    write: (tenant, key) => tenant.metadata.set({ entity: 'e', key, value: randomUUID() }),
    read: async (tenant, key) => (await tenant.metadata.get({ entity: 'e', key }))?.version ?? 0,
    elsewhere: `update metadata.entries set version = version + 1 where tenant_id = $1 and key = $2 returning version`,
  },
  learned: {
    write: async (tenant, key) =>
      (await tenant.learning.learn({ agentType: 'test-generator', state: key, action: 'run', reward: 1 })).visits,
    read: async (tenant, key) => (await tenant.learning.best('test-generator', key))?.visits ?? 0,
    elsewhere: `update learning.q_values set visits = visits + 1 where tenant_id = $1 and state = to_jsonb($2::text) returning visits as version`,
  },
}

const step = fc.record({
  kind: fc.constantFrom(...Object.keys(SUBJECTS)),
  key: fc.constantFrom(...KEYS),
  what: fc.constantFrom(...Array<'reads'>(6).fill('reads'), 'write', 'elsewhere', 'transaction', 'stall', 'pause'),
  ms: fc.integer({ min: 0, max: 12 }),
})

/** What has settled of a subject's writes. */
class Settled {
  readonly #writes: { version: number; at: number; isOwn: boolean }[] = []

  add(version: number, isOwn: boolean): void {
    this.#writes.push({ version, at: performance.now(), isOwn })
  }

  /** The least version that a read may see that was called at that moment. */
  least(calledAt: number, staleMs: number): number {
    return Math.max(
      0,
      ...this.#writes
        .filter(({ at, isOwn }) => at <= (isOwn ? calledAt : calledAt - staleMs))
        .map(({ version }) => version),
    )
  }
}

test('no cached read is staler than its bound', async () => {
  const database = await createTestDatabase()
  let hits = 0
  // Each with a fleet of its own: the embedded engine has one process, and so one database, each time.
  for (const staleMs of [2, 20, 100]) {
    const fleet = await openFleet({ ...database.options, cache: { kind: 'memory', staleMs, itemsMax: 8 } })
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 120 }), async (steps) => {
          const tenant = fleet.tenant(`model-${randomUUID()}`)
          await fleet.tenants.create({ id: tenant.id })
          await tenant.metadata.entities.create({ name: 'e' })
          const cached = tenant.reading('cached')
          const settled = new Map<string, Settled>()
          const take = async ({ kind, key, what, ms }: (typeof steps)[number]) => {
            const subject = SUBJECTS[kind] as Subject
            const log = settled.get(`${kind} ${key}`) ?? new Settled()
            settled.set(`${kind} ${key}`, log)
            switch (what) {
              case 'reads': {
                for (let n = 0; n < 4; n++) {
                  const least = log.least(performance.now(), staleMs)
                  expect(await subject.read(cached, key), `${kind} ${key}`).toBeGreaterThanOrEqual(least)
                }
                return
              }
              case 'write':
                return log.add(await subject.write(tenant, key), true)
              case 'transaction': {
                const version = await tenant.transaction(
                  async (tx) => await subject.write(tx as unknown as Tenant, key),
                )
                return log.add(version, true)
              }
              case 'elsewhere': {
                const [row] = await sql<{ version: number }>(fleet, subject.elsewhere, [tenant.id, key])
                if (row !== undefined) log.add(Number(row.version), false)
                return
              }
              case 'stall': {
                // The whole process, as a collection of garbage or a debugger would.
                for (const until = performance.now() + ms; performance.now() < until; );
                return
              }
              case 'pause':
                return await new Promise<void>((resolve) => setTimeout(resolve, ms))
            }
          }
          await Promise.all(
            Array.from({ length: CALLERS }, async (_, caller) => {
              for (let i = caller; i < steps.length; i += CALLERS) await take(steps[i] as (typeof steps)[number])
            }),
          )
        }),
        { numRuns: 8, endOnFailure: true },
      )
      hits += fleet.cache().hits
    } finally {
      await fleet.close()
    }
  }
  // Else nothing was tried.
  expect(hits).toBeGreaterThan(100)
}, 120_000)
