// A fail-over under load: a primary and two standbys of its own, and writers of several stores who go on.
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { type Fleet, isFleetError } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { beforeAll, expect, test } from 'vitest'
import type { ClusterReport } from '../../dist/database/primary/server-report.js'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, type ScratchServer } from '../doctor/scratch-server.js'
import { isClose, replay } from '../learning/reference.js'
import { ask, type Cluster, openOver, PATIENTLY, startCluster } from './cluster.js'

const DIRECT = await onScratchServers()
const agentType = 'test-generator'
const WRITERS = 8

/** What `pgfleet servers` tells. */
async function serversOf(url: string): Promise<{ code: number | null; report: ClusterReport }> {
  const { code, stdout } = await runCli('/tmp', ['servers', '--json', '--url', url])
  return { code, report: JSON.parse(stdout) }
}

const nameOf = ({ url }: ScratchServer) => `${new URL(url).host}/postgres`

DIRECT.describe('a fail-over', () => {
  let cluster: Cluster
  let fleet: Fleet
  let primary: ScratchServer
  beforeAll(async () => {
    cluster = await startCluster()
    primary = cluster.primary
    fleet = await openOver(cluster.url, { replicaPollMs: 500 })
    await fleet.tenants.create({ id: 'acme' })
    const { metadata } = fleet.tenant('acme')
    await metadata.groups.set({ name: 'G', durability: 'durable' })
    await metadata.entities.create({ name: 'e', syncGroup: 'G' })
  }, 120_000)

  test('loses nothing that was acknowledged, applies nothing twice, and writers go on by themselves', async () => {
    const acme = fleet.tenant('acme')
    let isStopped = false
    /** When something was acknowledged, by Date.now(). */
    const acknowledged: number[] = []
    /** Calls until it is told to stop; a call that fails ends nothing. */
    const writing = async (write: (n: number) => Promise<void>) => {
      for (let n = 0; !isStopped; n++) {
        await write(n)
        acknowledged.push(Date.now())
      }
    }
    const codes = new Set<string>()
    /** Repeats a call with its id, as an application does that wants to know. */
    const insisting = async <T>(call: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await call()
        } catch (error) {
          if (!isFleetError(error) || !(error.retryable || error.code === 'OUTCOME_UNKNOWN')) throw error
          codes.add(error.code)
          await sleep(50)
        }
      }
    }
    const writers = Array.from({ length: WRITERS }, (_, w) => w)
    const learned = writers.map(() => 0)
    const guessed = writers.map(() => ({ settled: 0, unknown: 0 }))
    const events: string[] = []
    const values = writers.map(() => ({ settled: -1, version: 0 }))
    const done = Promise.all([
      ...writers.map((w) =>
        writing(async (n) => {
          const experience = { agentType, state: `id${w}`, action: 'a', reward: n, id: uuidv7() }
          await insisting(() => acme.learning.learn(experience))
          learned[w] = n + 1
        }),
      ),
      ...guessed.map((count, w) =>
        writing(async () => {
          try {
            await acme.learning.learn({ agentType, state: `none${w}`, action: 'a', reward: 1 })
            count.settled++
          } catch (error) {
            if (!isFleetError(error)) throw error
            codes.add(error.code)
            if (error.code === 'OUTCOME_UNKNOWN') count.unknown++
            await sleep(50)
          }
        }),
      ),
      ...writers.map((w) =>
        writing(async (n) => {
          const id = uuidv7()
          await insisting(() => acme.memory.events.append({ id, type: 'written', payload: { w, n } }))
          events.push(id)
        }),
      ),
      ...values.map((mine, w) =>
        writing(async (value) => {
          mine.version = await insisting(() => acme.metadata.set({ entity: 'e', key: `k${w}`, value }))
          mine.settled = value
        }),
      ),
    ])
    const progress = async () => {
      const before = acknowledged.length
      await expect.poll(() => acknowledged.length - before, PATIENTLY).toBeGreaterThan(500)
    }
    await progress()

    await primary.crash('SIGKILL')
    // What no quorum has was not acknowledged: the standby that has more has it all.
    const positions = []
    for (const standby of cluster.standbys) {
      const client = await standby.client()
      await expect.poll(() => ask(client, 'select count(*)::int from pg_stat_wal_receiver'), PATIENTLY).toBe(0)
      positions.push(await ask<string>(client, `select pg_last_wal_receive_lsn() - '0/0'::pg_lsn`))
    }
    // The command finds the same one.
    const without = await serversOf(cluster.url)
    expect(without.code).toBe(1)
    expect(without.report.servers.map(({ role }) => role)).toEqual(['unreachable', 'standby', 'standby'])
    const next = cluster.standbys[Number(positions[0]) >= Number(positions[1]) ? 0 : 1]
    const client = await next.client()
    expect(await ask(client, 'select pg_promote()')).toBe(true)
    if (positions[0] !== positions[1]) expect(without.report.candidate).toBe(nameOf(next))
    const promotedAt = Date.now()
    await expect.poll(() => acknowledged.filter((at) => at > promotedAt).length, PATIENTLY).toBeGreaterThan(0)
    const resumedMs = (acknowledged.find((at) => at > promotedAt) as number) - promotedAt
    await progress()

    // The old primary comes back as it was: it is a primary, on its old timeline, and nobody writes to it.
    await primary.restart()
    const old = await primary.client()
    expect(await ask(old, 'select pg_is_in_recovery()')).toBe(false)
    const oldCount = await ask(old, 'select count(*)::int from memory.events')
    await progress()
    expect(await ask(old, 'select count(*)::int from memory.events')).toBe(oldCount)
    const two = await serversOf(cluster.url)
    expect(two).toMatchObject({ code: 1, report: { primary: null } })
    expect(two.report.problems).toContainEqual(
      `${nameOf(primary)} takes writes too, on the old timeline 1: stop it, and rewind it.`,
    )
    await expect
      .poll(() => ask(client, `select string_agg(application_name, ' ') from pg_stat_replication`), PATIENTLY)
      .toMatch(/^[bc]$/)
    isStopped = true
    await done

    const rows = await query<{ state: string; q: number; visits: number }>(
      client,
      'select state, q, visits::int from learning.q_values',
    )
    const stored = new Map(rows.map((row) => [row.state, row]))
    for (const w of writers) {
      // Exactly once each, in order: the sequence alone gives this value.
      const row = stored.get(`id${w}`)
      expect(row?.visits).toBe(learned[w])
      const rewards = Array.from({ length: learned[w] as number }, (_, i) => i)
      expect(isClose(row?.q ?? Number.NaN, replay(rewards, 0.1).at(-1) ?? Number.NaN)).toBe(true)
      const visits = stored.get(`none${w}`)?.visits ?? 0
      const { settled, unknown } = guessed[w] as { settled: number; unknown: number }
      expect(visits).toBeGreaterThanOrEqual(settled)
      expect(visits).toBeLessThanOrEqual(settled + unknown)
      const entry = await acme.metadata.get({ entity: 'e', key: `k${w}` })
      expect(entry).toMatchObject({ value: values[w]?.settled, version: values[w]?.version })
    }
    const ids = await query<{ id: string }>(client, 'select event_id as id from memory.events')
    expect(new Set(ids.map(({ id }) => id)).size).toBe(ids.length)
    expect(new Set(ids.map(({ id }) => id))).toEqual(new Set(events))
    expect(
      [...codes].filter((code) => !['OUTCOME_UNKNOWN', 'CONNECTION_FAILED', 'PRIMARY_UNAVAILABLE'].includes(code)),
    ).toEqual([])
    console.info(
      `fail-over: ${acknowledged.length} acknowledged, ${events.length} events; writing again ${resumedMs} ms after the promotion; errors: ${[...codes].join(', ') || 'none'}`,
    )

    // And back as a standby of the new one, what it alone had undone.
    // Killed once more: rewinding recovers it first.
    await primary.crash()
    const from = ['--source-server', next.url, '--write-recovery-conf']
    await primary.run('pg_rewind', ['--target-pgdata', primary.data, ...from])
    await primary.restart()
    const back = await primary.client()
    expect(await ask(back, 'select pg_is_in_recovery()')).toBe(true)
    await expect.poll(() => ask(client, 'select count(*)::int from pg_stat_replication'), PATIENTLY).toBe(2)
    await acme.memory.events.append({ type: 'afterwards' })
    await expect
      .poll(() => ask(back, `select count(*)::int from memory.events where event_type = 'afterwards'`), PATIENTLY)
      .toBe(1)
    await expect
      .poll(() => serversOf(cluster.url), PATIENTLY)
      .toMatchObject({
        code: 0,
        report: { primary: nameOf(next), problems: [], notes: [] },
      })
  })

  async function query<Row extends pg.QueryResultRow>(client: pg.Client, text: string): Promise<Row[]> {
    return (await client.query<Row>(text)).rows
  }
})
