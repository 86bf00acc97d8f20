import { openFleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { expect } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'

const ROWS = 20_000
const STEP = 100

onEngines(['direct'], 'needs auto_explain in a session of its own')(
  'a step of an erasure reads the rows that it removes, not those that are gone already, nor other tenants',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    const { client, plans } = await openExplained(database.adminUrl())
    for (const id of ['leaving', 'staying']) {
      await fleet.tenants.create({ id })
      await client.query(
        `insert into memory.key_values (tenant_id, key, value, version, created_at, updated_at, expires_at)
        select $1, 'k' || n, '1', 1, now(), now(), 'infinity' from generate_series(1, ${ROWS}) n`,
        [id],
      )
    }
    await client.query('analyze memory.key_values')
    const erasure = uuidv7()
    await client.query('begin')
    await client.query(`select set_config('role', 'pgfleet_owner', true)`)
    await client.query(`select * from platform.begin_erasure('leaving', $1, 'test', 'test')`, [erasure])
    let after: unknown = null
    for (let step = 0; step < 20; step++) {
      plans.length = 0
      const { rows } = await client.query(
        `select * from platform.erase_rows('leaving', $1, 'memory.key_values', ${STEP}, $2)`,
        [erasure, after === null ? null : JSON.stringify(after)],
      )
      expect(rows).toMatchObject([{ removed: String(STEP) }])
      after = rows[0].last_key
      const nodes = plans.flatMap(nodesOf).filter((node) => node['Relation Name'] === 'key_values')
      expect(nodes.length).toBeGreaterThan(0)
      for (const node of nodes) {
        expect(node['Node Type'], JSON.stringify(node)).not.toBe('Seq Scan')
        expect(rowsLookedAt(node)).toBeLessThanOrEqual(STEP)
      }
      const buffers = Math.max(
        ...plans.map((plan) => (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)),
      )
      // Each step costs as much as the first.
      expect(buffers).toBeLessThan(10 * STEP)
    }
    await client.query('rollback')
  },
)
