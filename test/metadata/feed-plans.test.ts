import { openFleet } from 'pgfleet'
import { expect } from 'vitest'
import { afterFile, createTestDatabase, onEngines, sql } from '../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'

const ROWS = 20_000
const LARGE = /^(entities|entries|volatile_entries|changes_s\d|agents|ticks)$/

const FILL = [
  `insert into metadata.entities (tenant_id, entity_id, name, sync_group, created_at, updated_at)
  select 'planned', md5(n::text)::uuid, 'e' || n, 'NORMAL', now(), now() from generate_series(1, ${ROWS}) n`,
  `insert into metadata.entries (tenant_id, entity_id, key, version, created_at, updated_at, text_value, updated_by)
  select 'planned', md5(n::text)::uuid, 'k', 1, now(), now(), 'v', 'agent-' || n from generate_series(1, ${ROWS}) n`,
  `insert into metadata.volatile_entries (tenant_id, entity_id, key, version, updated_at, text_value)
  select 'planned', md5(n::text)::uuid, 'k', 2, now(), 'v' from generate_series(1, ${ROWS}) n`,
  `insert into metadata.agents (tenant_id, agent_id, last_seen_at)
  select 'planned', 'agent-' || n, now() - interval '1 hour' from generate_series(1, ${ROWS}) n`,
]
/** What was logged: long ago much, then a little of each kind. */
const LOG = `insert into metadata.changes (tenant_id, sync_group, kind, entity_ids, names, channels, keys, agent_ids, slot)
  select 'planned', 'NORMAL', 'entries', array[md5(n::text)::uuid], array['e' || n], array[null::text], array['k'], array['agent-' || n], n % 4
  from generate_series(1, $1::integer) n`
const MOVED = `insert into metadata.changes (tenant_id, sync_group, kind, entity_ids, names, channels, keys)
  select 'planned', 'NORMAL', 'entities', array[md5(n::text)::uuid], array['old' || n], array['c'], '{}' from generate_series(1, 20) n`

onEngines(['direct'], 'needs auto_explain in a session of its own')(
  'following, ticking and touching read what has changed, not the log or the tenant, and spill nothing',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    await fleet.tenants.create({ id: 'planned' })
    for (const text of FILL) await sql(fleet, text)
    await sql(fleet, LOG, [ROWS])
    const holder = '01940000-0000-7000-8000-000000000001'
    const [end] = await sql<{ log: string; transaction: string; snapshot: string }>(
      fleet,
      `select platform.log_name() as log, pg_snapshot_xmax(pg_current_snapshot())::text as transaction, pg_current_snapshot()::text as snapshot`,
    )
    await sql(
      fleet,
      `insert into metadata.tick_leases (tenant_id, sync_group, holder_id, expires_at, transaction_id, touched)
      values ('planned', 'NORMAL', $1, now() + interval '1 hour', $2, $3)`,
      [holder, end?.transaction, end?.snapshot],
    )
    await sql(fleet, LOG, [20])
    await sql(fleet, MOVED)
    await sql(
      fleet,
      'analyze metadata.entities, metadata.entries, metadata.volatile_entries, metadata.changes, metadata.agents',
    )
    const { client, plans } = await openExplained(database.adminUrl())
    const read = (entities: string[] | null) =>
      [
        `select kind from metadata.read_changes('planned', 'NORMAL', null, $1, $2, 0, null, $3, null, 5000)`,
        [end?.log, end?.transaction, entities],
      ] as const
    const calls: [text: string, values: readonly unknown[], rows: number][] = [
      [...read(null), 41],
      [...read(['e3']), 2],
      [`select * from metadata.hold_tick_leases('planned', $1, null, 3000)`, [holder], 4],
      [`select tick_number from metadata.capture_tick('planned', 'NORMAL', $1, 0)`, [holder], 1],
      [`select entities from metadata.touch('planned')`, [], 1],
    ]
    // What is still open elsewhere on the server holds the log back.
    for (let i = 0; i < 600; i++) {
      await client.query('begin')
      const { rowCount } = await client.query(read(null)[0], [...read(null)[1]])
      await client.query('rollback')
      if (rowCount === 41) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    for (const [text, values, rows] of calls) {
      plans.length = 0
      await client.query('begin')
      const { rowCount } = await client.query(text, [...values])
      await client.query('rollback')
      expect(rowCount, text).toBe(rows)
      const seen = plans.flatMap(nodesOf)
      expect(seen.length, text).toBeGreaterThan(0)
      for (const node of seen) {
        const what = `${text}: ${JSON.stringify({ ...node, Plans: undefined })}`
        const looked = rowsLookedAt(node)
        if (LARGE.test(node['Relation Name'] ?? '')) expect(looked, what).toBeLessThan(500)
        expect(node['Rows Removed by Join Filter'] ?? 0, what).toBeLessThan(1000)
        expect(node['Temp Written Blocks'] ?? 0, what).toBe(0)
      }
    }
  },
)
