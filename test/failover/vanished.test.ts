// A primary that vanishes from the network: nothing is refused, and nothing is answered, until another is promoted.
import type { Fleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { beforeAll, expect, test } from 'vitest'
import { onScratchServers, type ScratchServer, startReplica, startServer } from '../doctor/scratch-server.js'
import { type SilentProxy, startSilentProxy } from '../replicas/silent-proxy.js'
import { failure } from '../setup/index.js'
import { ask, openOver, PATIENTLY } from './cluster.js'

const DIRECT = await onScratchServers()
const experience = { agentType: 'test-generator', state: 's', action: 'a', reward: 1 } as const

DIRECT.describe('a primary that vanishes', () => {
  let standby: ScratchServer
  let proxy: SilentProxy
  let fleet: Fleet
  beforeAll(async () => {
    const primary = await startServer(17)
    standby = await startReplica(primary)
    proxy = await startSilentProxy(Number(new URL(primary.url).port))
    const url = new URL(primary.url)
    const hosts = `127.0.0.1:${proxy.port},${new URL(standby.url).host}`
    // No call, and no wait for a connection, ends by itself.
    fleet = await openOver(primary.url.replace(url.host, hosts), {
      poolMax: 4,
      connectTimeoutMs: 3_600_000,
      callTimeoutMs: 3_600_000,
    })
    await fleet.tenants.create({ id: 'acme' })
  }, 120_000)

  test('is left as soon as another was promoted: what hung there goes on, or is told as unknown', async () => {
    const { learning, memory } = fleet.tenant('acme')
    const observer = await standby.client()
    const learned = () => ask<number>(observer, 'select coalesce(sum(visits), 0)::int from learning.q_values')
    await learning.learn({ ...experience, id: uuidv7() })
    await expect.poll(learned, PATIENTLY).toBe(1)
    proxy.vanish()
    // It is on its way when the others come: on the one connection that there is.
    const withoutId = failure(learning.learn(experience), 'OUTCOME_UNKNOWN')
    await new Promise((resolve) => setImmediate(resolve))
    // More than there are connections.
    const repeatable = Array.from({ length: 12 }, (_, n) =>
      fleet.tenant('acme').transaction(async (transaction) => {
        await transaction.memory.kv.set(`k${n}`, n)
      }),
    )
    const withId = learning.learn({ ...experience, id: uuidv7() })
    const read = memory.kv.get('k')
    expect(await ask(observer, 'select pg_promote()')).toBe(true)
    const [transactions] = await Promise.all([Promise.allSettled(repeatable), withId, withoutId, read])
    for (const one of transactions) {
      if (one.status === 'rejected')
        if (one.status === 'rejected') expect(one.reason.code).toMatch(/^(CONNECTION_FAILED|OUTCOME_UNKNOWN)$/)
    }
    expect(await learned()).toBe(2)
    await learning.learn({ ...experience, id: uuidv7() })
    expect(await learned()).toBe(3)
    // The old one is back, still a primary: it is not written to.
    proxy.comeBack()
    for (let n = 0; n < 10; n++) await learning.learn({ ...experience, id: uuidv7() })
    expect(await learned()).toBe(13)
  }, 120_000)
})
