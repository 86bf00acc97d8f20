import { openFleet } from 'pgfleet'
import { v7 } from 'uuid'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'
import { DAY } from '../setup/tenant.js'

const TENANT = 'planned'
const OTHER = 'neighbour'
const EVENTS = 40_000

/** Events of eight months, an event type in a thousand rare, for two tenants. */
const FILL = `
  insert into memory.events (tenant_id, event_id, event_type, occurred_at, correlation_id, session_id, payload)
  select t.tenant, (lpad(to_hex(x.ms), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
    case when n % 1000 = 0 then 'rare.' || n % 3 else 'often.' || n % 5 end, to_timestamp(x.ms / 1000.0), 'c' || n / 20,
    case when n % 2 = 0 then ('00000000-0000-4000-8000-' || lpad(to_hex(n / 100), 12, '0'))::uuid end, jsonb_build_object('n', n)
  from generate_series(1, ${EVENTS}) n
  cross join lateral (select (extract(epoch from now()) * 1000)::bigint - (${EVENTS} - n)::bigint * 518400 as ms) x
  cross join unnest(array['${TENANT}', '${OTHER}']) t(tenant)`

async function openPlanned() {
  const database = await createTestDatabase()
  const fleet = await openFleet(database.options)
  afterFile(() => fleet.close())
  for (const id of [TENANT, OTHER]) {
    await fleet.tenants.create({ id })
    const { events } = fleet.tenant(id).memory
    await events.append(
      Array.from({ length: 9 }, (_, i) => ({ type: 'x', occurredAt: new Date(Date.now() - i * 30 * DAY) })),
    )
  }
  const { client, plans } = await openExplained(database.adminUrl())
  await client.query(FILL)
  /** Runs a statement as the tenant; the rows that its plans read of the log, and the partitions they opened. */
  const explain = async (text: string, values: readonly unknown[]) => {
    await client.query('begin')
    await client.query('select platform.enter($1)', [TENANT])
    plans.length = 0
    const { rows } = await client.query(text, [...values])
    const nodes = plans.flatMap(nodesOf).filter((node) => /^events_p\d{6}$/.test(node['Relation Name'] ?? ''))
    await client.query('rollback')
    expect(nodes.length, 'auto_explain reported the nested plans').toBeGreaterThan(0)
    for (const node of nodes) expect(node['Node Type']).not.toMatch(/Seq Scan|Bitmap/)
    const read = nodes.reduce((sum, node) => sum + rowsLookedAt(node), 0)
    return { rows: rows.length, read, partitions: new Set(nodes.map((node) => node['Relation Name'])).size }
  }
  return { client, explain }
}

const query = (given: object) => [TENANT, JSON.stringify({ limit: 100, scan: 100_000, ...given })]
const ago = (days: number) => new Date(Date.now() - days * DAY)

/** Name, query, most rows read, most partitions. */
const QUERIES: [string, object, number, number][] = [
  ['a day', { from: ago(61), to: ago(60) }, 110, 2],
  ['a day, newest first', { from: ago(61), to: ago(60), descending: true }, 110, 2],
  ['all, newest first', { descending: true }, 120, 10],
  ['a rare type', { types: ['rare.%'] }, 200, 10],
  ['a rare type, newest first', { types: ['rare.\\_%', 'rare.1'], descending: true }, 200, 10],
  ['an exact type in a month', { types: ['often.1'], from: ago(60), to: ago(50) }, 120, 2],
  ['a correlation id', { correlation_id: 'c700' }, 20, 10],
  ['a session', { session_id: '00000000-0000-4000-8000-000000000021' }, 50, 10],
]

onEngines(['direct'], 'auto_explain needs a session of its own').describe('plans of the event log', () => {
  test.each(['never analyzed', 'analyzed'])(
    'read what is wanted along an index: %s',
    { timeout: 60_000 },
    async (when) => {
      const { client, explain } = await openPlanned()
      if (when === 'analyzed') await client.query('vacuum analyze memory.events')
      for (const [name, given, most, partitions] of QUERIES) {
        const found = await explain('select * from memory.find_events($1, $2)', query(given))
        expect(found.rows, name).toBeGreaterThan(1)
        expect(found.read, `${name} reads`).toBeLessThanOrEqual(most)
        expect(found.partitions, `months of ${name}`).toBeLessThanOrEqual(partitions)
      }
      // Long enough to be looked up as a whole before it is appended.
      const batch = Array.from({ length: 100 }, (_, n) => ({ id: v7(), type: 'x', payload: n }))
      const appended = await explain('select * from memory.append_events($1, $2)', [TENANT, JSON.stringify(batch)])
      expect(appended).toEqual({ rows: 0, read: 0, partitions: 1 })
      const follow = () => explain('select * from memory.follow_events($1, null, null, 0, null, 500)', [TENANT])
      let page = await follow()
      // Another transaction of the server may hold the log back for a while.
      for (let i = 0; i < 100 && page.rows === 1; i++) {
        await new Promise((resolve) => setTimeout(resolve, 200))
        page = await follow()
      }
      expect(page.rows).toBe(501)
      // A row of each month more: their first ones are compared.
      expect(page.read).toBeLessThanOrEqual(520)
    },
  )
})
