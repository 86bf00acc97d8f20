// What the library does when servers change their roles, on a primary and two standbys of its own.
import type pg from 'pg'
import type { Fleet, Tenant } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { beforeAll, expect, test } from 'vitest'
import { onScratchServers, type ScratchServer, startPooler } from '../doctor/scratch-server.js'
import { diagnose, findingsOf } from '../doctor/support.js'
import { failure } from '../setup/index.js'
import { ask, type Cluster, openOver, PATIENTLY, startCluster, urlOfAll } from './cluster.js'

const DIRECT = await onScratchServers()
const once = { id: uuidv7(), type: 'repeated' }
const experience = { agentType: 'test-generator', state: 's', action: 'a', reward: 1 } as const

DIRECT.describe('synchronous standbys', () => {
  let cluster: Cluster
  let fleet: Fleet
  let primary: pg.Client
  beforeAll(async () => {
    cluster = await startCluster()
    fleet = await openOver(cluster.url, { callTimeoutMs: 2000 })
    await fleet.tenants.create({ id: 'acme' })
    await fleet.tenant('acme').metadata.entities.create({ name: 'e' })
    primary = await cluster.primary.client()
  }, 120_000)

  const withoutStandbys = async (work: () => Promise<void>) => {
    for (const standby of cluster.standbys) await standby.crash()
    try {
      await work()
    } finally {
      for (const standby of cluster.standbys) await standby.restart()
      await expect
        .poll(
          () => ask(primary, `select count(*)::int from pg_stat_replication where sync_state = 'quorum'`),
          PATIENTLY,
        )
        .toBe(2)
    }
  }
  const waiting = () => ask<number>(primary, `select count(*)::int from pg_stat_activity where wait_event = 'SyncRep'`)

  test('a commit that no standby confirms ends as unknown after the time of a call, repeatable or not', async () => {
    const { learning } = fleet.tenant('acme')
    await withoutStandbys(async () => {
      await failure(learning.learn({ ...experience, state: 'no id' }), 'OUTCOME_UNKNOWN')
      await failure(learning.learn({ ...experience, state: 'id', id: uuidv7() }), 'OUTCOME_UNKNOWN')
      // Reads need no standby.
      expect(await learning.best('test-generator', 'never')).toBeUndefined()
      // What is told before it is on disk does not wait either.
      await learning.learn({ ...experience, state: 'async' }, { durability: 'async' })
      await expect.poll(waiting, PATIENTLY).toBe(2)
    })
    // They were there all the time, and are told of once the standbys have them.
    await expect.poll(() => learning.best('test-generator', 'no id'), PATIENTLY).toMatchObject({ q: 0.1 })
    expect(await learning.best('test-generator', 'id')).toMatchObject({ q: 0.1 })
  })

  test('the doctor tells that commits wait for nobody', async () => {
    const look = async () => findingsOf(await diagnose(cluster.primary.url), 'synchronous-standbys')
    expect(await look()).toEqual([])
    await withoutStandbys(async () => {
      await expect
        .poll(look, PATIENTLY)
        .toMatchObject([{ object: 'setting synchronous_standby_names', level: 'error' }])
    })
  })

  test('a commit whose wait is cancelled is not told as done', async () => {
    const { learning } = fleet.tenant('acme')
    await withoutStandbys(async () => {
      const call = failure(learning.learn({ ...experience, state: 'cancelled' }), 'OUTCOME_UNKNOWN')
      await expect.poll(waiting, PATIENTLY).toBe(1)
      await primary.query(`select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`)
      expect((await call).message).toContain('standbys')
    })
  })

  test.each([
    {
      what: 'an event with an id',
      count: 'select count(*)::int from memory.events',
      write: async ({ memory }: Tenant) => void (await memory.events.append(once)),
    },
    // The repetition changes nothing, so by itself it would have nothing to wait for.
    {
      what: 'metadata',
      count: 'select count(*)::int from metadata.entries',
      write: async ({ metadata }: Tenant) => void (await metadata.set({ entity: 'e', key: 'k', value: 1 })),
    },
  ])('a repeated write of $what is told as done only when a standby has the first one', async ({ count, write }) => {
    const tenant = fleet.tenant('acme')
    const before = await ask<number>(primary, count)
    await withoutStandbys(async () => {
      const call = failure(write(tenant), 'OUTCOME_UNKNOWN')
      await expect.poll(waiting, PATIENTLY).toBe(1)
      // Its commit is visible from now on.
      await primary.query(`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`)
      await call
      expect(await ask(primary, count)).toBe(before + 1)
      await failure(write(tenant), 'OUTCOME_UNKNOWN')
    })
    await write(tenant)
    expect(await ask(primary, count)).toBe(before + 1)
  })
})

