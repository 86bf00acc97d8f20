// What can go wrong with an archive, and that nothing is lost: each with its message.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { MaintenanceRun } from 'pgfleet'
import { expect, test } from 'vitest'
import { afterFile, createLogin, engine, failure, onEngines, sql } from '../setup/index.js'
import { startObjectServer } from './object-server.js'
import { archive, fill, newFolder, openArchived, partitionOf, placeOf, rowsOf, statesOf } from './support.js'

onEngines(['direct', 'pooled'], 'archives need a server').describe('faults', async () => {
  const operator = engine === 'embedded' ? undefined : await createLogin({ memberOf: ['pgfleet_operator'] })
  const place = await openArchived()
  const { fleet, directUrl, database } = place
  const { archives, retention } = fleet.maintenance
  const store = await startObjectServer()
  Object.assign(process.env, store.credentials)

  const failed = (run: MaintenanceRun, code: string) =>
    expect(run, JSON.stringify(run)).toMatchObject({ outcome: 'failed', error: { code } })
  const archived = (run: MaintenanceRun) =>
    expect(run, JSON.stringify(run)).toMatchObject({ outcome: 'ok', done: { counts: { archived: 1 } } })
  const newest = async (month: string) => await archives.find('memory.events', month)
  const restore = (name: string) => archives.restore(name, { directUrl })

  test('a store that goes away in the middle: said, detached, and taken up by the next run', async () => {
    const month = '2018-01'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    // More than a part, so that it breaks off between two: what does not compress.
    await sql(
      fleet,
      `update memory.events e set payload = jsonb_build_object('text', (select string_agg(gen_random_uuid()::text, '') from generate_series(1, 32000) where e.event_id is not null))
      where tenant_id <> 'a' and event_id >= platform.uuid_floor('2018-01-01Z') and event_id < platform.uuid_floor('2018-02-01Z')`,
    )
    let parts = 0
    store.behave = ({ kind }) => (kind === 'part' && ++parts > 1 ? 'cut' : 'answer')
    const run = await archive(place, store.place)
    failed(run, 'ARCHIVE_STORE_FAILED')
    expect(run.error?.message).toContain('s3://archives/fleet/memory.events_p201801.1')
    expect(JSON.stringify(run)).not.toContain(store.credentials.AWS_SECRET_ACCESS_KEY)
    expect(await placeOf(place, month)).toBe('detached')
    expect(await statesOf(place, month)).toEqual(['uploading'])
    expect([...store.objects.keys()]).toEqual([])
    expect(store.uploads.size).toBe(0)
    store.behave = () => 'answer'
    archived(await archive(place, store.place))
    expect((await newest(month)).name).toBe('memory.events_p201801.2')
    expect(await archives.verify('memory.events_p201801.2')).toMatchObject({ rows: 60 })
    await restore('memory.events_p201801.2')
    const after = await rowsOf(place, month)
    expect(after.length).toBeGreaterThan(before.length)
    expect(after.slice(0, 500)).toBe(before.slice(0, 500))
    // Nothing of the credentials is in the database.
    const [kept] = await sql<{ text: string }>(fleet, `select string_agg(a::text, '') as text from platform.archives a`)
    expect(kept?.text).not.toMatch(/key-of-tests|secret-/)
  })

  test('a place that is away, a missing place or session: nothing is begun', async () => {
    const month = '2018-02'
    await fill(fleet, month)
    failed(await archive(place, '/nowhere/at/all'), 'ARCHIVE_STORE_FAILED')
    store.behave = () => 503
    failed(await archive(place, store.place), 'ARCHIVE_STORE_FAILED')
    store.behave = () => 'answer'
    expect(await archive(place, undefined)).toMatchObject({
      outcome: 'skipped',
      done: { skipped: expect.stringContaining('no place') },
    })
    const [run] = await fleet.maintenance.runOnce('archive', { options: { archive: { to: store.place } } })
    expect(run).toMatchObject({ outcome: 'skipped', done: { skipped: expect.stringContaining('directUrl') } })
    failed(await archive(place, 's3://me:secret@bucket'), 'OPTIONS_INVALID')
    failed(await archive(place, 'ftp://bucket'), 'OPTIONS_INVALID')
    // A login without the right is told which; a pooler is no session.
    const url = new URL(directUrl)
    url.username = operator?.name ?? ''
    url.password = operator?.password ?? ''
    const denied = await archive(place, store.place, { directUrl: url.href })
    failed(denied, 'PERMISSION_DENIED')
    expect(denied.error?.message).toContain('pgfleet_owner')
    if (engine === 'pooled') {
      failed(await archive(place, store.place, { directUrl: database.options.url as string }), 'OPTIONS_INVALID')
    }
    expect(await placeOf(place, month)).toBe('attached')
    expect(await statesOf(place, month)).toEqual([])
    archived(await archive(place, store.place))
  })

  test('a disk that is full: said, nothing is left on it, and the next run goes on', async () => {
    const month = '2018-03'
    const disk = mkdtempSync(join(tmpdir(), 'pgfleet-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
    afterFile(async () => {
      execFileSync('umount', [disk])
      rmSync(disk, { recursive: true })
    })
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    writeFileSync(join(disk, 'full'), Buffer.alloc(64 * 1024 - 4096))
    await fill(fleet, '2018-04', 1000)
    const run = await archive(place, disk)
    failed(run, 'ARCHIVE_STORE_FAILED')
    expect(run.error?.message).toMatch(/ENOSPC/)
    expect(await readdir(disk)).toEqual(['full'])
    rmSync(join(disk, 'full'))
    const to = await newFolder()
    const next = await archive(place, to)
    expect(next, JSON.stringify(next)).toMatchObject({ outcome: 'ok', done: { counts: { archived: 2 } } })
    await restore((await newest(month)).name)
    expect(await rowsOf(place, month)).toBe(before)
  })

  test('a name that is taken: what is there stays, and the next attempt takes another', async () => {
    const month = '2018-05'
    const to = await newFolder()
    await fill(fleet, month)
    store.behave = ({ kind }) => (kind === 'put' ? 507 : 'answer')
    failed(await archive(place, store.place), 'ARCHIVE_STORE_FAILED')
    store.behave = () => 'answer'
    const [begun] = (await archives.list()).filter((one) => one.month === month)
    const object = (attempt: number) => `memory.events_p201805.${attempt}-${begun?.id}.copy.gz`
    store.objects.set(`fleet/${object(2)}`, Buffer.from('mine'))
    const taken = await archive(place, store.place)
    failed(taken, 'ARCHIVE_OBJECT_EXISTS')
    expect(store.objects.get(`fleet/${object(2)}`)?.toString()).toBe('mine')
    await writeFile(join(to, object(3)), 'mine too')
    failed(await archive(place, to), 'ARCHIVE_OBJECT_EXISTS')
    expect(await readFile(join(to, object(3)), 'utf8')).toBe('mine too')
    archived(await archive(place, to))
    expect((await newest(month)).name).toBe('memory.events_p201805.4')
  })

  test('an object that is not what was written is found before the partition is dropped', async () => {
    const month = '2018-06'
    await fill(fleet, month)
    store.behave = ({ kind, key }) => {
      const object = store.objects.get(key)
      if (kind === 'get' && key.endsWith('.copy.gz') && object)
        object[object.length >> 1] = 255 - (object[object.length >> 1] ?? 0)
      return 'answer'
    }
    failed(await archive(place, store.place), 'ARCHIVE_CORRUPT')
    expect(await placeOf(place, month)).toBe('detached')
    store.behave = () => 'answer'
    archived(await archive(place, store.place))
    expect((await newest(month)).name).toBe('memory.events_p201806.2')
  })

  test('a corrupted or incomplete archive is not restored, and says what is wrong', async () => {
    const month = '2018-07'
    const to = await newFolder()
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    archived(await archive(place, to))
    const { name, id } = await newest(month)
    const content = join(to, `${name}-${id}.copy.gz`)
    const good = await readFile(content)
    const gone = async (code: 'ARCHIVE_CORRUPT' | 'ARCHIVE_UNKNOWN') => {
      const error = await failure(archives.verify(name), code)
      await failure(restore(name), code)
      expect(await placeOf(place, month)).toBe('gone')
      return error.message
    }
    const flipped = Buffer.from(good)
    flipped[good.length >> 1] = 255 - (good[good.length >> 1] ?? 0)
    for (const bad of [flipped, good.subarray(0, good.length - 9), Buffer.concat([good, good]), Buffer.alloc(0)]) {
      await writeFile(content, bad)
      expect(await gone('ARCHIVE_CORRUPT')).toContain(name)
    }
    await rm(content)
    expect(await gone('ARCHIVE_UNKNOWN')).toContain('.copy.gz')
    await writeFile(content, good)
    const manifest = join(to, `${name}-${id}.json`)
    const text = await readFile(manifest, 'utf8')
    await writeFile(manifest, text.replace('"rows": 60', '"rows": 59'))
    expect(await gone('ARCHIVE_CORRUPT')).toContain('manifest')
    await writeFile(manifest, '{')
    expect(await gone('ARCHIVE_CORRUPT')).toContain('manifest')
    await rm(manifest)
    expect(await gone('ARCHIVE_UNKNOWN')).toContain('the manifest of')
    await writeFile(manifest, text)
    // Moved elsewhere, and named there; stopped in the middle, nothing is there.
    const moved = await newFolder()
    for (const file of await readdir(to)) await rename(join(to, file), join(moved, file))
    await failure(restore(name), 'ARCHIVE_UNKNOWN')
    const stop = new AbortController()
    const options = { directUrl, from: moved, signal: stop.signal, onProgress: () => stop.abort() }
    await failure(archives.restore(name, options), 'ABORTED')
    expect(await placeOf(place, month)).toBe('gone')
    expect(await archives.restore(name, { directUrl, from: moved })).toMatchObject({ rows: 60 })
    expect(await rowsOf(place, month)).toBe(before)
  })

  test('a partition that is there and holds rows is not replaced; an empty one is', async () => {
    const month = '2018-08'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    archived(await archive(place, store.place))
    const { name } = await newest(month)
    await fill(fleet, month, 1)
    const error = await failure(restore(name), 'ARCHIVE_REFUSED')
    expect(error.message).toContain(partitionOf(month))
    await sql(fleet, `delete from memory.${partitionOf(month)}`)
    expect(await restore(name)).toMatchObject({ rows: 60 })
    expect(await rowsOf(place, month)).toBe(before)
  })

  test('a tenant that was erased since does not come back, nor under an id that was reused', async () => {
    const month = '2018-09'
    await fill(fleet, month)
    archived(await archive(place, store.place))
    await fleet.tenants.erase('b', { reason: 'gone', by: 'test' })
    await fleet.tenants.erase('c', { reason: 'gone', by: 'test' })
    await fleet.tenants.create({ id: 'c' }, { reuse: true })
    const restored = await restore((await newest(month)).name)
    expect(restored).toMatchObject({ rows: 20, removed: 40 })
    const left = await sql(fleet, `select distinct tenant_id from memory.${partitionOf(month)}`)
    expect(left).toEqual([{ tenant_id: 'a' }])
    await fleet.tenants.create({ id: 'b' }, { reuse: true })
  })

  test('a hold that comes between detaching and dropping keeps the partition', async () => {
    const month = '2018-10'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    store.behave = ({ kind }) => (kind === 'put' ? 507 : 'answer')
    failed(await archive(place, store.place), 'ARCHIVE_STORE_FAILED')
    store.behave = () => 'answer'
    expect(await placeOf(place, month)).toBe('detached')
    const { holdId } = await fleet.tenants.hold('a', { reason: 'case', by: 'counsel' })
    const run = await archive(place, store.place)
    expect(run, JSON.stringify(run)).toMatchObject({ outcome: 'ok', done: { counts: { kept: 1 } } })
    expect(await rowsOf(place, month)).toBe(before)
    expect(await placeOf(place, month)).toBe('attached')
    expect(await statesOf(place, month)).toEqual(['kept'])
    expect([...store.objects.keys()].filter((key) => key.includes(partitionOf(month)))).toEqual([])
    const [leaf] = await sql(
      fleet,
      `select relforcerowsecurity as forced, (select count(*)::integer from pg_constraint where conrelid = c.oid and contype = 'c') as checks from pg_class c where relname = $1`,
      [partitionOf(month)],
    )
    expect(leaf).toEqual({ forced: true, checks: 1 })
    expect((await archive(place, store.place)).done.counts).toEqual({ kept: 1 })
    await fleet.tenants.lift('a', holdId, { by: 'counsel' })
    archived(await archive(place, store.place))
  })

  test('a tenant that wants its rows longer keeps the whole month, and loses none of them', async () => {
    const month = '2018-11'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    await retention.set({ tenant: 'a', table: 'memory.events', keepMs: 20 * 365 * 86_400_000 })
    expect((await archive(place, store.place)).done.counts).toMatchObject({ kept: 1 })
    await fleet.maintenance.runOnce('retention')
    expect(await rowsOf(place, month)).toBe(before)
    await retention.set({ tenant: 'a', table: 'memory.events', keepMs: null })
    archived(await archive(place, store.place))
  })

  test('two do not work on one partition at once', async () => {
    const month = '2018-12'
    await fill(fleet, month)
    archived(await archive(place, store.place))
    const { name } = await newest(month)
    const other = new pg.Client({ connectionString: directUrl })
    await other.connect()
    try {
      await other.query(`select pg_advisory_lock(hashtextextended('pgfleet.archive memory.${partitionOf(month)}', 0))`)
      const busy = await failure(archives.restore(name, { directUrl, lockTimeoutMs: 100 }), 'ARCHIVE_BUSY')
      expect(busy.message).toContain(partitionOf(month))
    } finally {
      await other.end()
    }
    expect(await placeOf(place, month)).toBe('gone')
  })

  // The last: it changes the table.
  test('a column that was added gets its default; one that is gone, or has another type, is named', async () => {
    const month = '2018-12'
    await fill(fleet, month)
    archived(await archive(place, store.place))
    const { name } = await newest(month)
    await sql(fleet, `alter table memory.events add column colour text not null default 'blue'`)
    await sql(fleet, 'alter table memory.events rename column source to origin')
    expect((await failure(restore(name), 'ARCHIVE_REFUSED')).message).toContain('column source is gone')
    await sql(fleet, 'alter table memory.events rename column origin to source')
    await sql(fleet, 'alter table memory.events alter column source type varchar(500)')
    expect((await failure(restore(name), 'ARCHIVE_REFUSED')).message).toContain('column source was text')
    await sql(fleet, 'alter table memory.events alter column source type text')
    expect(await restore(name)).toMatchObject({ rows: 60 })
    expect(await sql(fleet, `select distinct colour from memory.${partitionOf('2018-12')}`)).toEqual([
      { colour: 'blue' },
    ])
  })
})
