import { expect, test } from 'vitest'
import { onEngines, openTestFleet } from '../setup/index.js'
import { newTenant, sql, useFleet } from '../setup/tenant.js'
import { pick } from './support.js'

const fleet = useFleet()

test.each(['entries', 'volatile_entries', 'entities', 'sync_groups'])(
  'no index of %s holds what a write of an entry changes, except a summary of pages',
  async (table) => {
    const indexes = await sql<{ name: string; columns: string[]; plain: boolean }>(
      fleet(),
      `select i.indexrelid::regclass::text as name, i.indexprs is null as plain,
        array(select a.attname::text from pg_attribute a where a.attrelid = i.indexrelid order by a.attnum) as columns
      from pg_index i
      join pg_class c on c.oid = i.indexrelid
      join pg_am m on m.oid = c.relam
      where i.indrelid = format('metadata.%s', $1::text)::regclass and m.amname <> 'brin'`,
      [table],
    )
    expect(indexes.length).toBeGreaterThan(0)
    for (const { name, columns, plain } of indexes) {
      expect({ name, plain }).toEqual({ name, plain: true })
      for (const column of columns) {
        expect(['tenant_id', 'entity_id', 'key', 'name', 'sync_group', 'channel'], `${name} holds ${column}`).toContain(
          column,
        )
      }
    }
  },
)

onEngines(['direct'], 'the counters need a server')('at least 90 % of updates are HOT', async () => {
  // One connection, which can be told to report its counters at once.
  const single = await openTestFleet({ poolMax: 1 })
  const counters = async () => {
    await sql(single, 'select pg_stat_force_next_flush()')
    const [row] = await sql<{ updated: number; hot: number }>(
      single,
      `select n_tup_upd::integer as updated, n_tup_hot_upd::integer as hot from pg_stat_user_tables where relid = 'metadata.entries'::regclass`,
    )
    return row ?? { updated: 0, hot: 0 }
  }
  const { metadata } = await newTenant(single)
  const names = Array.from({ length: 40 }, (_, n) => `e${n}`)
  await metadata.entities.create(names.map((name) => ({ name })))
  const write = (key: number, value: number) => ({
    entity: `e${key % 40}`,
    key: `k${key}`,
    value,
    // Every write moves its deadline.
    ttlMs: 100_000 + value * 100_000,
  })
  for (let first = 0; first < 2000; first += 1000) {
    await metadata.setMany(Array.from({ length: 1000 }, (_, n) => write(first + n, 0)))
  }
  let best = 0
  // A long transaction anywhere on the server keeps dead versions in their pages, which then run full: such a round says
  // nothing. An index on a changing column would leave every round at 0.
  const end = Date.now() + 90_000
  for (let round = 0; best < 0.9 && Date.now() < end; round++) {
    const before = await counters()
    await Promise.all(
      Array.from({ length: 18 }, async (_, writer) => {
        const next = pick(writer + round * 18)
        for (let i = 0; i < 100; i++) await metadata.set(write(next(2000), next(1_000_000) + 1))
      }),
    )
    const after = await counters()
    // Of several writes of one key at the same time one is written.
    expect(after.updated - before.updated).toBeGreaterThan(1500)
    best = Math.max(best, (after.hot - before.hot) / (after.updated - before.updated))
  }
  expect(best).toBeGreaterThan(0.9)
})
