import type { Fleet } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { onScratchServers } from '../doctor/scratch-server.js'
import { type Cluster, caughtUp, openReplicated, PATIENTLY, startCluster } from './support.js'

const DIRECT = await onScratchServers()

DIRECT.describe('a fleet with two replicas', () => {
  let cluster: Cluster
  let fleet: Fleet
  beforeAll(async () => {
    cluster = await startCluster(2)
    fleet = await openReplicated(cluster, { replicaWaitMs: 60_000, replicaLagMsMax: 3_600_000 })
    await fleet.tenants.create({ id: 'acme' })
    await fleet.tenant('acme').memory.kv.set('k', 0)
    for (const client of cluster.clients) await caughtUp(fleet, client)
  }, 60_000)

  const reports = () => fleet.replicas().replicas
  const ready = async () => {
    await expect.poll(() => reports().map(({ state }) => state), PATIENTLY).toEqual(['ready', 'ready'])
  }
  /** How many statements each of them answered during the work. */
  const answered = async (work: () => Promise<unknown>) => {
    const before = reports()
    await work()
    return reports().map(({ reads }, i) => reads - (before[i]?.reads ?? 0))
  }
  const paused = async (i: number, work: () => Promise<void>) => {
    await cluster.clients[i]?.query('select pg_wal_replay_pause()')
    await expect
      .poll(
        async () => (await cluster.clients[i]?.query('select pg_get_wal_replay_pause_state() as state'))?.rows[0].state,
        PATIENTLY,
      )
      .toBe('paused')
    try {
      await work()
    } finally {
      await cluster.clients[i]?.query('select pg_wal_replay_resume()')
    }
  }

  test('spreads reads over those that lag alike', async () => {
    await ready()
    await expect.poll(() => reports().map(({ lagMs }) => lagMs), PATIENTLY).toEqual([0, 0])
    const { memory } = fleet.tenant('acme').reading('stale')
    const counts = await answered(() => Promise.all(Array.from({ length: 20 }, () => memory.kv.list())))
    expect(counts).toEqual([10, 10])
  })

  test.each([0, 1])('reads on the one that lags less: not on %i while it stands still', async (i) => {
    await ready()
    const acme = fleet.tenant('acme')
    const stale = acme.reading('stale')
    await paused(i, async () => {
      await acme.memory.kv.set('k', i + 1)
      // Far more than it is known to within.
      await expect.poll(() => reports()[i]?.lagMs, PATIENTLY).toBeGreaterThan(500)
      await expect.poll(() => reports()[1 - i]?.lagMs, PATIENTLY).toBe(0)
      const counts = await answered(async () => {
        for (let n = 0; n < 10; n++) expect(await stale.memory.kv.get('k')).toBe(i + 1)
        await acme.memory.kv.set('k', 10 * (i + 1))
        expect(await acme.reading('own-writes').memory.kv.get('k')).toBe(10 * (i + 1))
      })
      expect(counts).toEqual(i === 0 ? [0, 11] : [11, 0])
    })
    await caughtUp(fleet, cluster.clients[i] as Cluster['clients'][number])
  })

  test('goes on with the other when one dies', async () => {
    await ready()
    const stale = fleet.tenant('acme').reading('stale')
    await cluster.replicas[0]?.crash()
    await expect.poll(() => reports()[0]?.state, PATIENTLY).toBe('unreachable')
    expect(await answered(() => Promise.all(Array.from({ length: 6 }, () => stale.memory.kv.list())))).toEqual([0, 6])
    expect(fleet.replicas().onPrimary).toMatchObject({ unavailable: 0, behind: 0 })
  })
})
