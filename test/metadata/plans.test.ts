import { openFleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { expect } from 'vitest'
import { afterFile, createTestDatabase, onEngines, sql } from '../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'

const ROWS = 20_000
const LARGE = /^(entities|entries|volatile_entries|roles|changes_s\d)$/

const FILL = [
  `insert into metadata.entities (tenant_id, entity_id, name, sync_group, channel, created_at, updated_at)
  select 'planned', md5(n::text)::uuid, 'e' || n, case when n % 4 = 0 then 'VOLATILE' else 'NORMAL' end, 'c' || n % 50, now(), now() from generate_series(1, ${ROWS}) n`,
  `insert into metadata.entries (tenant_id, entity_id, key, version, created_at, updated_at, integer_value)
  select 'planned', md5(n::text)::uuid, 'k', 1, now(), now(), n from generate_series(1, ${ROWS}) n`,
  `insert into metadata.volatile_entries (tenant_id, entity_id, key, version, updated_at, integer_value)
  select 'planned', md5(n::text)::uuid, 'k', 2, now(), n from generate_series(4, ${ROWS}, 8) n`,
  `insert into metadata.roles (tenant_id, agent_id, sync_group, can_insert, can_update, can_delete, updated_at)
  select 'planned', 'agent-' || n, g, true, true, true, now() from generate_series(1, ${ROWS / 2}) n, unnest(array['NORMAL', 'VOLATILE']) g`,
]
/** The same for a tenant of which nothing is pending. */
const FILL_STORED = FILL.filter((text) => !text.includes('volatile_entries')).map((text) =>
  text.replaceAll("'planned'", "'stored'"),
)

onEngines(['direct'], 'needs auto_explain in a session of its own')(
  'hot statements read what they are asked for, not the tenant, and spill nothing',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    for (const id of ['planned', 'stored']) {
      await fleet.tenants.create({ id })
      await fleet.tenant(id).metadata.groups.set({ name: 'VOLATILE', durability: 'volatile' })
    }
    const { client, plans } = await openExplained(database.adminUrl())
    const numbers = (of: 'durable' | 'volatile' | 'mixed') =>
      Array.from({ length: 40 }, (_, i) => {
        const n = i * 97 + 1
        return of === 'mixed' ? n : of === 'durable' ? n - (n % 4) + 1 : n - (n % 4) + 4
      })
    const items = (of: 'durable' | 'volatile' | 'mixed', more: (n: number) => object) =>
      JSON.stringify(
        numbers(of).map((n) => ({ entity: `e${n}`, name: `e${n}`, agent: `agent-${n}`, key: 'k', ...more(n) })),
      )
    const integer = (n: number) => ({ type: 'integer', value: String(n + 1) })
    const calls: [string, string, string?][] = [
      ['metadata.set_entries', items('durable', integer)],
      ['metadata.set_entries', items('volatile', integer)],
      ['metadata.set_entries', items('mixed', integer)],
      ['metadata.set_entries', items('mixed', () => ({}))],
      ['metadata.set_entries', items('mixed', (n) => ({ ...integer(n), key: 'new' }))],
      ['metadata.set_entries', items('volatile', (n) => ({ ...integer(n), durability: 'durable' }))],
      ['metadata.compare_and_set', items('mixed', (n) => ({ ...integer(n), expected: 1 }))],
      ['metadata.get_entries', items('mixed', () => ({}))],
      ['metadata.get_entries', items('mixed', () => ({})), `select * from metadata.get_entries('stored', $1)`],
      ['metadata.get_entities', items('mixed', () => ({ entries: true }))],
      [
        'metadata.create_entities',
        JSON.stringify(numbers('mixed').map((n) => ({ id: uuidv7(), name: `new ${n}`, sync_group: 'NORMAL' }))),
      ],
      [
        'metadata.update_entities',
        items('mixed', () => ({ changes: { channel: 'other', sync_group: 'STATIC' }, agent: undefined })),
      ],
      ['metadata.delete_entities', items('mixed', () => ({}))],
      ['metadata.merge_volatile', '20'],
      ['metadata.delete_expired', '20'],
      ['metadata.forget_tombstones', '20'],
      [
        'metadata.list_entities',
        'NORMAL',
        `select * from metadata.list_entities('planned', 'agent-1', $1, 'c1', 'e5', 20, true)`,
      ],
      [
        'metadata.list_entities',
        'NORMAL',
        `select * from metadata.list_entities('planned', 'agent-1', $1, null, 'e5', 20, true)`,
      ],
    ]
    const run = async (name: string, given: string, text = `select * from ${name}('planned', $1)`) => {
      await client.query('begin')
      await client.query(text, [given])
    }
    for (const call of calls) {
      await run(...call).catch(() => {})
      await client.query('rollback')
    }
    for (const text of [...FILL, ...FILL_STORED]) await sql(fleet, text)
    // What autovacuum does within a minute; until then plans made for empty tables may read more.
    await sql(fleet, 'vacuum (analyze) metadata.entities, metadata.entries, metadata.volatile_entries, metadata.roles')
    for (const [n, call] of calls.entries()) {
      plans.length = 0
      await run(...call)
      const seen = plans.flatMap(nodesOf)
      await client.query('rollback')
      const label = `${n} ${call[0]}`
      expect(seen.length, label).toBeGreaterThan(0)
      for (const node of seen) {
        const read = rowsLookedAt(node)
        if (LARGE.test(node['Relation Name'] ?? ''))
          expect(read, `${label}: ${JSON.stringify(node)}`).toBeLessThan(1000)
        // Two lists of forty items, compared each with each.
        expect(node['Rows Removed by Join Filter'] ?? 0, `${label}: ${JSON.stringify(node)}`).toBeLessThan(2000)
        expect(node['Sort Space Type'] ?? 'Memory', label).toBe('Memory')
      }
    }
  },
)
