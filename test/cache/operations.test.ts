// No operation is forgotten: whatever a public operation writes, a cached read of it is as new afterwards as one that is not.
import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { AnyOperation } from '../../dist/database/batch.js'
import { type Place, sampleOf } from '../conformance/operation.js'
import { OPERATIONS } from '../conformance/operations/index.js'
import { keyProvider } from '../conformance/operations/secrets.js'
import { sql } from '../setup/index.js'
import { useFleet } from '../setup/tenant.js'

const fleet = useFleet({ keyProvider, cache: { kind: 'memory', staleMs: 3_600_000 } })

const placeOf = (id: string, consistency: 'latest' | 'cached'): Place => {
  const { learning, memory, delivery, metadata } = fleet().tenant(id).reading(consistency)
  const run: Place['sql'] = (text, values = []) => sql(fleet(), text, values)
  return { learning, memory, delivery, metadata, tenant: id, sql: run }
}

const writes = OPERATIONS.filter(
  ({ read, path }) => read !== undefined && /^(learning|memory\.kv|metadata)\./.test(path),
)

test.each(writes.map((operation) => [operation.path, operation] as const))('%s', async (_, operation) => {
  const id = `cache-${randomUUID()}`
  await fleet().tenants.create({ id })
  const [latest, cached] = [placeOf(id, 'latest'), placeOf(id, 'cached')]
  const sample = sampleOf(0)
  /** What is seen, and the values behind it that cached reads may answer. */
  const look = async (place: Place) => ({
    seen: await operation.read?.(place, sample),
    entry: await place.metadata.get({ entity: sample.name, key: 'k' }),
    value: await place.memory.kv.getMany([sample.name, `${sample.name}-2`]),
  })
  await operation.arrange?.(cached, sample)
  expect(await look(cached)).toEqual(await look(latest))
  await operation.call(cached, sample)
  const after = await look(latest)
  expect(await look(cached)).toEqual(after)
  // From the cache now, where it may be.
  expect(await look(cached)).toEqual(after)
})

test('what is encrypted, and who may enter, is never kept', async () => {
  const kept = new Set<string>()
  const stores = fileURLToPath(new URL('../../dist/stores/', import.meta.url))
  for (const file of await readdir(stores, { recursive: true })) {
    if (!file.endsWith('.js')) continue
    for (const each of Object.values(await import(/* @vite-ignore */ join(stores, file)))) {
      const { cached, name } = (each ?? {}) as Partial<AnyOperation>
      if (cached !== undefined) kept.add(name as string)
    }
  }
  expect(kept).toEqual(new Set(['learning.best', 'learning.values', 'memory.getValues', 'metadata.getEntries']))
  const tenant = fleet().tenant(`cache-${randomUUID()}`)
  await fleet().tenants.create({ id: tenant.id })
  const { memory } = tenant.reading('cached')
  const before = fleet().cache()
  await memory.secrets.set('password', 'secret')
  expect(await memory.secrets.get('password')).toBe('secret')
  const { key } = await memory.keys.create({ name: 'k' })
  await memory.keys.verify(key)
  const { hits, misses, bypassed } = fleet().cache()
  expect({ hits, misses, bypassed }).toEqual({ hits: before.hits, misses: before.misses, bypassed: before.bypassed })
})
