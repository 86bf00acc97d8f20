// The product itself, as its own doctor sees it: a fresh database, a login as the documentation advises, and some work.
import { readFile } from 'node:fs/promises'
import { migrate, openDatabase, openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { type Place, sampleOf } from '../conformance/operation.js'
import { OPERATIONS } from '../conformance/operations/index.js'
import { keyProvider } from '../conformance/operations/secrets.js'
import { onScratchServers, startPooler, startServer } from './scratch-server.js'
import { diagnose, findingsOf, flushStatistics } from './support.js'

const DIRECT = await onScratchServers()

DIRECT.describe('pgfleet', () => {
  test('has nothing of warning level in a fresh database with work going on', async () => {
    const server = await startServer(17, { settings: { shared_preload_libraries: 'pg_stat_statements', jit: 'off' } })
    const pooler = await startPooler(server)
    const admin = await server.client()
    await admin.query(`create role owner login password 'owner'; create role app login password 'app'`)
    await admin.query('create database fleet owner owner')
    const client = await server.client('fleet')
    await client.query(`set pgfleet.migrator = 'owner'`)
    await client.query(await readFile(new URL('../../sql/bootstrap.sql', import.meta.url), 'utf8'))
    await client.query('create extension pg_stat_statements; create extension pgstattuple')
    const bare = await openDatabase({ url: server.urlOf({ database: 'fleet', user: 'owner', password: 'owner' }) })
    await migrate(bare)
    await bare.close()
    await client.query('grant pgfleet_app to app')
    const owner = await openFleet({ url: server.urlOf({ database: 'fleet', user: 'owner', password: 'owner' }) })
    for (const id of ['acme', 'globex']) await owner.tenants.create({ id })
    await owner.close()
    const fleet = await openFleet({
      url: pooler.urlOf({ database: 'fleet', user: 'app', password: 'app' }),
      migrate: false,
      keyProvider,
    })
    const done = new Set<string>()
    const work = async (id: string, rounds: number) => {
      const { learning, memory, delivery, metadata } = fleet.tenant(id)
      const sql = async (text: string, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows
      const place: Place = { learning, memory, delivery, metadata, tenant: id, sql }
      await metadata.entities.create({ name: 'line' }).catch(() => {})
      for (let round = 0; round < rounds; round++) {
        // Each store's operations, as the conformance tests call them, each on rows of its own.
        for (const [n, operation] of OPERATIONS.entries()) {
          const sample = sampleOf(`${round}-${n}`)
          await (async () => {
            await operation.arrange?.(place, sample)
            await operation.call(place, sample)
            done.add(operation.path)
          })().catch(() => {})
        }
        await Promise.all(
          Array.from({ length: 100 }, async (_, n) => {
            await learning.learn({ agentType: 'quality-gate', state: n % 15, action: round % 5, reward: n })
            await memory.events.append({ type: 'run.started', payload: { round, n } })
            await delivery.metrics.record({ name: 'latency', numericValue: n })
            await metadata.set({ entity: 'line', key: `k${n % 20}`, value: { round, n } })
          }),
        )
      }
    }
    await Promise.all([work('acme', 6), work('globex', 6)])
    // Most operations of each of the four stores went through, so that what they leave behind is examined.
    for (const store of ['learning', 'memory', 'delivery', 'metadata']) {
      const all = OPERATIONS.filter(({ path }) => path.startsWith(`${store}.`))
      const worked = all.filter(({ path }) => done.has(path))
      expect(worked.length / all.length, `${store}: ${worked.length} of ${all.length}`).toBeGreaterThan(0.8)
    }
    await flushStatistics(client)
    const url = server.urlOf({ database: 'fleet' })
    const during = Promise.all([work('acme', 2), work('globex', 2)])
    const loaded = await diagnose(url, { sampleMs: 1500, budgetMs: 30_000 })
    await during
    const grave = (examination: typeof loaded) =>
      examination.results
        .flatMap(({ findings }) => findings.filter(({ level }) => level !== 'info'))
        .filter(({ check }) => check !== 'rls-bypassed')
    expect(grave(loaded)).toEqual([])
    // Of the partitioned tables, which were analysed while they were empty, maintenance takes care.
    const maintainer = await openFleet({ url: server.urlOf({ database: 'fleet' }), migrate: false })
    await maintainer.maintenance.runOnce('parent-statistics')
    await maintainer.close()
    expect(findingsOf(await diagnose(url), 'parent-statistics')).toEqual([])
    // The administrators of this test are superusers; nobody else passes the policies.
    expect(findingsOf(loaded, 'rls-bypassed').map(({ object }) => object)).toEqual(['role postgres'])
    await fleet.close()

    const { code, stdout } = await runCli(process.cwd(), [
      ...[
        'doctor',
        url,
        '--prove-tenancy',
        '--pooled-url',
        pooler.urlOf({ database: 'fleet', user: 'app', password: 'app' }),
      ],
      ...['--tenants', 'acme', 'globex', '--enter', 'select platform.enter($1)', '--json'],
    ])
    const proof = JSON.parse(stdout)
    expect(proof).toMatchObject({ outcome: 'isolated' })
    expect(code).toBe(0)
    expect(proof.targets.filter(({ outcome }: { outcome: string }) => outcome === 'leaks')).toEqual([])
  })
})
