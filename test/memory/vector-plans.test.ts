import { createHash } from 'node:crypto'
import { openFleet } from 'pgfleet'
import { MEMORY_STATEMENTS } from 'pgfleet/memory'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'
import { direction, SMALL } from './vector-support.js'

const TENANT = 'planned'
const ROWS = 6000
/** What grows with use: reading one of these from end to end is what must never happen. */
const LARGE = /^vectors_\d+$/

/** As many rows for the tenant as for another; two scopes. */
const FILL = [TENANT, 'other'].map(
  (tenant) => `
  insert into memory.vectors_${SMALL} (tenant_id, scope, vector_id, embedding, created_at, updated_at, metadata, content)
  select '${tenant}', 'scope ' || n % 2, md5('${tenant}' || n)::uuid, v.embedding, now(), now(), jsonb_build_object('part', n % 10), 'word' || n % 500
  from generate_series(1, ${ROWS}) n
  cross join lateral (
    select array(select random() - 0.5 from generate_series(1, ${SMALL}) where n > 0)::real[]::extensions.vector as embedding
  ) v`,
)
/** The id of the tenant's nth vector. */
const idOf = (n: number) => createHash('md5').update(`${TENANT}${n}`).digest('hex')
const keys = JSON.stringify(
  Array.from({ length: 50 }, (_, i) => ({
    scope: `scope ${(i + 1) % 2}`,
    id: idOf(i + 1),
  })),
)
const embedding = `[${direction(1).join()}]`
const search = (more: object = {}) => JSON.stringify([{ embedding, dimensions: SMALL, k: 10, ...more }])
const vectors = JSON.stringify(
  Array.from({ length: 50 }, (_, i) => ({
    ...{ scope: `scope ${(i + 1) % 2}`, dimensions: SMALL, metadata: {} },
    id: idOf(i + 1),
  })),
)
const components = Array.from({ length: 50 }, () => [...direction(1)]).flat()
/** Whether there are more rows than are compared one by one is found by counting so many and one. */
const PROBED = 1001
const ANALYZED = 'analyzed'

/** Calls by statement, the most rows of vectors that they may read, and the index that they must take. */
const CALLS: readonly [string, string, number, string][] = [
  ['memory.search_vectors', search(), PROBED + 300, `vectors_${SMALL}_embedding`],
  ['memory.search_vectors', search({ scope: 'scope 1' }), PROBED + 600, `vectors_${SMALL}_embedding`],
  ['memory.search_vectors', search({ filter: { part: 3 } }), PROBED + 3000, `vectors_${SMALL}_embedding`],
  ['memory.search_hybrid', search({ text: 'word7' }), PROBED + 1000, `vectors_${SMALL}_embedding`],
  ['memory.upsert_vectors', vectors, 50, ''],
  ['memory.get_vectors', keys, 50, `vectors_${SMALL}_pkey`],
  [
    'memory.update_vector_metadata',
    JSON.stringify(JSON.parse(keys).map((key: object) => ({ ...key, metadata: { a: 1 } }))),
    150,
    `vectors_${SMALL}_pkey`,
  ],
  ['memory.delete_vectors', keys, 150, `vectors_${SMALL}_pkey`],
]

onEngines(['direct'], 'auto_explain needs a session of its own').describe('plans', () => {
  test('with 12,000 vectors searches take the index, the others the key', async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    for (const id of [TENANT, 'other']) await fleet.tenants.create({ id })
    await fleet.vectorDimensions.add(SMALL)
    const { client, plans } = await openExplained(database.adminUrl())

    const readBy = async (name: string, items: string) => {
      const text = MEMORY_STATEMENTS.find((one) => one.name === name)?.text ?? `no ${name}`
      await client.query('begin')
      plans.length = 0
      await client.query(text, [TENANT, items, ...(text.includes('$3') ? [components] : [])])
      const nodes = plans.flatMap(nodesOf)
      await client.query('rollback')
      return nodes
    }
    const inspect = async (when: string) => {
      for (const [name, items, most, index] of CALLS) {
        const nodes = await readBy(name, items)
        const large = nodes.filter((node) => LARGE.test(node['Relation Name'] ?? ''))
        const rows = large.reduce((sum, node) => sum + rowsLookedAt(node), 0)
        const about = `${name} ${items.slice(-40)}, ${when}`
        expect(
          large.filter((node) => node['Node Type'] === 'Seq Scan'),
          about,
        ).toEqual([])
        // Before the first ANALYZE, which autovacuum makes, these two read the tenant's rows, by its key.
        const extra = /search_hybrid|delete_vectors/.test(name) && when !== ANALYZED ? ROWS : 0
        expect(rows, about).toBeLessThanOrEqual(most + extra)
        if (index !== '') expect(new Set(nodes.map((node) => node['Index Name'])), about).toContain(index)
      }
    }
    // Planned while the table is empty: what a session keeps must do when it has grown.
    for (const [name, items] of CALLS) for (let i = 0; i < 6; i++) await readBy(name, items)
    for (const fill of FILL) await client.query(fill)
    await inspect('planned on an empty table')
    await client.query(`vacuum analyze memory.vectors_${SMALL}`)
    await inspect(ANALYZED)
  })
})
