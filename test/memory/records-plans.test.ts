import { openFleet } from 'pgfleet'
import { MEMORY_STATEMENTS } from 'pgfleet/memory'
import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { contentHash } from '../learning/reference.js'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { comparesEachTime, nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'

const TENANT = 'planned'
/** What grows with use: reading one of these from end to end is what must never happen. */
const LARGE = /^(key_values|agent_states|workflow_states|transitions|hook_executions)(_p\d{6})?$/

/** 20,000 rows of each kind for the tenant, and as many for another. */
const FILL = ['planned', 'other'].flatMap((tenant) => [
  `insert into memory.key_values (tenant_id, key, version, created_at, updated_at, expires_at, value)
  select '${tenant}', 'key/' || n, 1, now(), now(), 'infinity', to_jsonb(n) from generate_series(1, 20000) n`,
  `insert into memory.agent_states (tenant_id, agent_id, agent_type, version, created_at, updated_at, checksum, state)
  select '${tenant}', 'agent ' || n, 'type ' || n % 50, 1, now(), now(), sha256('1'), '1' from generate_series(1, 20000) n`,
  `insert into memory.workflow_states (tenant_id, workflow_id, version, created_at, updated_at, status, started_at, state)
  select '${tenant}', 'flow ' || n, 1, now(), now(), case when n % 100 = 0 then 'running' else 'pending' end, case when n % 100 = 0 then now() end, '1'
  from generate_series(1, 20000) n`,
  `insert into memory.transitions (tenant_id, source_hash, target_hash, frequency, first_seen_at, last_seen_at, scope, key, from_value, to_value)
  select '${tenant}', learning.content_hash(jsonb_build_array('scope ' || n % 20, 'k', (n / 20)::text)), learning.content_hash(to_jsonb('to ' || m)),
    1 + (20000 / n), now(), now(), 'scope ' || n % 20, 'k', (n / 20)::text, 'to ' || m
  from generate_series(1, 4000) n cross join generate_series(1, 5) m`,
  `insert into memory.hook_executions (tenant_id, execution_id, hook_id, hook_type, correlation_id, occurred_at, priority)
  select '${tenant}', overlay(platform.uuid_floor(now() - n * interval '2 minutes')::text placing lpad(to_hex(n), 12, '0') from 25)::uuid,
    'hook ' || n % 40, 'type ' || n % 10, 'run ' || n % 500, now(), n % 11
  from generate_series(1, 20000) n`,
])

const keys = Array.from({ length: 100 }, (_, i) => `key/${i * 17 + 1}`)
const agents = Array.from({ length: 100 }, (_, i) => `agent ${i * 17 + 1}`)
const json = JSON.stringify
const transitions = Array.from({ length: 100 }, (_, i) => ({
  scope: `scope ${i % 20}`,
  key: 'k',
  from_value: '7',
  to_value: `to ${1 + (i % 5)}`,
  source_hash: contentHash([`scope ${i % 20}`, 'k', '7']),
  target_hash: contentHash(`to ${1 + (i % 5)}`),
  most: 10,
}))
const items = keys.map((key) => ({ key, value: 1, by: 1 }))
const states = agents.map((agent_id) => ({ agent_id, state: 1, checksum: '00'.repeat(32) }))
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
const OLDEST = '00000000-0000-0000-0000-000000000000'
/** Look-ups of many keys, in which nothing but the row itself is compared with the setting. */
const LOOK_UPS = ['memory.get_values', 'memory.get_agent_states']
const textOf = (name: string) => MEMORY_STATEMENTS.find((one) => one.name === name)?.text ?? `no ${name}`

/** Calls by statement, and the most rows of large tables that they may read. */
const CALLS: readonly [string, readonly unknown[], number][] = [
  ['memory.get_values', [TENANT, json(keys)], 100],
  ['memory.set_values', [TENANT, json(items)], 200],
  ['memory.set_values', [TENANT, json(items.map((item) => ({ ...item, expected: 1 })))], 500],
  ['memory.increment_values', [TENANT, json(items)], 200],
  ['memory.delete_values', [TENANT, json(items.map((item) => ({ ...item, expected: 99 })))], 500],
  ['memory.existing_keys', [keys], 100],
  ['memory.list_keys', ['key/1', 'key/2', '', 50], 50],
  ['memory.get_agent_states', [TENANT, json(agents)], 100],
  ['memory.save_agent_states', [TENANT, json(states)], 200],
  ['memory.save_agent_states', [TENANT, json(states.map((item) => ({ ...item, expected: 1 })))], 500],
  ['memory.list_agent_states', ['agent 5', 50], 50],
  ['memory.list_agent_states_of_type', ['agent 5', 50, 'type 7'], 50],
  ['memory.load_workflow_state', ['flow 7'], 1],
  ['memory.save_workflow_states', [TENANT, json([{ workflow_id: 'flow 7', state: 1 }])], 6],
  ['memory.transition_workflows', [TENANT, json([{ workflow_id: 'flow 7', status: 'running' }])], 6],
  ['memory.list_workflow_states_of_status', ['', 50, 'running'], 50],
  ['memory.record_transitions', [TENANT, json(transitions)], 200],
  ['memory.transition_frequencies', [TENANT, json(transitions)], 100],
  ['memory.next_steps', [TENANT, json(transitions)], 500],
  // The classes above the page's last, and the one that it is in.
  ['memory.learned_transitions', [3, '9007199254740991', OLDEST, OLDEST, 20], 200],
  ['memory.learned_transitions_in_scope', [3, '9007199254740991', OLDEST, OLDEST, 20, 'scope 3'], 200],
  ['memory.get_hook_executions', [TENANT, json(Array.from({ length: 50 }, () => uuidv7()))], 50],
  ['memory.list_hook_executions', [NEWEST, 50], 60],
  ['memory.list_hook_executions_of_hook', [NEWEST, 50, 'hook 3'], 60],
  ['memory.list_hook_executions_of_type', [NEWEST, 50, 'type 3'], 60],
  ['memory.list_hook_executions_of_correlation', [OLDEST, 50, 'run 3'], 60],
  ['memory.archive_hook_executions', [uuidv7(), OLDEST, new Date(), 10, 50], 250],
]

onEngines(['direct'], 'plans are the server’s, and auto_explain belongs to a session')(
  'hot statements read what they are about, by key',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    for (const id of [TENANT, 'other']) await fleet.tenants.create({ id })
    // Makes the partitions of the months that are filled.
    for (const days of [0, 10, 20, 28]) {
      const id = uuidv7({ msecs: Date.now() - days * 86_400_000 })
      await fleet.tenant('other').memory.hooks.record({ id, hookId: 'h', hookType: 't' })
    }
    const { client, plans } = await openExplained(database.adminUrl())
    for (const fill of FILL) await client.query(fill)
    await client.query('vacuum (analyze)')
    for (const mode of ['auto', 'force_generic_plan']) {
      await client.query(`set plan_cache_mode = ${mode}`)
      for (const [name, values, most] of CALLS) {
        await client.query('begin')
        await client.query('select platform.enter($1)', [TENANT])
        plans.length = 0
        await client.query(textOf(name), [...values])
        const found = plans.flatMap(nodesOf)
        await client.query('rollback')
        let rows = 0
        for (const node of found) {
          if (!LARGE.test(node['Relation Name'] ?? '') || node['Node Type'] === 'ModifyTable') continue
          expect(node['Node Type'], `${name} on ${node['Relation Name']}`).not.toBe('Seq Scan')
          rows += rowsLookedAt(node)
        }
        expect(plans.length, `${name} was seen`).toBeGreaterThan(0)
        if (LOOK_UPS.includes(name)) {
          const comparing = found.filter((node) => comparesEachTime(node, LARGE))
          expect(comparing, `${name} compares the tenant's name in each`).toEqual([])
        }
        expect(rows, `${name} reads`).toBeLessThanOrEqual(most)
      }
    }
  },
)

test('the statements that are looked at are there', () => {
  expect(CALLS.filter(([name]) => textOf(name).startsWith('no '))).toEqual([])
})
