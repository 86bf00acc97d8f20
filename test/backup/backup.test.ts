import { createHash, randomBytes } from 'node:crypto'
import { appendFile, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { openFleet } from 'pgfleet'
import { beforeAll, describe, expect, test } from 'vitest'
import { findProgram } from '../../dist/backup/program.js'
import { type Ended, runCli } from '../cli/run-cli.js'
import { administer } from '../setup/databases.js'
import { serverUrl } from '../setup/engine.js'
import { createLogin, onEngines } from '../setup/index.js'
import { newDatabase, newFolder, newSource, urlOf } from './support.js'

const onServer = onEngines(['direct', 'pooled'], 'pg_dump needs a server')
let source: { name: string; url: string }

/** Runs the command line; the url in the environment, so that its password is not among the arguments. */
async function cli(parameters: readonly string[], url = source.url, env: Record<string, string> = {}): Promise<Ended> {
  return await runCli('/', [...parameters, '--json'], { env: { DATABASE_URL: url, ...env } })
}

async function json(parameters: readonly string[], url = source.url, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await cli(parameters, url, env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

async function refused(
  parameters: readonly string[],
  code: string,
  url = source.url,
  env: Record<string, string> = {},
) {
  const ended = await cli(parameters, url, env)
  expect(ended.code, ended.stdout).not.toBe(0)
  const { error } = JSON.parse(ended.stderr)
  expect(error.code, error.message).toBe(code)
  return error as { message: string; hint: string; details: Record<string, unknown> }
}

onServer.describe('a backup', () => {
  beforeAll(async () => {
    source = await newSource()
  })

  test('is restored with every row, and the fleet goes on working in it', async () => {
    const folder = await newFolder()
    const made = await json(['backup', '--to', folder])
    expect(made).toMatchObject({ database: source.name, schemaVersion: expect.any(Number), removed: [], cleaned: [] })
    const { manifest } = JSON.parse(await readFile(join(made.path, 'manifest.json'), 'utf8'))
    expect(manifest.tables).toContainEqual({ name: 'platform.tenants', rows: 2 })
    expect(manifest.roles.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['pgfleet_app', 'pgfleet_monitor', 'pgfleet_owner', 'pgfleet_search']),
    )
    const target = await newDatabase()
    expect(await json(['restore', folder, '--jobs', '3'], target.url)).toMatchObject({ rows: made.rows, logs: 'ahead' })
    await using fleet = await openFleet({ url: target.url })
    const { events } = await fleet.tenant('acme').memory.events.query()
    expect(events).toHaveLength(20)
    await fleet.tenant('acme').memory.events.append([{ type: 'thing.went.on' }])
    expect(await fleet.tenant('globex').memory.events.stats()).toMatchObject({
      events: 20,
    })
  })

  test('is restored with memory for its indexes: as told, else by what the server has', async () => {
    const folder = await newFolder()
    await json(['backup', '--to', folder])
    const real = await findProgram('pg_restore', 17)
    const bin = await newFolder()
    const seen = join(bin, 'seen')
    await writeFile(join(bin, 'pg_restore'), `#!/bin/sh\necho "$PGOPTIONS" > ${seen}\nexec ${real.path} "$@"\n`, {
      mode: 0o755,
    })
    const settingsOf = async (parameters: readonly string[]) => {
      await json(['restore', folder, '--bin', bin, ...parameters], (await newDatabase()).url)
      return (await readFile(seen, 'utf8')).trim()
    }
    expect(await settingsOf(['--build-memory', '200MB'])).toBe(
      `-c maintenance_work_mem=${200 * 1024}kB -c max_parallel_maintenance_workers=0`,
    )
    const client = new pg.Client({ connectionString: source.url })
    await client.connect()
    const { rows } = await client.query(`select greatest(pg_size_bytes(current_setting('maintenance_work_mem')),
      pg_size_bytes(current_setting('shared_buffers')) / 4 / 8) / 1024 as kilobytes`)
    await client.end()
    expect(await settingsOf(['--jobs', '8'])).toContain(`maintenance_work_mem=${rows[0].kilobytes}kB`)
  })

  test('holds what one snapshot saw, whatever is written meanwhile', async () => {
    const folder = await newFolder()
    await using fleet = await openFleet({ url: source.url })
    const tenant = fleet.tenant('acme')
    let isDone = false
    const writing = (async () => {
      while (!isDone) await tenant.memory.events.append([{ type: 'meanwhile' }])
    })()
    const made = await json(['backup', '--to', folder]).finally(() => {
      isDone = true
    })
    await writing
    // Its counts were taken from the snapshot of the dump, or the test restore would find others.
    expect(await json(['backup', 'test', folder], serverUrl('DATABASE_URL').href)).toMatchObject({ rows: made.rows })
  })

  test('that is encrypted shows nothing, and opens with its key alone', async () => {
    const folder = await newFolder()
    const keyFile = join(folder, 'backup.key')
    await writeFile(keyFile, randomBytes(32))
    const { path } = await json(['backup', '--to', folder, '--encrypt-key-file', keyFile, '--compress', 'none'])
    for (const file of await readdir(join(path, 'dump'))) {
      expect((await readFile(join(path, 'dump', file))).includes('thing.happened'), file).toBe(false)
    }
    const target = await newDatabase()
    await refused(['restore', path], 'BACKUP_KEY_INVALID', target.url)
    const env = { BACKUP_PASSPHRASE: 'not that one, surely' }
    await refused(['restore', path, '--passphrase-env', 'BACKUP_PASSPHRASE'], 'BACKUP_KEY_INVALID', target.url, env)
    // Whoever has no key can make no other manifest, even with a fitting checksum.
    await json(['restore', path, '--encrypt-key-file', keyFile], target.url)
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([])
  })

  test('that was corrupted is found by its checksum, and named', async () => {
    const folder = await newFolder()
    const { path, name } = await json(['backup', '--to', folder])
    await json(['backup', 'verify', folder])
    const files = (await readdir(join(path, 'dump'))).filter((file) => file !== 'toc.dat').sort()
    const file = files[0] as string
    const handle = await open(join(path, 'dump', file), 'r+')
    await handle.write(Buffer.from([255, 0, 255]), 0, 3, 5)
    await handle.close()
    const verified = await cli(['backup', 'verify', folder])
    expect(verified.code).toBe(1)
    expect(JSON.parse(verified.stdout)).toMatchObject({ isIntact: false, backups: [{ name, file }] })
    const target = await newDatabase()
    expect(await refused(['restore', path], 'BACKUP_CORRUPT', target.url)).toMatchObject({ details: { file } })
    await rm(join(path, 'dump', file))
    expect(await refused(['restore', path], 'BACKUP_CORRUPT', target.url)).toMatchObject({ details: { file } })
    await appendFile(join(path, 'manifest.json'), ' ')
    await writeFile(
      join(path, 'manifest.json'),
      (await readFile(join(path, 'manifest.json'), 'utf8')).replace('"rows": 2', '"rows": 3'),
    )
    expect((await refused(['restore', path], 'BACKUP_CORRUPT', target.url)).message).toContain('manifest.json')
  })

  test('is refused a database that is not empty, which stays as it is', async () => {
    const folder = await newFolder()
    await json(['backup', '--to', folder])
    const target = await newDatabase()
    const client = new pg.Client({ connectionString: target.url })
    await client.connect()
    await client.query('create table public.mine (n integer)')
    const error = await refused(['restore', folder], 'RESTORE_TARGET_NOT_EMPTY', target.url)
    expect(error.message).toContain('public.mine')
    expect(
      (await client.query(`select count(*)::integer as n from pg_namespace where nspname = 'memory'`)).rows,
    ).toEqual([{ n: 0 }])
    await client.end()
  })

  test('is refused a database that keeps texts otherwise', async () => {
    const folder = await newFolder()
    const { path } = await json(['backup', '--to', folder])
    const { name, url } = await newDatabase()
    await administer(`drop database ${name}`)
    await administer(`create database ${name} template template0 encoding 'SQL_ASCII' locale 'C'`)
    const error = await refused(['restore', path], 'RESTORE_UNSUITABLE', url)
    expect(error.message).toMatch(/are UTF8, .*as SQL_ASCII/)
    expect(error.hint).toContain("encoding 'UTF8'")
  })

  test('that is interrupted leaves nothing that looks complete, and the next one cleans up', async () => {
    const folder = await newFolder()
    const blocker = new pg.Client({ connectionString: source.url })
    await blocker.connect()
    // pg_dump waits for this lock, so it is certain to run when the signal comes.
    await blocker.query('begin; lock table platform.tenants in access exclusive mode')
    const ended = await runCli('/', ['backup', '--to', folder], {
      env: { DATABASE_URL: source.url },
      interrupt: { after: 'dumping', milliseconds: 500 },
    })
    expect(ended.code).toBe(130)
    const left = await blocker.query(
      `select count(*)::integer as n from pg_stat_activity where datname = current_database() and application_name = 'pgfleet backup'`,
    )
    await blocker.query('rollback')
    await blocker.end()
    expect(left.rows).toEqual([{ n: 0 }])
    expect(await readdir(folder)).toEqual([])
    // As after a power failure: nobody tidied up.
    await mkdir(join(folder, 'pgfleet-x-20260101T000000000Z.partial', 'dump'), { recursive: true })
    expect(JSON.parse((await cli(['backup', 'list', folder])).stdout)).toMatchObject({ backups: [] })
    await refused(['restore', folder], 'BACKUP_UNKNOWN')
    expect((await json(['backup', '--to', folder])).cleaned).toEqual(['pgfleet-x-20260101T000000000Z.partial'])
  })

  test('is the last to go: older ones are removed only when a new one is complete', async () => {
    const folder = await newFolder()
    const names: string[] = []
    for (let n = 0; n < 3; n++) names.push((await json(['backup', '--to', folder])).name)
    const { login } = await poorLogin([])
    await refused(['backup', '--to', folder, '--keep', '1'], 'BACKUP_RIGHT_MISSING', login)
    const listed = async () =>
      JSON.parse((await cli(['backup', 'list', folder])).stdout).backups.map(({ name }: { name: string }) => name)
    expect(await listed()).toEqual(names.toReversed())
    const last = await json(['backup', '--to', folder, '--keep', '2'])
    expect(last.removed).toEqual(names.slice(0, 2))
    expect(await listed()).toEqual([last.name, names[2]])
    const only = await json(['backup', '--to', folder, '--keep-for', '1s', '--keep', '1'])
    expect(await listed()).toContain(only.name)
    expect((await cli(['backup', 'list', folder, '--max-age', '1d'])).code).toBe(0)
  })

  test('that is too old, or not there, makes list exit with 1', async () => {
    const folder = await newFolder()
    expect((await cli(['backup', 'list', folder, '--max-age', '26h'])).code).toBe(1)
    const { path } = await json(['backup', '--to', folder])
    expect((await cli(['backup', 'list', folder, '--max-age', '26h'])).code).toBe(0)
    await rename(path, `${path}.partial`)
    expect((await cli(['backup', 'list', folder, '--max-age', '26h'])).code).toBe(1)
  })

  /** Changes what a backup says of itself, with its checksum. */
  const claim = async (path: string, claims: object) => {
    const file = join(path, 'manifest.json')
    const document = JSON.parse(await readFile(file, 'utf8'))
    const manifest = { ...document.manifest, ...claims }
    const sha256 = createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
    await writeFile(file, JSON.stringify({ manifest, sha256 }))
  }

  test('beside one of a database of the same name elsewhere is not taken for it, nor does it remove it', async () => {
    const folder = await newFolder()
    const there = await json(['backup', '--to', folder])
    await claim(there.path, { systemIdentifier: '1' })
    const before = await json(['backup', '--to', folder])
    // As of a version that did not name the cluster: it is taken for this one's.
    await claim(before.path, { systemIdentifier: undefined })
    const here = await json(['backup', '--to', folder, '--keep', '1'])
    expect(here.removed).toEqual([before.name])
    const { message } = await refused(['restore', folder], 'BACKUP_UNKNOWN')
    expect(message).toContain(here.name)
    expect(message).toContain(there.name)
    expect((await json(['backup', 'verify', folder])).backups).toHaveLength(2)
  })

  test('of one database does not make up for the old one of another', async () => {
    const folder = await newFolder()
    const old = await json(['backup', '--to', folder])
    await claim(old.path, { database: 'another', endedAt: '2026-01-01T00:00:00.000Z' })
    await json(['backup', '--to', folder])
    const { code, stdout } = await runCli('/', ['backup', 'list', folder, '--max-age', '26h'])
    expect({ code, told: /The newest backup of (\w+)/.exec(stdout)?.[1] }).toEqual({ code: 1, told: 'another' })
    await refused(['restore', folder], 'BACKUP_UNKNOWN')
    await json(['backup', '--to', folder, '--keep', '1'])
    expect((await json(['backup', 'verify', folder])).backups.map(({ name }: { name: string }) => name)).toContain(
      old.name,
    )
  })
})

/** A login of its own for a database of its own, with these rights. */
async function poorLogin(rights: readonly string[], database = source.name): Promise<{ login: string; name: string }> {
  const login = await createLogin()
  for (const right of rights) await administer(right.replaceAll('LOGIN', login.name))
  const url = new URL(urlOf(database))
  url.username = login.name
  url.password = login.password
  return { login: url.href, name: login.name }
}

onServer.describe('a login', () => {
  beforeAll(async () => {
    source ??= await newSource()
  })

  test('that would not see all rows is told the right that it lacks', async () => {
    const folder = await newFolder()
    const plain = await poorLogin(['grant pg_read_all_data to LOGIN'])
    const error = await refused(['backup', '--to', folder], 'BACKUP_RIGHT_MISSING', plain.login)
    expect(error.message).toContain('lacks BYPASSRLS')
    expect(error.hint).toContain(`alter role "${plain.name}" bypassrls`)
    const blind = await poorLogin(['alter role LOGIN bypassrls'])
    expect((await refused(['backup', '--to', folder], 'BACKUP_RIGHT_MISSING', blind.login)).message).toContain(
      'may not read',
    )
    expect(await readdir(folder)).toEqual([])
  })

  test('without SUPERUSER, but with BYPASSRLS and pg_read_all_data, backs up everything', async () => {
    const folder = await newFolder()
    const { login } = await poorLogin(['alter role LOGIN bypassrls', 'grant pg_read_all_data to LOGIN'])
    const made = await json(['backup', '--to', folder], login)
    expect(made.rows).toBe((await json(['backup', '--to', folder])).rows)
  })

  test('without SUPERUSER is told that it may not restore, before anything is changed', async () => {
    const folder = await newFolder()
    await json(['backup', '--to', folder])
    const target = await newDatabase()
    const { login } = await poorLogin(['alter role LOGIN bypassrls createrole'], target.name)
    expect((await refused(['restore', folder], 'BACKUP_RIGHT_MISSING', login)).message).toContain('needs SUPERUSER')
  })

  test('of an embedded database, and the url of a pooler, are told what to do', async () => {
    const folder = await newFolder()
    const ended = await runCli(folder, ['backup', '--to', folder, '--json'])
    expect(JSON.parse(ended.stderr).error).toMatchObject({
      code: 'OPTIONS_INVALID',
      hint: expect.stringContaining('copying'),
    })
    if (process.env.DATABASE_URL_POOLED === undefined) return
    const pooled = new URL(process.env.DATABASE_URL_POOLED)
    pooled.pathname = `/${source.name}`
    const error = await refused(['backup', '--to', folder], 'OPTIONS_INVALID', pooled.href)
    expect(error.message).toContain('pooler')
  })
})

describe('the command', () => {
  test('says what it needs', async () => {
    const folder = await newFolder()
    const told = async (...parameters: string[]) => {
      const { code, stderr } = await runCli(folder, [...parameters, '--json'])
      return { exit: code, ...JSON.parse(stderr).error }
    }
    expect(await told('backup')).toMatchObject({ exit: 2, code: 'OPTIONS_INVALID', field: 'to' })
    expect(await told('backup', '--to', folder)).toMatchObject({ exit: 2, code: 'OPTIONS_INVALID', field: 'url' })
    expect(await told('restore', folder)).toMatchObject({ exit: 2, code: 'OPTIONS_INVALID', field: 'url' })
    expect(await told('backup', 'verify', join(folder, 'none'))).toMatchObject({ exit: 1, code: 'BACKUP_UNKNOWN' })
    expect(await told('backup', '--to', folder, '--keep', '0')).toMatchObject({ exit: 2 })
  })
})