DIRECT.describe('a pooler in front of each server', () => {
  test('is chosen by what is behind it', async () => {
    const { primary, standbys } = await startCluster({ quorum: false })
    const [standby] = standbys
    const poolers = [await startPooler(standby), await startPooler(primary)]
    const url = poolers
      .map((pooler) => pooler.urlOf({}))
      .reduce((all, one) => `${all.replace(/@([^/]+)/, `@$1,${new URL(one).host}`)}`)
    const fleet = await openOver(url)
    await fleet.tenants.create({ id: 'acme' })
    const { learning } = fleet.tenant('acme')
    await learning.learn(experience)
    const client = await standby.client()
    await expect.poll(() => ask(client, 'select count(*)::int from learning.q_values'), PATIENTLY).toBe(1)
    await primary.crash()
    expect(await ask(client, 'select pg_promote()')).toBe(true)
    await expect
      .poll(
        () =>
          learning.learn({ ...experience, state: 'after' }).then(
            () => 'done',
            () => 'failed',
          ),
        PATIENTLY,
      )
      .toBe('done')
    expect(await ask(client, `select visits::int from learning.q_values where state = '"after"'`)).toBe(1)
  })
})

DIRECT.describe('one pooler', () => {
  test('that is moved to the promoted server by RELOAD takes its callers along', async () => {
    const { primary, standbys } = await startCluster()
    const [standby, other] = standbys
    const pooler = await startPooler(primary)
    const fleet = await openOver(pooler.urlOf({}))
    await fleet.tenants.create({ id: 'acme' })
    const { learning } = fleet.tenant('acme')
    // Callers that write on and on: what was told as done has to be there afterwards, once.
    let over = false
    let moved = false
    let done = 0
    let doneAfter = 0
    const caller = async (state: string) => {
      for (; !over; ) {
        try {
          await learning.learn({ ...experience, state, id: uuidv7() })
          done++
          if (moved) doneAfter++
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
    }
    const callers = Array.from({ length: 8 }, (_, n) => caller(`moved-${n}`))
    await expect.poll(() => done, PATIENTLY).toBeGreaterThan(50)
    await primary.crash()
    const next = await further(standby, other)
    const client = await next.client()
    expect(await ask(client, 'select pg_promote()')).toBe(true)
    await pooler.moveTo(next)
    moved = true
    await expect.poll(() => doneAfter, PATIENTLY).toBeGreaterThan(50)
    over = true
    await Promise.all(callers)
    const stored = `select coalesce(sum(visits), 0)::int from learning.q_values where state::text like '"moved-%'`
    // A call that ended as unknown may have been done all the same, one a caller and interruption.
    expect(await ask<number>(client, stored)).toBeGreaterThanOrEqual(done)
  })
})

/** Of two standbys that which has more of the log. */
async function further(one: ScratchServer, other: ScratchServer): Promise<ScratchServer> {
  const lsn = async (server: ScratchServer) =>
    ask<string>(await server.client(), `select (pg_last_wal_receive_lsn() - '0/0'::pg_lsn)::text`)
  return BigInt(await lsn(one)) >= BigInt(await lsn(other)) ? one : other
}

DIRECT.describe('several hosts in a url', () => {
  let cluster: Cluster
  let fleet: Fleet
  let servers: ScratchServer[]
  let url: string
  beforeAll(async () => {
    cluster = await startCluster({ quorum: false })
    servers = [...cluster.standbys, cluster.primary]
    // The primary is named last.
    url = urlOfAll(servers)
    fleet = await openOver(url, { connectTimeoutMs: 3000 })
    await fleet.tenants.create({ id: 'acme' })
  }, 120_000)

  test('the one that takes writes is found wherever it is named, and one alone when it has to be a primary', async () => {
    const { learning } = fleet.tenant('acme')
    await learning.learn(experience)
    expect(await learning.best('test-generator', 's')).toMatchObject({ q: 0.1 })
    const [standby] = cluster.standbys
    const error = await failure(
      openOver(`${standby.url}?target_session_attrs=primary`, { connectTimeoutMs: 500 }),
      'PRIMARY_UNAVAILABLE',
    )
    expect(error.message).toContain('is a standby')
    expect(error.retryable).toBe(true)
  })

  test('a write to a standby that is named alone is told as such', async () => {
    const alone = await openOver(cluster.standbys[0].url)
    await failure(alone.tenant('acme').learning.learn(experience), 'PRIMARY_UNAVAILABLE')
    expect(await alone.tenant('acme').learning.best('test-generator', 's')).toBeDefined()
  })

  test('an old primary that is alive gets no write once another was promoted', async () => {
    const { learning } = fleet.tenant('acme')
    const [next] = cluster.standbys
    const old = await cluster.primary.client()
    const promoted = await next.client()
    // Nobody fences the old one, and no quorum does: it goes on taking writes, from whoever asks for them.
    expect(await ask(promoted, 'select pg_promote()')).toBe(true)
    const of = async (client: pg.Client) =>
      ask<number>(client, `select coalesce(sum(visits), 0)::int from learning.q_values`)
    // From here on what it has does not change, as soon as the fleet has seen the other.
    await expect
      .poll(async () => {
        const before = await of(promoted)
        await learning.learn({ ...experience, id: uuidv7() }).catch(() => {})
        return (await of(promoted)) > before
      }, PATIENTLY)
      .toBe(true)
    const [there, here] = [await of(old), await of(promoted)]
    for (let i = 0; i < 20; i++) await learning.learn(experience)
    expect(await of(old)).toBe(there)
    expect(await of(promoted)).toBe(here + 20)
    // Nor from a fleet that is opened now, while both take writes.
    const fresh = await openOver(url)
    await fresh.tenant('acme').learning.learn(experience)
    expect(await of(old)).toBe(there)
    expect(await of(promoted)).toBe(here + 21)
    // Nor when it alone is left.
    await next.crash()
    await failure(learning.learn(experience), 'PRIMARY_UNAVAILABLE')
    expect(await of(old)).toBe(there)
    await next.restart()
    await expect
      .poll(
        () =>
          learning.learn(experience).then(
            () => 'done',
            () => 'failed',
          ),
        PATIENTLY,
      )
      .toBe('done')
  })

  test('of two that were promoted side by side neither is chosen', async () => {
    const [one, other] = cluster.standbys
    const client = await other.client()
    const isStandby = await ask<boolean>(client, 'select pg_is_in_recovery()')
    expect(isStandby).toBe(true)
    // Away from the first, it is promoted to the same timeline.
    await client.query(`alter system set primary_conninfo = ''`)
    await client.query('select pg_reload_conf()')
    expect(await ask(client, 'select pg_promote()')).toBe(true)
    const timelines = []
    for (const server of [one, other]) {
      timelines.push(
        await ask(await server.client(), `select substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)`),
      )
    }
    if (timelines[0] === timelines[1]) {
      const error = await failure(openOver(url, { connectTimeoutMs: 500 }), 'PRIMARY_UNAVAILABLE')
      expect(error.message).toContain('a primary on timeline')
    }
  })
})
