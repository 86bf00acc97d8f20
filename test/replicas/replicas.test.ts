import { randomUUID } from 'node:crypto'
import type { Consistency, Fleet, FleetError, ReplicasReport, Tenant } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { onScratchServers } from '../doctor/scratch-server.js'
import { failure } from '../setup/index.js'
import { type Cluster, caughtUp, openReplicated, PATIENTLY, startCluster } from './support.js'

const DIRECT = await onScratchServers()

/** What the fleet did between two reports. */
const since = (before: ReplicasReport, { onReplicas, onPrimary }: ReplicasReport) => ({
  onReplicas: onReplicas - before.onReplicas,
  unavailable: onPrimary.unavailable - before.onPrimary.unavailable,
  behind: onPrimary.behind - before.onPrimary.behind,
  failed: onPrimary.failed - before.onPrimary.failed,
})
const NONE = { onReplicas: 0, unavailable: 0, behind: 0, failed: 0 }
const states = (fleet: Fleet) => fleet.replicas().replicas.map(({ state }) => state)

DIRECT.describe('a fleet with a streaming replica', () => {
  let cluster: Cluster
  let fleet: Fleet
  /** Waits as long as it takes for its own writes. */
  let patient: Fleet
  beforeAll(async () => {
    cluster = await startCluster()
    fleet = await openReplicated(cluster, { replicaLagMsMax: 2000, replicaWaitMs: 5 })
    patient = await openReplicated(cluster, { replicaWaitMs: 60_000 })
    await fleet.tenants.create({ id: 'acme' })
  }, 60_000)

  const replica = () => cluster.clients[0] as Cluster['clients'][number]
  const ready = async (of: Fleet, state = 'ready') => {
    await expect.poll(() => states(of), PATIENTLY).toEqual([state])
  }
  /** The statements that the fleet sends during the work. */
  const counted = async (of: Fleet, work: () => Promise<unknown>) => {
    const before = of.replicas()
    await work()
    return since(before, of.replicas())
  }
  const paused = async (work: () => Promise<void>) => {
    await replica().query('select pg_wal_replay_pause()')
    // A pause begins when the record at hand is replayed.
    await expect
      .poll(
        async () => (await replica().query('select pg_get_wal_replay_pause_state() as state')).rows[0].state,
        PATIENTLY,
      )
      .toBe('paused')
    try {
      await work()
    } finally {
      await replica().query('select pg_wal_replay_resume()')
    }
  }

  test('reads on it when asked to, on the primary otherwise; writes go to the primary', async () => {
    const acme = fleet.tenant('acme')
    await acme.memory.kv.set('a', 1)
    await caughtUp(fleet, replica())
    await ready(fleet)
    const stale = acme.reading('stale')
    expect(
      await counted(fleet, async () => {
        expect(await stale.memory.kv.get('a')).toBe(1)
        expect(await stale.memory.kv.list()).toHaveLength(1)
        expect(await stale.as({ actor: { type: 'user', id: 'u' } }).memory.kv.get('a')).toBe(1)
      }),
    ).toEqual({ ...NONE, onReplicas: 3 })
    expect(
      await counted(fleet, async () => {
        expect(await acme.memory.kv.get('a')).toBe(1)
        expect(await stale.reading('latest').memory.kv.get('a')).toBe(1)
        await stale.memory.kv.set('a', 2)
      }),
    ).toEqual(NONE)
    expect(await acme.memory.kv.get('a')).toBe(2)
    await failure((async () => acme.reading('newest' as Consistency))(), 'INPUT_INVALID')
  })

  test('gathers calls of one consistency into one statement, and keeps consistencies apart', async () => {
    const acme = fleet.tenant('acme')
    const [stale, own] = [acme.reading('stale'), acme.reading('own-writes')]
    await acme.memory.kv.set('gathered', 1)
    await caughtUp(fleet, replica())
    await fleet.tenant('acme').reading('own-writes').memory.kv.get('gathered')
    const did = await counted(fleet, () =>
      Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          (i % 3 === 0 ? acme : i % 3 === 1 ? stale : own).memory.kv.get('gathered'),
        ),
      ),
    )
    // Two flights a queue at most at once: of ten calls each, far fewer statements.
    expect(did.onReplicas).toBeGreaterThanOrEqual(2)
    expect(did.onReplicas).toBeLessThanOrEqual(6)
    expect(did).toMatchObject({ unavailable: 0, failed: 0 })
  })

  test('own writes are never stale while nothing is replayed: the primary answers', async () => {
    const acme = fleet.tenant('acme')
    const own = acme.reading('own-writes')
    await acme.memory.kv.set('p', 0)
    await caughtUp(fleet, replica())
    await ready(fleet)
    await paused(async () => {
      const did = await counted(fleet, async () => {
        expect(await own.memory.kv.get('p')).toBe(0)
        for (let i = 1; i <= 60; i++) {
          await acme.memory.kv.set('p', i, { durability: i % 2 === 0 ? 'durable' : 'async' })
          expect(await own.memory.kv.get('p')).toBe(i)
          expect((await own.memory.kv.list()).find(({ key }) => key === 'p')?.version).toBe(i + 1)
        }
      })
      // Of what was written before the pause it knows all.
      expect(did).toMatchObject({ failed: 0 })
      expect(did.onReplicas).toBeLessThanOrEqual(1)
    })
  })

  test('own writes are never stale on a replica that lags, in hundreds of trials', async () => {
    // Of its own: what other fleets write is not waited for.
    const acme = patient.tenant('acme')
    const own = acme.reading('own-writes')
    await replica().query(`alter system set recovery_min_apply_delay = '4ms'`)
    await replica().query('select pg_reload_conf()')
    await ready(patient)
    const keys = ['x', 'y', 'z']
    const written = new Map<string, number>()
    const did = await counted(patient, async () => {
      for (let i = 1; i <= 300; i++) {
        const key = keys[i % 3] as string
        const durability = i % 5 < 2 ? 'async' : 'durable'
        if (i % 4 === 0) {
          await acme.transaction(async ({ memory }) => await memory.kv.set(key, i), { durability })
        } else await acme.memory.kv.set(key, i, { durability })
        written.set(key, i)
        const found = await Promise.all(keys.map((each) => own.memory.kv.get(each)))
        expect(found).toEqual(keys.map((each) => written.get(each)))
      }
    })
    await replica().query('alter system reset recovery_min_apply_delay')
    await replica().query('select pg_reload_conf()')
    expect(did).toMatchObject({ unavailable: 0, behind: 0, failed: 0 })
    expect(did.onReplicas).toBeGreaterThanOrEqual(300)
  }, 60_000)

  test('many callers that write and read at once each see their own', async () => {
    const acme = patient.tenant('acme')
    const own = acme.reading('own-writes')
    await Promise.all(
      Array.from({ length: 20 }, async (_, caller) => {
        for (let i = 0; i < 15; i++) {
          await acme.memory.kv.set(`c${caller}`, i, { durability: (caller + i) % 2 ? 'async' : 'durable' })
          expect(await own.memory.kv.get(`c${caller}`)).toBe(i)
        }
      }),
    )
  }, 60_000)

  test('leaves it out while its rows are too old, and takes it again', async () => {
    const acme = fleet.tenant('acme')
    const stale = acme.reading('stale')
    await acme.memory.kv.set('old', 1)
    await caughtUp(fleet, replica())
    await ready(fleet)
    await paused(async () => {
      await acme.memory.kv.set('old', 2)
      await ready(fleet, 'behind')
      expect(fleet.replicas().replicas).toMatchObject([{ lagMs: expect.any(Number), lagBytes: expect.any(Number) }])
      expect(fleet.replicas().replicas[0]?.lagMs).toBeGreaterThan(2000)
      expect(fleet.replicas().replicas[0]?.lagBytes).toBeGreaterThan(0)
      expect(await counted(fleet, async () => expect(await stale.memory.kv.get('old')).toBe(2))).toEqual({
        ...NONE,
        unavailable: 1,
      })
    })
    await ready(fleet)
    await caughtUp(fleet, replica())
    expect(await counted(fleet, async () => expect(await stale.memory.kv.get('old')).toBe(2))).toEqual({
      ...NONE,
      onReplicas: 1,
    })
  })

  test('repeats on the primary what a replica does not know yet', async () => {
    const id = `t-${randomUUID()}`
    await caughtUp(fleet, replica())
    await ready(fleet)
    await paused(async () => {
      await fleet.tenants.create({ id })
      await fleet.tenant(id).memory.kv.set('a', 1)
      const read = () => fleet.tenant(id).reading('stale').memory.kv.get('a')
      expect(await counted(fleet, async () => expect(await read()).toBe(1))).toEqual({ ...NONE, failed: 1 })
    })
    await ready(fleet)
  })

  test('read-only transactions run on it, and refuse what only the primary answers', async () => {
    const acme = fleet.tenant('acme')
    await acme.memory.kv.set('t', 1)
    await caughtUp(fleet, replica())
    await ready(fleet)
    const stale = acme.reading('stale')
    const readOnly = { readOnly: true } as const
    expect(
      await counted(fleet, async () => {
        const seen = await stale.transaction(
          async (tx) => [await tx.memory.kv.get('t'), (await tx.memory.kv.list({ prefix: 't' })).length],
          readOnly,
        )
        expect(seen).toEqual([1, 1])
      }),
    ).toEqual({ ...NONE, onReplicas: 1 })
    const onPrimary = await counted(fleet, async () => {
      await stale.transaction(async (tx) => await tx.memory.kv.set('t', 2))
      await stale.transaction(async (tx) => await tx.memory.kv.get('t'), { ...readOnly, isolation: 'serializable' })
      await acme.transaction(async (tx) => await tx.memory.kv.get('t'), readOnly)
    })
    expect(onPrimary).toEqual(NONE)
    for (const call of [
      (tx: Pick<Tenant, 'memory' | 'metadata'>) => tx.metadata.get({ entity: 'e', key: 'k' }),
      (tx: Pick<Tenant, 'memory' | 'metadata'>) => tx.memory.kv.set('t', 3),
      (tx: Pick<Tenant, 'memory' | 'metadata'>) => tx.memory.keys.list(),
    ]) {
      // A replica that is behind for a moment is passed by, and the primary does answer.
      const outcome = () =>
        stale.transaction(call as never, readOnly).then(
          () => 'answered',
          (error: FleetError) => error.code,
        )
      await expect.poll(outcome, PATIENTLY).toBe('PRIMARY_REQUIRED')
    }
    // It is begun on the primary when it cannot begin on the replica.
    const id = `t-${randomUUID()}`
    await paused(async () => {
      await fleet.tenants.create({ id })
      const begun: string[] = []
      await fleet
        .tenant(id)
        .reading('stale')
        .transaction(async ({ memory }) => void begun.push(String(await memory.kv.get('none'))), readOnly)
      expect(begun).toEqual(['undefined'])
    })
  })

  test('a read that replaying cancels, or an administrator ends, is repeated on the primary', async () => {
    // However slow the machine, the replica is not passed by.
    const fleet = await openReplicated(cluster, { replicaLagMsMax: 600_000 })
    const acme = fleet.tenant('acme')
    await acme.learning.learn({ agentType: 'test-generator', state: 's', action: 'a', reward: 1 })
    await caughtUp(fleet, replica())
    const holder = await cluster.primary.client()
    const other = await cluster.primary.client()
    const isBlocked = async () => {
      const { rows } = await replica().query(
        `select pid from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'pgfleet'`,
      )
      return rows.map(({ pid }) => pid as number)
    }
    /** A read that waits on the replica, as what it reads is locked there, and what the fleet counts of it; undefined when it is elsewhere. */
    const blocked = async () => {
      await ready(fleet)
      await holder.query('begin')
      await holder.query('select pg_current_xact_id()')
      await holder.query('lock table learning.q_values in access exclusive mode')
      // Sends the lock to the replica.
      await other.query(`select pg_logical_emit_message(true, 'test', '')`)
      await expect
        .poll(
          async () =>
            (
              await replica().query(
                `select count(*)::integer as n from pg_locks where mode = 'AccessExclusiveLock' and relation = 'learning.q_values'::regclass`,
              )
            ).rows[0].n,
          PATIENTLY,
        )
        .toBe(1)
      const before = fleet.replicas()
      const read = acme.reading('stale').learning.values('test-generator', 's')
      const did = async () => since(before, fleet.replicas())
      for (let looks = 0; looks < 100; looks++) {
        if ((await isBlocked()).length === 1) return { read, did }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      await holder.query('rollback')
      await read
      return { passedBy: await did() }
    }
    for (const end of [
      async () => void (await holder.query('lock table platform.tenants in access exclusive mode')),
      async (pids: number[]) => {
        for (const pid of pids) await replica().query('select pg_terminate_backend($1::integer)', [pid])
      },
    ]) {
      let at = await blocked()
      // What is replayed at a moment of its own may have cancelled it, and then the primary answered.
      for (let tries = 1; 'passedBy' in at; tries++) {
        expect(tries, JSON.stringify(at.passedBy)).toBeLessThan(10)
        at = await blocked()
      }
      await end(await isBlocked())
      await other.query(`select pg_logical_emit_message(true, 'test', '')`)
      await expect.poll(isBlocked, PATIENTLY).toHaveLength(0)
      await holder.query('rollback')
      expect(await at.read).toMatchObject([{ action: 'a' }])
      expect(await at.did()).toEqual({ ...NONE, failed: 1 })
    }
    expect(fleet.replicas().replicas[0]?.failures).toBeGreaterThanOrEqual(2)
    await ready(fleet)
    // Longer than a poll, whose words then tell what was waited for.
  }, 150_000)

  test('goes on when it is killed in the middle of reads, and uses it again once it is back', async () => {
    const acme = fleet.tenant('acme')
    const stale = acme.reading('stale')
    await acme.memory.kv.set('k', 'v')
    await caughtUp(fleet, replica())
    await ready(fleet)
    let isDead = false
    let reads = 0
    const readers = Array.from({ length: 8 }, async () => {
      // Until it was seen dead, and a while longer.
      for (let more = 20; more > 0; more -= isDead && states(fleet)[0] === 'unreachable' ? 1 : 0) {
        expect(await stale.memory.kv.get('k')).toBe('v')
        reads++
      }
    })
    await expect.poll(() => reads, PATIENTLY).toBeGreaterThan(50)
    await cluster.replicas[0]?.crash()
    isDead = true
    await Promise.all(readers)
    expect(fleet.replicas().replicas).toMatchObject([{ state: 'unreachable', lastError: expect.any(String) }])
    await cluster.replicas[0]?.restart()
    cluster = { ...cluster, clients: [await (cluster.replicas[0] as Cluster['replicas'][number]).client()] }
    await ready(fleet)
    expect(await counted(fleet, async () => expect(await stale.memory.kv.get('k')).toBe('v'))).toMatchObject({
      onReplicas: 1,
    })
  }, 60_000)

  test('a fleet opens without it, and finds it later', async () => {
    await cluster.replicas[0]?.crash()
    const late = await openReplicated(cluster)
    expect(states(late)).toEqual(['unreachable'])
    expect(await late.tenant('acme').reading('stale').memory.kv.get('k')).toBe('v')
    await cluster.replicas[0]?.restart()
    cluster = { ...cluster, clients: [await (cluster.replicas[0] as Cluster['replicas'][number]).client()] }
    await ready(late)
  }, 60_000)

  // The last: there is no way back.
  test('leaves one out that was promoted', async () => {
    const acme = fleet.tenant('acme')
    await replica().query('select pg_promote()')
    await ready(fleet, 'promoted')
    expect(await counted(fleet, () => acme.reading('stale').memory.kv.get('k'))).toEqual({ ...NONE, unavailable: 1 })
    expect(await counted(fleet, () => acme.reading('own-writes').memory.kv.get('k'))).toEqual({
      ...NONE,
      unavailable: 1,
    })
  })
})
