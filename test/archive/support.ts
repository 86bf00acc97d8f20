// What the tests of archives share: a database with old months, and a run of the service.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Fleet, type MaintenanceRun, openFleet, type RunOnceOptions } from 'pgfleet'
import { v7 } from 'uuid'
import { afterFile, createTestDatabase, engine, sql, type TestDatabase } from '../setup/index.js'

export const TENANTS = ['a', 'b', 'c']

/** A database with its fleet, whose events are archived. */
export interface Archived {
  readonly database: TestDatabase
  readonly fleet: Fleet
  readonly directUrl: string
}

export async function openArchived(): Promise<Archived> {
  const database = await createTestDatabase()
  // Tests of a group that is skipped are declared all the same.
  if (engine === 'embedded') return { database, fleet: { maintenance: {} } as Fleet, directUrl: '' }
  const fleet = await openFleet(database.options)
  afterFile(() => fleet.close())
  for (const id of TENANTS) await fleet.tenants.create({ id })
  await fleet.maintenance.retention.setAtEnd({ table: 'memory.events', atEnd: 'archive' })
  return { database, fleet, directUrl: database.adminUrl() }
}

/** Another connection of the superuser, past the pooler; closed after the file. */
export async function connect(directUrl: string): Promise<pg.Client> {
  const client = new pg.Client(directUrl === '' ? {} : { connectionString: directUrl })
  if (directUrl !== '') {
    await client.connect()
    afterFile(() => client.end())
  }
  return client
}

/** A folder that is removed after the file. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pgfleet-archive-'))
  afterFile(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The name of the partition of a month. */
export const partitionOf = (month: string) => `events_p${month.replace('-', '')}`

/** Events of a month that is long gone, so many of each tenant, with what COPY has to escape. */
export async function fill(fleet: Fleet, month: string, count = 20): Promise<void> {
  const first = Date.parse(`${month}-02T00:00:00Z`)
  await sql(
    fleet,
    `select platform.create_partition('memory', 'events', $1::timestamptz)
    from (select set_config('role', 'pgfleet_owner', true)) one`,
    [`${month}-01T00:00:00Z`],
  )
  const ids = Array.from({ length: count }, (_, n) => v7({ msecs: first + n * 1000 }))
  await sql(
    fleet,
    `insert into memory.events (tenant_id, event_id, event_type, occurred_at, source, payload)
    select t.tenant, i.id, 'a.b', now(), E'tab\\t, line\\n, \\\\ and ä', jsonb_build_object('n', i.n, 'text', E'new\\nline')
    from unnest($1::text[]) t(tenant), unnest($2::uuid[]) with ordinality i(id, n)`,
    [TENANTS, ids],
  )
}

/** One run of the service. */
export async function archive(
  { fleet, directUrl }: Archived,
  to: string | undefined,
  options: RunOnceOptions = {},
): Promise<MaintenanceRun> {
  const [run] = await fleet.maintenance.runOnce('archive', {
    directUrl,
    options: { archive: { ...(to === undefined ? {} : { to }), lockTimeoutMs: 5000 } },
    ...options,
  })
  return run as MaintenanceRun
}

/** All rows of the events of a month, as one text. */
export async function rowsOf({ fleet }: Pick<Archived, 'fleet'>, month: string): Promise<string> {
  const [row] = await sql<{ rows: string | null }>(
    fleet,
    `select string_agg(e::text, ';' order by e.tenant_id, e.event_id) as rows from memory.events e
    where to_char(platform.uuid_time(e.event_id) at time zone 'UTC', 'YYYY-MM') = $1`,
    [month],
  )
  return row?.rows ?? ''
}

/** What is there of a month: attached, detached, or nothing. */
export async function placeOf({ fleet }: Pick<Archived, 'fleet'>, month: string): Promise<string> {
  const [row] = await sql<{ place: string }>(
    fleet,
    `select case when c.oid is null then 'gone' when i.inhrelid is null then 'detached' when i.inhdetachpending then 'pending' else 'attached' end as place
    from (values (1)) one(one)
    left join pg_class c on c.oid = to_regclass('memory.' || $1)
    left join pg_inherits i on i.inhrelid = c.oid`,
    [partitionOf(month)],
  )
  return row?.place ?? ''
}

/** The state of each archive of a month. */
export async function statesOf({ fleet }: Pick<Archived, 'fleet'>, month: string): Promise<string[]> {
  return (await fleet.maintenance.archives.list()).filter((one) => one.month === month).map(({ state }) => state)
}
