import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { openFleet } from 'pgfleet'
import { expect } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, startServer } from '../doctor/scratch-server.js'
import { afterFile, failure } from '../setup/index.js'

// The administrative role of a managed service: it owns the database, may create roles and passes row-level security, and is
// no superuser. Its extensions were made by the service. On a server of its own, where no role of pgfleet is yet.
const onServers = await onScratchServers()

onServers('a role that owns the database and is no superuser migrates, and the agents’ login works', async () => {
  const server = await startServer(17)
  const admin = await server.client()
  await admin.query(`create role manager login nosuperuser createrole createdb bypassrls password 'manager'`)
  await admin.query('create database managed owner manager')
  const inside = await server.client('managed')
  await inside.query('create schema extensions authorization manager')
  for (const extension of ['vector', 'pg_trgm', 'btree_gin', 'btree_gist'])
    await inside.query(`create extension ${extension} with schema extensions`)

  const url = server.urlOf({ database: 'managed', user: 'manager', password: 'manager' })
  const manager = new pg.Client({ connectionString: url })
  await manager.connect()
  afterFile(() => manager.end())
  const setup = await readFile(new URL('../../deploy/supabase.sql', import.meta.url), 'utf8')
  await manager.query(setup)
  await manager.query(setup)
  const migrated = await runCli('/', ['migrate', '--json'], { env: { DATABASE_URL: url } })
  expect(migrated).toMatchObject({ code: 0, stderr: '' })
  const created = await runCli('/', ['tenant', 'create', 'acme', '--json'], { env: { DATABASE_URL: url } })
  expect(created).toMatchObject({ code: 0, stderr: '' })
  const status = await runCli('/', ['migrate', 'status', '--json'], { env: { DATABASE_URL: url } })
  expect(JSON.parse(status.stdout)).toMatchObject({ upToDate: true })

  await manager.query('grant pgfleet_app to agents')
  await expect(
    new pg.Client({ connectionString: server.urlOf({ database: 'managed', user: 'agents', password: '' }) }).connect(),
  ).rejects.toThrow()
  await manager.query(`alter role agents login password 'agents'`)
  const fleet = await openFleet({ url: server.urlOf({ database: 'managed', user: 'agents', password: 'agents' }) })
  afterFile(() => fleet.close())
  const acme = fleet.tenant('acme')
  await acme.memory.events.append([{ type: 'run.started' }])
  expect((await acme.memory.events.query()).events).toHaveLength(1)
  await acme.delivery.metrics.record([{ name: 'latency', category: 'performance', type: 'gauge', numericValue: 1 }])
  await acme.learning.learn({ agentType: 'test-generator', state: 's', action: 'a', reward: 1 })
  await failure(fleet.tenants.create({ id: 'globex' }), 'PERMISSION_DENIED')
})
