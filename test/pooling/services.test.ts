// The PgBouncer that the suite goes through, on the engine `pooled`: what `pgfleet pgbouncer` writes, but for what is named.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { expect } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { serverUrl } from '../setup/engine.js'
import { afterFile, onEngines } from '../setup/index.js'

const SCRIPT = process.env.PGFLEET_SERVICES
const POOLED =
  SCRIPT === undefined ? onEngines([], 'PGFLEET_SERVICES is not set') : onEngines(['pooled'], 'it is about the pooler')

/** The settings of a file, without its comments and sections. */
const settingsOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => /^[^;[]+=/.test(line))
    .map((line) => line.split(/\s*=\s*(.*)/).slice(0, 2) as [string, string])

POOLED('the pooler of the suite runs with the generated configuration, but for what is named', async () => {
  const config = join(dirname(SCRIPT as string), '../.services/run/config')
  const ini = await readFile(join(config, 'pgbouncer.ini'), 'utf8')
  const direct = serverUrl('DATABASE_URL')
  const pooler = serverUrl('DATABASE_URL_POOLED')
  const cwd = await mkdtemp(join(tmpdir(), 'pgfleet-services-'))
  afterFile(() => rm(cwd, { recursive: true, force: true }))
  const { stdout: generated } = await runCli(cwd, [
    ...['pgbouncer', '--host', '127.0.0.1', '--port', direct.port, '--database', 'postgres', '--pool-size', '20'],
    ...['--max-connections', '300', '--listen-port', pooler.port],
    ...['--user-file', new Map(settingsOf(ini)).get('auth_file') as string],
  ])
  expect(ini.startsWith(generated)).toBe(true)
  const differences = settingsOf(ini.slice(generated.length))
  expect(differences.map(([name]) => name)).toEqual(['listen_addr', 'server_idle_timeout', '*'])
  // What the process itself says: a value that it read is not yet one that it keeps.
  const [, password] = /"pgfleet_pooler" "(.*)"/.exec(await readFile(join(config, 'userlist.txt'), 'utf8')) ?? []
  pooler.username = 'pgfleet_pooler'
  pooler.password = password as string
  pooler.pathname = '/pgbouncer'
  const client = new pg.Client({ connectionString: pooler.href })
  await client.connect()
  afterFile(() => client.end())
  const { rows } = await client.query<{ key: string; value: string }>('show config')
  const running = new Map(rows.map(({ key, value }) => [key, value]))
  const [[, database] = ['', ''], ...settings] = settingsOf(generated)
  expect(database).toContain('dbname=postgres')
  const expected = new Map([...settings, ...differences.filter(([name]) => name !== '*')])
  expect(expected.size).toBeGreaterThan(15)
  expect(Object.fromEntries([...expected].map(([name]) => [name, running.get(name)]))).toEqual(
    Object.fromEntries(expected),
  )
})
