import { expect, test } from 'vitest'
import { onEngines } from '../setup/index.js'
import { newTenant, sql, useFleet } from '../setup/tenant.js'
import { changesOf, pick } from './support.js'

/*
 * One statement whose keys are partly there and partly not: those that are there are updated by one plan, and what that did not
 * meet is settled in other ways. Each key stands once, so that all items are judged by what was there before.
 */

const fleet = useFleet()

interface Row {
  readonly ordinal: number
  readonly refusal: string | null
  readonly version: number | null
  readonly was_there: boolean | null
}
const setEntries = (tenant: string, items: readonly object[]) =>
  sql<Row>(fleet(), 'select * from metadata.set_entries($1, $2) order by ordinal', [tenant, JSON.stringify(items)])

const RIGHTS = {
  updater: { update: true },
  inserter: { insert: true },
  writer: { insert: true, update: true },
  deleter: { delete: true },
} as const
const AGENTS = [undefined, ...(Object.keys(RIGHTS) as (keyof typeof RIGHTS)[])]

test('every item is judged, written, versioned and logged as if it stood alone', async () => {
  const { id, metadata } = await newTenant(fleet())
  await metadata.entities.create([{ name: 'a' }, { name: 'b' }])
  await metadata.roles.grant(
    Object.entries(RIGHTS).map(([agentId, rights]) => ({ agentId, syncGroup: 'NORMAL', ...rights })),
  )
  const next = pick(11)
  const model = new Map<string, { value: string | undefined; version: number }>()
  for (let round = 0; round < 60; round++) {
    const places = ['a', 'b'].flatMap((entity) => Array.from({ length: 8 }, (_, n) => ({ entity, key: `k${n}` })))
    const calm = round % 4 !== 0
    const items = places
      .filter(() => next(3) > 0)
      .map((place) => {
        // Now and then a key that nobody has written before, else one of those that come and go.
        const at = next(12) === 0 ? { ...place, key: `${place.key} ${round}` } : place
        const agent = calm ? AGENTS[next(4) === 0 ? next(AGENTS.length) : 0] : AGENTS[next(AGENTS.length)]
        const deletes = next(calm ? 12 : 3) === 0
        // Few values, so that some change nothing.
        return { ...at, ...(agent && { agent }), ...(deletes ? {} : { type: 'text', value: `v${next(3)}` }) }
      })
    const before = (await changesOf(fleet(), id)).length
    const rows = await setEntries(id, items)
    expect(rows.map(({ ordinal }) => ordinal)).toEqual(items.map((_, n) => n + 1))
    const changed: string[] = []
    for (const [n, item] of items.entries()) {
      const name = `${item.entity} ${item.key}`
      const old = model.get(name)
      const wasThere = old?.value !== undefined
      const value = 'value' in item ? (item.value as string) : undefined
      const rights: { insert?: boolean; update?: boolean; delete?: boolean } = item.agent
        ? RIGHTS[item.agent]
        : { insert: true, update: true, delete: true }
      const isAllowed = value === undefined ? rights.delete : wasThere ? rights.update : rights.insert
      const row = rows[n] as Row
      expect(row.refusal, `${round}: ${JSON.stringify(item)}`).toBe(isAllowed ? null : 'forbidden')
      if (!isAllowed) continue
      expect(row.was_there).toBe(wasThere)
      if (value !== old?.value) {
        changed.push(name)
        model.set(name, { value, version: (old?.version ?? 0) + 1 })
      }
      if (value !== undefined) expect(row.version, `${round}: ${JSON.stringify(item)}`).toBe(model.get(name)?.version)
    }
    const logged = (await changesOf(fleet(), id))
      .slice(before)
      .flatMap(({ names, keys }) => keys.map((key, n) => `${names[n]} ${key}`))
    expect(logged.toSorted()).toEqual(changed.toSorted())
    const stored = await metadata.getMany(places)
    expect(stored.map((entry) => entry?.value)).toEqual(
      places.map(({ entity, key }) => model.get(`${entity} ${key}`)?.value),
    )
  }
})

test('items of a call that is refused leave nothing behind, though its other keys were there', async () => {
  const { id, metadata } = await newTenant(fleet())
  await metadata.entities.create({ name: 'a' })
  await metadata.roles.grant({ agentId: 'updater', syncGroup: 'NORMAL', update: true })
  await metadata.setMany(['x', 'y', 'z'].map((key) => ({ entity: 'a', key, value: 'before' })))
  const item = { entity: 'a', agent: 'updater', type: 'text', value: 'after' }
  const rows = await setEntries(id, [
    { ...item, key: 'x', call: 1 },
    { ...item, key: 'new', call: 1 },
    { ...item, key: 'y' },
  ])
  expect(rows.map(({ refusal }) => refusal)).toEqual(['call', 'forbidden', null])
  const values = (await metadata.getMany(['x', 'y', 'new'].map((key) => ({ entity: 'a', key })))).map((e) => e?.value)
  expect(values).toEqual(['before', 'after', undefined])
})

test('the last one may be refused for what its key turns out to be; then the one before it stays', async () => {
  const { id, metadata } = await newTenant(fleet())
  await metadata.entities.create({ name: 'a' })
  await metadata.roles.grant({ agentId: 'updater', syncGroup: 'NORMAL', update: true })
  await metadata.set({ entity: 'a', key: 'old', value: 'before' })
  await metadata.set({ entity: 'a', key: 'gone', value: 'before', ttlMs: 1 })
  for (let isThere = true; isThere; isThere = (await metadata.get({ entity: 'a', key: 'gone' })) !== undefined);
  for (const key of ['new', 'gone']) {
    const rows = await setEntries(id, [
      { entity: 'a', key: 'old', type: 'text', value: `with ${key}` },
      { entity: 'a', key, type: 'text', value: 'first' },
      { entity: 'a', key, type: 'text', value: 'last', agent: 'updater' },
    ])
    expect(rows.map(({ refusal }) => refusal)).toEqual([null, null, 'forbidden'])
    expect((await metadata.get({ entity: 'a', key }))?.value).toBe('first')
  }
  expect((await metadata.get({ entity: 'a', key: 'old' }))?.version).toBe(3)
})

onEngines(['direct', 'pooled'], 'the embedded engine has one connection')(
  'while somebody holds the entity, a batch with a new key waits without holding keys, and lands',
  async () => {
    const { id, metadata } = await newTenant(fleet())
    await metadata.entities.create({ name: 'a' })
    await metadata.set({ entity: 'a', key: 'old', value: 'before' })
    const item = { entity: 'a', type: 'text', value: 'after' }
    let batch: Promise<Row[]> | undefined
    await fleet().database.lend(async (connection) => {
      await connection.query('begin')
      await connection.query(`select from metadata.entities where tenant_id = $1 for no key update`, [id])
      batch = setEntries(id, [
        { ...item, key: 'old' },
        { ...item, key: 'new' },
      ])
      for (let waits = false; !waits; ) {
        const [row] = await sql<{ waits: boolean }>(
          fleet(),
          `select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query like '%set_entries%' and datname = current_database()) as waits`,
        )
        waits = row?.waits ?? false
      }
      // Did the batch hold on to the key, the two would wait for each other: a deadlock.
      await connection.query(`select from metadata.entries where tenant_id = $1 and key = 'old' for no key update`, [
        id,
      ])
      await connection.query('commit')
    })
    expect(await batch).toMatchObject([
      { refusal: null, version: 2, was_there: true },
      { refusal: null, version: 1, was_there: false },
    ])
  },
)
