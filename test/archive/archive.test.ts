// Partitions that nobody wants kept leave the database for a folder, and come back as they were.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { failure, onEngines, openTestFleet, sql } from '../setup/index.js'
import { archive, fill, newFolder, openArchived, partitionOf, placeOf, rowsOf, statesOf } from './support.js'

onEngines(['embedded'], 'a server can')('the embedded database archives nothing, and says so', async () => {
  const fleet = await openTestFleet()
  await fleet.maintenance.retention.setAtEnd({ table: 'memory.events', atEnd: 'archive' })
  expect(await fleet.maintenance.retention.tables()).toContainEqual(
    expect.objectContaining({ table: 'memory.events', atEnd: 'archive' }),
  )
  await sql(fleet, `select platform.create_partition('memory', 'events', '2020-01-01Z')`)
  const [run] = await fleet.maintenance.runOnce('archive', { options: { archive: { to: await newFolder() } } })
  expect(run).toMatchObject({ outcome: 'skipped', done: { skipped: expect.stringContaining('embedded') } })
  // Nor are they dropped.
  expect((await fleet.maintenance.runOnce('retention'))[0]?.done.counts).toEqual({})
  expect(await placeOf({ fleet }, '2020-01')).toBe('attached')
  expect(await fleet.maintenance.archives.list()).toEqual([])
  await failure(fleet.maintenance.archives.get('memory.events_p202001.1'), 'ARCHIVE_UNKNOWN')
})

onEngines(['direct', 'pooled'], 'archives need a server').describe('on a server', async () => {
  const place = await openArchived()
  const { fleet, directUrl } = place
  const { archives, retention } = fleet.maintenance

  test('a month leaves for a folder, and comes back row by row', async () => {
    const to = await newFolder()
    const month = '2020-01'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    const dry = await archive(place, to, { dryRun: true })
    expect(dry.done.items).toContainEqual(
      expect.objectContaining({ action: 'archived', object: `memory.${partitionOf(month)}` }),
    )
    expect(await placeOf(place, month)).toBe('attached')
    const run = await archive(place, to)
    expect(run, JSON.stringify(run)).toMatchObject({ outcome: 'ok', done: { counts: { archived: 1, rows: 60 } } })
    expect(await placeOf(place, month)).toBe('gone')
    const [one] = await archives.list({ table: 'memory.events' })
    expect(one).toMatchObject({ month, state: 'archived', rows: 60, codec: 'gzip', place: `file://${to}` })
    const { name, id } = one as NonNullable<typeof one>
    expect(name).toBe('memory.events_p202001.1')
    expect((await readdir(to)).sort()).toEqual([`${name}-${id}.copy.gz`, `${name}-${id}.json`])
    // Anybody can read it: gunzip, and one line a row in the order of the key.
    const text = gunzipSync(await readFile(join(to, `${name}-${id}.copy.gz`))).toString()
    expect(
      text
        .split('\n')
        .map((line) => line.slice(0, 1))
        .join(''),
    ).toBe('a'.repeat(20) + 'b'.repeat(20) + 'c'.repeat(20))
    expect((await stat(join(to, `${name}-${id}.copy.gz`))).mode & 0o777).toBe(0o600)
    expect(await archives.verify(name)).toMatchObject({ name, rows: 60 })
    const restored = await archives.restore((await archives.find('memory.events', month)).name, { directUrl })
    expect(restored).toMatchObject({ rows: 60, removed: 0, archive: { state: 'restored' } })
    expect(await rowsOf(place, month)).toBe(before)
    expect(await placeOf(place, month)).toBe('attached')
  })

  test('what was restored is like any other partition, and stays for its time', async () => {
    const [leaf] = await sql<Record<string, unknown>>(
      fleet,
      `select c.relrowsecurity and c.relforcerowsecurity as forced, c.relacl::text as grants,
        (select count(*)::integer from pg_index i where i.indrelid = c.oid) as indexes, (select count(*)::integer from pg_index i where i.indrelid = p.oid) as expected,
        (select string_agg(k.conname, ',') from pg_constraint k where k.conrelid = c.oid and k.contype = 'c') as checks,
        (select string_agg(k.conname, ',') from pg_constraint k where k.conrelid = p.oid and k.contype = 'c') as of_table, c.relowner::regrole::text as owner
      from pg_class c, pg_class p where c.oid = 'memory.events_p202001'::regclass and p.oid = 'memory.events'::regclass`,
    )
    expect(leaf).toMatchObject({
      forced: true,
      owner: 'pgfleet_owner',
      indexes: leaf?.expected,
      checks: leaf?.of_table,
    })
    expect(leaf?.grants).not.toMatch(/pgfleet_app|^=|,=/)
    const to = await newFolder()
    await retention.set({ tenant: 'a', table: 'memory.events', keepMs: 86_400_000 })
    await fleet.maintenance.runOnce('retention')
    expect((await archive(place, to)).done.counts).toEqual({})
    expect(await placeOf(place, '2020-01')).toBe('attached')
    expect(await rowsOf(place, '2020-01')).toContain('(a,')
    // Once its time is over it is archived anew, and takes the place of the first.
    await sql(fleet, `update platform.archives set kept_until = now()`)
    expect((await archive(place, to)).done.counts).toMatchObject({ archived: 1 })
    expect(await statesOf(place, '2020-01')).toEqual(['replaced', 'archived'])
    await retention.set({ tenant: 'a', table: 'memory.events', keepMs: null })
  })
})
