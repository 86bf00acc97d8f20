import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { openFleet } from 'pgfleet'
import { beforeAll, describe, expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, startReplica, startServer } from '../doctor/scratch-server.js'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'

interface Line {
  readonly id: string
  readonly answer: string
  readonly evidence: readonly string[]
  readonly mend: string | null
}

const cwd = await mkdtemp(join(tmpdir(), 'pgfleet-checklist-'))
afterFile(() => rm(cwd, { recursive: true, force: true }))
const checklist = (...parameters: string[]) => runCli(cwd, ['checklist', ...parameters])

async function linesOf(...parameters: string[]): Promise<{ code: number | null; lines: Map<string, Line> }> {
  const { code, stdout, stderr } = await checklist('--json', ...parameters)
  expect(stderr).toBe('')
  const { lines } = JSON.parse(stdout) as { lines: Line[] }
  return { code, lines: new Map(lines.map((line) => [line.id, line])) }
}

describe('wrong usage ends with 2', () => {
  test.each([
    [['--without', 'no-such-line'], "there is no question 'no-such-line'"],
    [['--memory', '16'], 'A size like 512MB or 16GB is expected.'],
    [['--format', 'xml'], 'xml'],
    [['--age-max', 'long'], 'long'],
  ])('%j', async (parameters, why) => {
    const { code, stdout, stderr } = await checklist(...parameters)
    expect(stderr).toContain(why)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

test('an empty embedded database has the right no’s', async () => {
  const { code, lines } = await linesOf('--data-dir', 'memory://')
  expect(code).toBe(1)
  for (const id of ['schema', 'maintenance', 'expiry', 'summaries']) {
    expect(lines.get(id)).toMatchObject({ answer: 'no', evidence: ['the database has no schema of pgfleet'] })
  }
  expect(lines.get('schema')?.mend).toBe('pgfleet migrate')
  expect(lines.get('backup-recent')).toMatchObject({
    answer: 'cannot tell',
    evidence: ['no folder of backups was named'],
  })
  expect(lines.get('vectors')).toMatchObject({ answer: 'not applicable', mend: null })
  expect([...lines.values()].filter(({ evidence }) => evidence.length === 0)).toEqual([])
})

onEngines(['direct', 'pooled'], 'the program cannot share a database in memory').describe('a migrated database', () => {
  test('that nobody looks after is told so, in every format', async () => {
    const database = await createTestDatabase()
    const url = database.options.url as string
    const { code, lines } = await linesOf('--url', url, '--backups', cwd)
    expect(code).toBe(1)
    expect(lines.get('schema')?.answer).toBe('yes')
    expect(lines.get('tenant-policies')?.answer).toBe('yes')
    expect(lines.get('maintenance')?.answer).toBe('no')
    expect(lines.get('maintenance')?.evidence).toContain('retention has never run')
    expect(lines.get('backup-recent')).toMatchObject({
      answer: 'no',
      evidence: [`${cwd} has no complete backup of ${database.name}`],
    })
    const without = await checklist('--url', url, '--without', 'maintenance')
    expect(without.stdout).not.toContain('Does maintenance run')
    expect(without.stdout).toMatch(/\d+ yes, \d+ no, \d+ cannot be told, \d+ not applicable\./)
    const markdown = await checklist('--url', url, '--format', 'markdown')
    expect(markdown.stdout).toMatch(/^# Checklist of /)
    expect(markdown.stdout).toContain('- [x] **yes**: Is the schema complete and up to date? (`schema`)')
    expect(markdown.stdout).toContain('  - To mend it: pgfleet maintain, as a service')
  })

  test('answers a login that may see little as far as it can', async () => {
    const database = await createTestDatabase()
    const login = `${database.name}_visitor`
    const admin = new pg.Client({ connectionString: database.adminUrl() })
    await admin.connect()
    try {
      await admin.query(`create role ${login} login password 'visitor'`)
      const url = new URL(database.adminUrl())
      url.username = login
      url.password = 'visitor'
      const { lines } = await linesOf('--url', url.href)
      expect(lines.get('maintenance')?.answer).toBe('cannot tell')
      expect(lines.get('schema')?.answer).toBe('cannot tell')
    } finally {
      await admin.query(`drop role if exists ${login}`)
      await admin.end()
    }
  })
})

const onScratch = await onScratchServers()
onScratch.describe('a database as it is in production', () => {
  let url: string
  const folder = join(cwd, 'backups')

  beforeAll(async () => {
    const server = await startServer(17, {
      settings: {
        archive_mode: 'on',
        archive_command: '/bin/true',
        shared_preload_libraries: 'pg_stat_statements',
        log_lock_waits: 'on',
        log_temp_files: '0',
        log_autovacuum_min_duration: '1000',
        track_io_timing: 'on',
        max_slot_wal_keep_size: '1GB',
      },
    })
    await startReplica(server)
    const postgres = await server.client()
    await postgres.query('create database app')
    await postgres.query("create role monitor login password 'monitor' in role pg_monitor")
    url = server.urlOf({ database: 'app' })
    await using fleet = await openFleet({ url })
    await postgres.query("create role app login password 'app' in role pgfleet_app")
    const app = await server.client('app')
    await app.query('create extension pg_stat_statements')
    await fleet.tenants.create({ id: 'acme' })
    const { memory } = fleet.tenant('acme')
    for (let n = 0; n < 120; n++) await memory.kv.get(`key ${n}`)
    const maintained = await runCli(cwd, ['maintain', '--once', '--url', url])
    expect(maintained.code, maintained.stderr).toBe(0)
    const backedUp = await runCli(cwd, ['backup', '--to', folder], { env: { DATABASE_URL: url } })
    expect(backedUp.code, backedUp.stderr).toBe(0)
  })

  test('is told yes wherever it can be', async () => {
    const given = ['--backups', folder, '--rehearse', url, '--memory', '64GB', '--disk-free', '100GB']
    const { lines } = await linesOf('--url', url, ...given)
    const not = [...lines.values()].filter(({ answer }) => answer !== 'yes')
    // It listens on this machine alone, has no vectors, and no pooler was named.
    expect(Object.fromEntries(not.map(({ id, answer, evidence }) => [id, { answer, evidence }]))).toEqual({
      'encrypted-connections': { answer: 'not applicable', evidence: ['it listens on "127.0.0.1" alone'] },
      pool: {
        answer: 'cannot tell',
        evidence: ['not asked: pooler-sum, pooler-settings, pooler-waiting, pooler-version'],
      },
      vectors: { answer: 'not applicable', evidence: ['no table has a vector'] },
    })
  })

  test('is told no when the backup and the last runs are too old', async () => {
    const { code, lines } = await linesOf('--url', url, '--backups', folder, '--age-max', '1s')
    expect(code).toBe(1)
    expect(lines.get('backup-recent')?.answer).toBe('no')
    expect(lines.get('maintenance')?.answer).toBe('no')
  })
})
