// Every SQL text that the view sends is prepared, and read, on every major; and by a login that may see little.
import { expect, test } from 'vitest'
import { connect } from '../../dist/doctor/connection.js'
import { LOCKS, SESSION } from '../../dist/top/details/session.js'
import { INDEXES, TABLE } from '../../dist/top/details/table.js'
import { ENDINGS } from '../../dist/top/end-session.js'
import { statementFor } from '../../dist/top/panel.js'
import { PANELS } from '../../dist/top/panels/index.js'
import { lookStatement, Reader } from '../../dist/top/reader.js'
import { availableMajors, onScratchServers, startServer } from '../doctor/scratch-server.js'
import { afterFile, engine, onEngines } from '../setup/index.js'

const { majors, missing } = await availableMajors()
const DIRECT = await onScratchServers()

for (const reason of missing) if (engine === 'direct') onEngines([], reason)('statements', () => {})

/** Tables of pgfleet as far as they are read. */
const PRODUCT = `
  create schema delivery; create schema platform; create schema metadata;
  create table delivery.jobs (tenant_id text, channel text, available_at timestamptz, ready_at timestamptz, held bool, lease uuid, leased_at timestamptz);
  create table platform.maintenance_runs (run_id uuid, service text, started_at timestamptz, ended_at timestamptz, outcome text, error_code text, error_message text);
  create table metadata.ticks (tenant_id text, sync_group text, started_at timestamptz, headroom_ms float8, is_delayed bool);
  insert into delivery.jobs values ('a', 'default', now(), now(), false, null, null), ('b', 'default', now() + interval '1 minute', now(), false, gen_random_uuid(), now());
  insert into platform.maintenance_runs values (gen_random_uuid(), 'expiry', now(), null, null, null, null);
  insert into metadata.ticks values ('a', 'world', now(), 3, false)`

const readerOf = (url: string) => {
  const reader = new Reader(() => connect(url, 30_000))
  afterFile(() => reader.close())
  return reader
}

DIRECT.describe('statements', () => {
  for (const major of majors) {
    test(`are understood by PostgreSQL ${major}`, async () => {
      const server = await startServer(major, {
        settings: { shared_preload_libraries: 'pg_stat_statements', fsync: 'off' },
      })
      const client = await server.client()
      await client.query(`create schema "An extension's"; create extension pg_stat_statements schema "An extension's"`)
      await client.query(PRODUCT)
      await client.query(`create table "Mixed é" (id int primary key) partition by range (id);
        create table days (at date not null) partition by range (at);
        create table days_1 partition of days for values from ('2020-01-01') to ('2020-02-01');
        create table days_rest partition of days default;
        create table ids (id uuid primary key) partition by range (id);
        create table ids_1 partition of ids for values from ('01900000-0000-7000-8000-000000000000') to ('01a00000-0000-7000-8000-000000000000');
        create table two (at timestamptz not null, tenant int) partition by range (at, tenant);
        create table two_1 partition of two for values from (minvalue, minvalue) to ('infinity', 1);
        select pg_create_physical_replication_slot('kept', true)`)
      const texts = [
        ...PANELS.flatMap(({ sources }) =>
          sources.map((source) => lookStatement(statementFor(source, major, '"An extension\'s"'))),
        ),
        ...PANELS.flatMap(({ texts }) =>
          texts === undefined ? [] : [statementFor(texts.source, major, '"An extension\'s"')],
        ),
        ...[SESSION, LOCKS, TABLE, INDEXES, ENDINGS.cancel, ENDINGS.terminate],
      ]
      for (const text of texts) {
        await client.query(`prepare one as ${text}`).catch((error: Error) => {
          throw new Error(`${error.message}: ${text}`)
        })
        await client.query('deallocate one')
      }
      const reader = readerOf(server.url)
      for (const panel of PANELS) {
        const [before, now] = [await reader.look(panel), await reader.look(panel)]
        expect({ panel: panel.id, refused: now.refused }).toEqual({ panel: panel.id, refused: [] })
        expect(now.at).toBeGreaterThan(before.at)
        const looks = { now, before, minute: [before, now], texts: new Map() }
        expect(panel.view(looks).rows.every(({ key }) => typeof key === 'string')).toBe(true)
      }
      const partitions = PANELS.find(({ id }) => id === 'partitions') as (typeof PANELS)[number]
      const look = await reader.look(partitions)
      const { rows } = partitions.view({ now: look, before: undefined, minute: [look], texts: new Map() })
      const notes = new Map(rows.map((row) => [(row as { parent?: string }).parent, (row as { note?: string }).note]))
      // Ended years ago, and the bound of a UUIDv7 is a time in 2026.
      expect(notes.get('public.days')).toBe('ended long ago')
      expect([...notes.keys()].sort()).toEqual(['public.days', 'public.ids', 'public.two'])
      const ids = rows.find((row) => (row as { parent?: string }).parent === 'public.ids') as { lead?: number }
      expect(new Date((look.at + (ids.lead ?? 0)) * 1000).getUTCFullYear()).toBe(2026)
      const jobs = await reader.look(PANELS.find(({ id }) => id === 'jobs') as (typeof PANELS)[number])
      expect(jobs.rows.map((row) => [(row as { kind: string }).kind, (row as { state: string }).state]).sort()).toEqual(
        [
          ['jobs', 'ready'],
          ['jobs', 'running'],
          ['maintenance', 'running'],
          ['ticks', 'on time'],
        ],
      )
      // A login without any rights is told what it does not see, and every panel comes all the same.
      await client.query(`create role nobody_much login password 'x'`)
      const poor = readerOf(server.urlOf({ user: 'nobody_much', password: 'x' }))
      for (const panel of PANELS) {
        const { refused } = await poor.look(panel)
        if (panel.blind !== undefined) expect(refused).toContain(panel.blind)
        if (panel.id === 'jobs') expect(refused.join()).toMatch(/permission denied/)
      }
    })
  }
})
