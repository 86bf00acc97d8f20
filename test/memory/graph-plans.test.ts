import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { nodesOf, openExplained, type PlanNode, rowsLookedAt } from '../setup/plans.js'

const TENANT = 'planned'
const ENTITIES = 10_000
/** Most pages that a call of a hundred items may touch. */
const PAGES = 40_000
const LARGE = /^(entities|entity_versions|relationships|relationship_versions)$/

/** Entities with five versions each, one believed no more, and ten relationships each, recorded past the library. */
const FILL = [
  `insert into memory.entities select '${TENANT}', md5(n::text)::uuid, '2024-01-01' from generate_series(1, ${ENTITIES}) n`,
  `insert into memory.entity_versions (tenant_id, entity_id, valid_from, valid_to, recorded_at, entity_type, entity_name)
  select '${TENANT}', md5(n::text)::uuid, make_timestamptz(2015 + y, 1, 1, 0, 0, 0), case y when 4 then 'infinity' else make_timestamptz(2016 + y, 1, 1, 0, 0, 0) end,
    '2024-01-01', 'type ' || n % 10, 'entity ' || md5(n::text) from generate_series(1, ${ENTITIES}) n, generate_series(0, 4) y`,
  `insert into memory.entity_versions (tenant_id, entity_id, superseded_at, recorded_at, entity_type, entity_name)
  select '${TENANT}', md5(n::text)::uuid, '2024-01-01', '2023-01-01', 'type', 'was' from generate_series(1, ${ENTITIES}) n`,
  `insert into memory.relationship_versions (tenant_id, relationship_id, recorded_at, subject_id, relationship_type, object_id)
  select '${TENANT}', gen_random_uuid(), '2024-01-01', md5(n::text)::uuid, 'calls', md5((n * k % ${ENTITIES} + 1)::text)::uuid
  from generate_series(1, ${ENTITIES}) n, generate_series(1, 10) k`,
]

const id = (n: number) => `md5('${n}')::uuid`
const items = (text: string) => `(select jsonb_agg(${text}) from generate_series(1, 100) n)`

/** A call, and most rows of large tables that it has to read. */
const CALLS: [string, string, number][] = [
  [
    'get',
    `select * from memory.get_entities('${TENANT}', ${items(`jsonb_build_object('id', md5(n::text)::uuid, 'valid_at', '2017-05-01')`)})`,
    100 * 5,
  ],
  [
    'get of both times',
    `select * from memory.get_entities('${TENANT}', ${items(`jsonb_build_object('id', md5(n::text)::uuid, 'valid_at', '2017-05-01', 'known_at', '2023-05-01')`)})`,
    100 * 6,
  ],
  [
    'assert',
    `select * from memory.change_graph('${TENANT}', ${items(`jsonb_build_object('kind', 'entity', 'op', 'assert', 'id', md5(n::text)::uuid, 'type', 't', 'name', 'new', 'valid_from', '2018-02-01')`)})`,
    100 * 40,
  ],
  [
    'relate',
    `select * from memory.change_graph('${TENANT}', ${items(`jsonb_build_object('kind', 'relationship', 'op', 'assert', 'subject_id', md5(n::text)::uuid, 'type', 't', 'object_id', md5((n + 7)::text)::uuid, 'valid_from', '2018-02-01')`)})`,
    100 * 40,
  ],
  [
    'traverse',
    `select * from memory.traverse('${TENANT}', jsonb_build_array(jsonb_build_object('id', ${id(7)}, 'depth', 3, 'max_rows', 200, 'budget', 10000, 'direction', 'out', 'valid_at', '2020-01-01')))`,
    5000,
  ],
  [
    'search',
    `select * from memory.search_entities('${TENANT}', jsonb_build_array(jsonb_build_object('query', 'c4ca4238a0b923820dcc509a6f75849b', 'valid_at', '2020-01-01')))`,
    20_000,
  ],
]

/** A database with a tenant, and a session of it that gives the plans of what a statement ran. */
async function openPlanned() {
  const database = await createTestDatabase()
  const fleet = await openFleet(database.options)
  afterFile(() => fleet.close())
  await fleet.tenants.create({ id: TENANT })
  const openSession = async () => {
    const { client, plans } = await openExplained(database.adminUrl())
    const run = async (text: string) => {
      await client.query('begin')
      plans.length = 0
      await client.query(text).catch((error: unknown) => {
        // The empty graph knows no entity.
        if ((error as { code?: string }).code !== 'PF030') throw error
      })
      await client.query('rollback')
      return [...plans]
    }
    return { client, run }
  }
  const { client, run } = await openSession()
  return { client, run, openSession: async () => (await openSession()).run }
}

/** Rows that the plans read of large tables; none of them is read from end to end. */
function rowsRead(name: string, plans: readonly PlanNode[]): number {
  const nodes = plans.flatMap(nodesOf).filter((node) => LARGE.test(node['Relation Name'] ?? ''))
  expect(nodes.length, name).toBeGreaterThan(0)
  let read = 0
  for (const node of nodes) {
    expect(node['Node Type'], `${name} on ${node['Relation Name']}`).not.toBe('Seq Scan')
    read += rowsLookedAt(node)
  }
  return read
}

/** Pages that the outermost statements touched. */
const buffersOf = (plans: readonly PlanNode[]) =>
  Math.max(...plans.map((plan) => (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)))

onEngines(['direct'], 'auto_explain needs a session of its own').describe('plans of the graph', () => {
  test('with 10,000 entities no call reads a table from end to end', async () => {
    const { client, run } = await openPlanned()
    for (const text of FILL) await client.query(text)
    await client.query('vacuum analyze')
    for (const [name, text, most] of CALLS) {
      expect(rowsRead(name, await run(text)), `${name} reads`).toBeLessThanOrEqual(most)
    }
  })

  test('planned on empty tables, and never analyzed, no call reads more', async () => {
    const { client, run, openSession } = await openPlanned()
    for (const table of ['entities', 'entity_versions', 'relationships', 'relationship_versions']) {
      await client.query(`alter table memory.${table} set (autovacuum_enabled = off)`)
    }
    // Six times each: by then a plan is generic, and is kept by the session while the tables grow.
    for (const [, text] of CALLS) for (let i = 0; i < 6; i++) await run(text)
    for (const text of FILL) await client.query(text)
    const fresh = await openSession()
    for (const [when, session] of [
      ['kept', run],
      ['planned afresh', fresh],
    ] as const) {
      for (const [name, text, most] of CALLS) {
        const plans = await session(text)
        expect(rowsRead(name, plans), `${name} reads, ${when}`).toBeLessThanOrEqual(most)
        expect(buffersOf(plans), `${name} touches pages, ${when}`).toBeLessThanOrEqual(PAGES)
      }
    }
  })
})
