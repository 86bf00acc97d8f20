import { expect, test } from 'vitest'
import { onEngines, openTestFleet } from '../setup/index.js'
import { newTenant, pick, sql, useFleet } from './support.js'

const fleet = useFleet()

test('no index of q_values holds what an update changes, except a summary of pages', async () => {
  const indexes = await sql<{ name: string; method: string; columns: string[]; plain: boolean }>(
    fleet(),
    `select i.indexrelid::regclass::text as name, m.amname as method, i.indexprs is null and i.indpred is null as plain,
      array(select a.attname::text from pg_attribute a where a.attrelid = i.indexrelid order by a.attnum) as columns
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    join pg_am m on m.oid = c.relam
    where i.indrelid = 'learning.q_values'::regclass`,
  )
  expect(indexes.length).toBeGreaterThan(0)
  for (const { name, method, columns, plain } of indexes) {
    if (method === 'brin') continue
    expect({ name, plain }).toEqual({ name, plain: true })
    for (const column of columns) {
      expect(['tenant_id', 'state_hash', 'agent_type', 'action_hash'], `${name} holds ${column}`).toContain(column)
    }
  }
})

onEngines(['direct'], 'the counters need a server')('at least 90 % of updates are HOT', async () => {
  // One connection, which can be told to report its counters at once.
  const single = await openTestFleet({ poolMax: 1 })
  const counters = async () => {
    await sql(single, 'select pg_stat_force_next_flush()')
    const [row] = await sql<{ updated: number; hot: number }>(
      single,
      `select n_tup_upd::integer as updated, n_tup_hot_upd::integer as hot from pg_stat_user_tables where relid = 'learning.q_values'::regclass`,
    )
    return row ?? { updated: 0, hot: 0 }
  }
  const { learning } = await newTenant(single)
  const experience = (key: number) => ({
    agentType: 'test-generator',
    state: { at: key >> 2 },
    action: key & 3,
    reward: 1,
  })
  await learning.learn(Array.from({ length: 2000 }, (_, key) => experience(key)))
  let best = 0
  // A long transaction anywhere on the server keeps dead versions in their pages, which then run full: such a round says
  // nothing. An index on a changing column would leave every round at 0.
  const end = Date.now() + 90_000
  for (let round = 0; best < 0.9 && Date.now() < end; round++) {
    const before = await counters()
    await Promise.all(
      Array.from({ length: 18 }, async (_, writer) => {
        const next = pick(writer + round * 18)
        for (let i = 0; i < 100; i++) await learning.learn(experience(next(2000)))
      }),
    )
    const after = await counters()
    // Of several updates of one key in one statement one is written.
    expect(after.updated - before.updated).toBeGreaterThan(1500)
    best = Math.max(best, (after.hot - before.hot) / (after.updated - before.updated))
  }
  expect(best).toBeGreaterThan(0.9)
})
