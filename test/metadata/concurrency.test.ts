import { openFleet } from 'pgfleet'
import type { MetadataStore } from 'pgfleet/metadata'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, engine, sql } from '../setup/index.js'
import { pick } from './support.js'

const database = await createTestDatabase()
const first = await openFleet(database.options)
afterFile(() => first.close())
// Two processes, as far as the database can tell; the embedded engine is opened by one only.
const second = engine === 'embedded' ? first : await openFleet(database.options)
afterFile(() => second.close())
let tenants = 0
async function newTenant() {
  const id = `t${tenants++}`
  await first.tenants.create({ id })
  return { id, stores: [first.tenant(id).metadata, second.tenant(id).metadata] as const }
}

/** A write, as it was answered. */
interface Answer {
  readonly key: string
  readonly value: string | undefined
  readonly version: number
}

test.each(['durable', 'async', 'volatile'] as const)(
  'writers of %s keys at once: versions have neither gaps nor doubles, and the last one stays',
  async (durability) => {
    const { id, stores } = await newTenant()
    await stores[0].groups.set({ name: 'G', durability })
    await stores[0].entities.create([
      { name: 'a', syncGroup: 'G' },
      { name: 'b', syncGroup: 'G' },
    ])
    const keys = ['a', 'b'].flatMap((entity) => ['x', 'y', 'z'].map((key) => ({ entity, key })))
    const answers: Answer[] = []
    let merging = true
    const merges = (async () => {
      while (merging) await stores[1].mergeVolatile({ rowsMax: 3 })
    })()
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        const next = pick(writer + 1)
        const store = stores[writer % 2] as MetadataStore
        for (let i = 0; i < 40; i++) {
          const key = keys[next(keys.length)] as (typeof keys)[number]
          const value = `${writer}.${i}`
          const asked = next(5) === 0 ? ({ durability: 'durable' } as const) : {}
          answers.push({
            key: `${key.entity} ${key.key}`,
            value,
            version: await store.set({ ...key, value, ...asked }),
          })
        }
      }),
    )
    merging = false
    await merges
    for (const key of keys) {
      const mine = answers.filter((answer) => answer.key === `${key.entity} ${key.key}`)
      const versions = [...new Set(mine.map(({ version }) => version))].toSorted((a, b) => a - b)
      // Every version was somebody's: each write was its caller's alone, or that of the one who took its place.
      expect(versions).toEqual(Array.from({ length: versions.length }, (_, n) => n + 1))
      const found = await stores[0].get(key)
      expect(found?.version).toBe(versions.at(-1))
      expect(mine.filter(({ version }) => version === found?.version).map(({ value }) => value)).toContain(found?.value)
    }
    await stores[0].mergeVolatile()
    expect(await sql(first, 'select 1 from metadata.volatile_entries where tenant_id = $1', [id])).toEqual([])
    const [stored] = await sql<{ versions: number }>(
      first,
      'select sum(version)::integer as versions from metadata.entries where tenant_id = $1',
      [id],
    )
    expect(stored?.versions).toBe(
      keys
        .map(({ entity, key }) =>
          Math.max(0, ...answers.filter((answer) => answer.key === `${entity} ${key}`).map(({ version }) => version)),
        )
        .reduce((sum, version) => sum + version, 0),
    )
  },
)

test('writers, movers, deleters and upkeep at once: nothing fails that need not, and every entry has its entity', async () => {
  const { id, stores } = await newTenant()
  await stores[0].groups.set({ name: 'LOOSE', durability: 'volatile' })
  const groups = ['REALTIME', 'NORMAL', 'LOOSE']
  const names = ['a', 'b', 'c', 'd']
  await stores[0].entities.create(names.map((name) => ({ name })))
  const codes = new Set<string>()
  const attempt = async (call: () => Promise<unknown>) => {
    await call().catch((error) => codes.add(`${error.code} ${error.message}`.replace(/^(METADATA_\w+).*/, '$1')))
  }
  await Promise.all(
    Array.from({ length: 10 }, async (_, worker) => {
      const next = pick(worker + 100)
      const store = stores[worker % 2] as MetadataStore
      for (let i = 0; i < 30; i++) {
        const name = names[next(4)] as string
        const key = `k${next(3)}`
        const what = next(12)
        if (what < 4) await attempt(() => store.set({ entity: name, key, value: `${worker}.${i}` }))
        else if (what < 6) {
          await attempt(() =>
            store.setMany(names.map((entity) => ({ entity, key: `k${next(6)}`, value: `${worker}.${i}` }))),
          )
        } else if (what < 7) await attempt(() => store.delete({ entity: name, key }))
        else if (what < 8) await attempt(() => store.mergeVolatile())
        else if (what < 10) {
          await attempt(() =>
            store.entities.update({ name, syncGroup: groups[next(3)] as string, channel: `c${next(2)}` }),
          )
        } else if (what < 11) await attempt(() => store.deleteExpired())
        else {
          await attempt(() => store.entities.delete(name))
          await attempt(() => store.entities.create({ name }))
        }
      }
    }),
  )
  codes.delete('METADATA_ENTITY_UNKNOWN')
  codes.delete('METADATA_ENTITY_EXISTS')
  expect([...codes]).toEqual([])
  await stores[0].mergeVolatile()
  const orphans = await sql(
    first,
    `select v.key from metadata.volatile_entries v where v.tenant_id = $1
    union all
    select e.key from metadata.entries e where e.tenant_id = $1
      and not exists (select from metadata.entities n where n.tenant_id = e.tenant_id and n.entity_id = e.entity_id)`,
    [id],
  )
  expect(orphans).toEqual([])
})

test('writes of one process to one key apply in the order in which they were made', async () => {
  const { stores } = await newTenant()
  const [store] = stores
  await store.groups.set({ name: 'ASYNC', durability: 'async' })
  await store.entities.create([{ name: 'a' }, { name: 'b', syncGroup: 'ASYNC' }])
  for (let round = 0; round < 30; round++) {
    for (const entity of ['a', 'b']) {
      const writes = Array.from({ length: 7 }, (_, n) => async () => {
        if (n % 3 === 1) return await store.delete({ entity, key: 'k' })
        if (n % 3 === 2) {
          return await store.setMany([
            { entity, key: 'k', value: n },
            { entity, key: `other ${n}`, value: n },
          ])
        }
        return await store.set({ entity, key: 'k', value: n, ...(n === 3 && { durability: 'durable' as const }) })
      })
      const calls: Promise<unknown>[] = []
      for (const write of writes) {
        calls.push(write())
        // Some wait for a turn of the event loop, so that several statements leave.
        if ((round + calls.length) % 3 === 0) await new Promise((done) => setImmediate(done))
      }
      await Promise.all(calls)
      expect((await store.get({ entity, key: 'k' }))?.value).toBe(6)
    }
  }
})
