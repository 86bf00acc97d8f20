// The configuration that `pgfleet pgbouncer` writes, in a real PgBouncer before a real server.
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Fleet, openFleet } from 'pgfleet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../dist/doctor/connection.js'
import { scramVerifier } from '../../dist/pooling/scram-verifier.js'
import { runCli } from '../cli/run-cli.js'
import { type Place, sampleOf } from '../conformance/operation.js'
import { OPERATIONS } from '../conformance/operations/index.js'
import { keyProvider } from '../conformance/operations/secrets.js'
import { onScratchServers, type ScratchServer, startPoolerOf, startServer } from '../doctor/scratch-server.js'
import { diagnose, findingsOf, resultOf } from '../doctor/support.js'
import { afterFile, sql } from '../setup/index.js'

let cwd: string
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pgfleet-pooler-'))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

const DESCRIBED = ['--host', 'db', '--database', 'app', '--max-connections', '100', '--cores', '8']

describe('pgfleet pgbouncer', () => {
  test('shares out what the server allows, without asking it', async () => {
    const { code, stdout, stderr } = await runCli(cwd, ['pgbouncer', ...DESCRIBED, '--poolers', '2'])
    expect(code).toBe(0)
    for (const line of [
      'app = host=db port=5432 dbname=app',
      'auth_type = scram-sha-256',
      'pool_mode = transaction',
      'max_prepared_statements = 200',
      // (100 - 3 - 10) / 2
      'max_db_connections = 43',
      'default_pool_size = 16',
      'reserve_pool_size = 4',
      'server_tls_sslmode = prefer',
    ])
      expect(stdout.split('\n')).toContain(line)
    expect(stderr).toContain('--out DIR')
    expect(stdout + stderr).not.toContain('password =')
  })

  test('keeps the sum within what is left, whatever is asked for', async () => {
    for (const [max, reserved, direct, poolers, size] of [
      [20, 3, 2, 1, 100],
      [20, 3, 2, 4, 4],
      [100, 0, 0, 7, 13],
      [8, 3, 4, 1, 2],
    ] as const) {
      const { stdout } = await runCli(cwd, [
        ...['pgbouncer', '--host', 'h', '--database', 'd', '--max-connections', `${max}`, '--reserved', `${reserved}`],
        ...['--direct', `${direct}`, '--poolers', `${poolers}`, '--pool-size', `${size}`, '--json'],
      ])
      const plan = JSON.parse(stdout)
      expect(plan.databaseConnectionsMax * poolers).toBeLessThanOrEqual(max - reserved - direct)
      expect(plan.defaultPoolSize + plan.reservePoolSize).toBeLessThanOrEqual(plan.databaseConnectionsMax)
      expect(plan.defaultPoolSize).toBe(Math.min(size, plan.databaseConnectionsMax))
    }
  })

  test.each([
    [['--poolers', '100'], 'none is left for each of 100 poolers'],
    [['--listen', '*'], 'every network of the machine'],
    [['--tls-cert', 'a.pem'], '--tls-cert and --tls-key, or neither'],
    [['--user', 'a"b'], 'letters, digits and _'],
  ])('refuses %j', async (more, message) => {
    const { code, stdout, stderr } = await runCli(cwd, ['pgbouncer', ...DESCRIBED, ...more])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  test('asks for what it cannot know', async () => {
    const noCores = await runCli(cwd, ['pgbouncer', ...DESCRIBED.slice(0, -2)])
    expect(noCores).toMatchObject({ code: 2, stderr: expect.stringContaining('--cores') })
    expect(await runCli(cwd, ['pgbouncer'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--url') })
  })

  test('writes a password that is new, for its owner alone, and never over another', async () => {
    const write = (out: string) => runCli(cwd, ['pgbouncer', ...DESCRIBED, '--out', out])
    expect((await write('one')).code).toBe(0)
    expect((await readdir(join(cwd, 'one'))).toSorted()).toEqual(['pgbouncer.ini', 'pooler.sql', 'userlist.txt'])
    expect((await stat(join(cwd, 'one/userlist.txt'))).mode & 0o777).toBe(0o600)
    const users = await readFile(join(cwd, 'one/userlist.txt'), 'utf8')
    const [, password] = /^"pgfleet_pooler" "([0-9a-f]{48})"\n$/.exec(users) ?? []
    expect(password).toBeDefined()
    expect(await readFile(join(cwd, 'one/pooler.sql'), 'utf8')).not.toContain(password)
    expect(await write('one')).toMatchObject({ code: 2, stderr: expect.stringContaining('is there already') })
    expect(await readFile(join(cwd, 'one/userlist.txt'), 'utf8')).toBe(users)
    expect((await write('two')).code).toBe(0)
    expect(await readFile(join(cwd, 'two/userlist.txt'), 'utf8')).not.toBe(users)
  })

  test('the linter finds nothing in it', async () => {
    for (const more of [[], ['--listen', '0.0.0.0', '--tls-cert', 'c.pem', '--tls-key', 'k.pem'], ['--poolers', '3']]) {
      const { stdout } = await runCli(cwd, ['pgbouncer', ...DESCRIBED, ...more, '--quiet'])
      const linted = await runCli(cwd, ['lint', '-', '--as', 'pgbouncer.ini', '--level', 'info'], { stdin: stdout })
      expect(linted, linted.stdout).toMatchObject({ code: 0, stderr: '' })
    }
    const sqlFile = await runCli(cwd, ['lint', 'one/pooler.sql', '--level', 'warning'])
    expect(sqlFile.code, sqlFile.stdout).toBe(0)
  })

  test('the verifier is that of RFC 7677', () => {
    // The salt and password of its example; the keys follow from them.
    expect(scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    )
  })
})

const DIRECT = await onScratchServers()

DIRECT.describe('PgBouncer with it', () => {
  let server: ScratchServer
  let owner: Fleet
  let pooled: Fleet
  let port: number
  let poolerPassword: string
  const throughPooler = (user: string, password: string, database = 'postgres') =>
    `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`

  beforeAll(async () => {
    server = await startServer(17, { settings: { max_connections: '30' } })
    owner = await openFleet({ url: server.url, poolMax: 3 })
    afterFile(() => owner.close())
    await sql(owner, `create role app login password 'app'`)
    await sql(owner, 'grant pgfleet_app to app')
    // As docs/operating.md does it: who may connect is named.
    await sql(owner, 'revoke connect on database postgres from public')
    await sql(owner, 'grant connect on database postgres to app')
    const started = await startPoolerOf(
      async ({ outside, inside, port: listenPort }) => {
        const made = await runCli(outside, [
          ...['pgbouncer', '--url', server.url, '--out', '.', '--user-file', `${inside}/userlist.txt`],
          ...['--listen-port', `${listenPort}`, '--cores', '2', '--direct', '15'],
        ])
        expect(made, made.stderr).toMatchObject({ code: 0 })
        poolerPassword = /" "(.*)"/.exec(await readFile(join(outside, 'userlist.txt'), 'utf8'))?.[1] ?? ''
        const admin = await server.client()
        // Twice: it is safe to repeat.
        for (let i = 0; i < 2; i++) await admin.query(await readFile(join(outside, 'pooler.sql'), 'utf8'))
      },
      (at) => `postgresql://app:app@127.0.0.1:${at}/postgres`,
    )
    port = started.port
    pooled = await openFleet({ url: throughPooler('app', 'app'), poolMax: 25, keyProvider })
    afterFile(() => pooled.close())
  }, 60_000)

  const placeOf = async (): Promise<Place> => {
    const id = `t-${Math.random().toString(36).slice(2)}`
    await owner.tenants.create({ id })
    const { learning, memory, delivery, metadata } = pooled.tenant(id)
    return { learning, memory, delivery, metadata, tenant: id, sql: (text, values = []) => sql(owner, text, values) }
  }

  // Every write of every store, as an application's login makes it.
  test.each(OPERATIONS.filter(({ read }) => read !== undefined))('$path works through it', async (operation) => {
    const place = await placeOf()
    const sample = sampleOf(0)
    await operation.arrange?.(place, sample)
    const before = await operation.read?.(place, sample)
    await operation.call(place, sample)
    expect(await operation.read?.(place, sample)).not.toEqual(before)
  })

  test('many callers at once stay within the sum', async () => {
    const place = await placeOf()
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        pooled.tenant(place.tenant).transaction(async ({ memory }) => {
          await memory.kv.set(`k${i}`, i)
          expect(await memory.kv.get(`k${i}`)).toBe(i)
        }),
      ),
    )
    const [{ open } = { open: 0 }] = await sql<{ open: number }>(
      owner,
      `select count(*)::integer as open from pg_stat_activity where usename = 'app'`,
    )
    // 2 cores: 4, and 1 in reserve.
    expect(open).toBeGreaterThan(0)
    expect(open).toBeLessThanOrEqual(5)
  })

  test('a wrong password, no password and a superuser are refused', async () => {
    for (const url of [
      throughPooler('app', 'wrong'),
      throughPooler('nobody', 'app'),
      throughPooler('postgres', new URL(server.url).password),
      throughPooler('app', 'app', 'template1'),
    ]) {
      const client = new pg.Client({ connectionString: url })
      await expect(client.connect()).rejects.toThrow()
    }
  })

  test('the doctor has nothing to say of it', async () => {
    const openPooler = () => connect(throughPooler('pgfleet_pooler', poolerPassword, 'pgbouncer'), 10_000)
    const examined = await diagnose(server.url, { openPooler })
    for (const check of ['pooler-settings', 'pooler-sum', 'pooler-waiting']) {
      expect(resultOf(examined, check).outcome, check).toBe('ok')
      expect(findingsOf(examined, check), check).toEqual([])
    }
  })
})
