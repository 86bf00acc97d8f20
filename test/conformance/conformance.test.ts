// What holds for every public operation of every store, whatever it does: each is listed in operations/, and goes through
// the same checks, on whichever engine the run has (docs/testing.md): the embedded one, a server, PgBouncer.
import { randomUUID } from 'node:crypto'
import { FleetError } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { failure, openTestFleet, sql } from '../setup/index.js'
import { type Place, type StoreOperation, sampleOf } from './operation.js'
import { OPERATIONS } from './operations/index.js'
import { keyProvider } from './operations/secrets.js'

const fleet = await openTestFleet({ keyProvider })

const placeOf = (
  tenant: string,
  stores: Pick<Place, 'learning' | 'memory' | 'delivery' | 'metadata'> = fleet.tenant(tenant),
): Place => ({
  learning: stores.learning,
  memory: stores.memory,
  delivery: stores.delivery,
  metadata: stores.metadata,
  tenant,
  sql: (text, values = []) => sql(fleet, text, values),
})

/** A tenant of its own, empty. */
async function newPlace(): Promise<Place> {
  const id = `c-${randomUUID()}`
  await fleet.tenants.create({ id })
  return placeOf(id)
}

/** A tenant in which the operation can be called with the sample. */
async function arranged(operation: StoreOperation, sample = sampleOf(0)): Promise<Place> {
  const place = await newPlace()
  await operation.arrange?.(place, sample)
  return place
}

/** Calls that throw at once reject, too. */
const settle = async (call: () => unknown): Promise<unknown> => await call()

/** What a call ends with; an error of ours as its code. */
const ending = (call: () => unknown) =>
  settle(call).catch((error: unknown) => {
    if (error instanceof FleetError) return error.code
    throw error
  })

const reads = OPERATIONS.filter(({ read }) => read === undefined)
const writes = OPERATIONS.filter(
  (one): one is StoreOperation & Required<Pick<StoreOperation, 'read' | 'repeat'>> => one.read !== undefined,
)

/** The functions of an object, and of those in it, by path. */
function walk(object: object, path: string): string[] {
  return Object.entries(object).flatMap(([name, value]) => {
    if (typeof value === 'function') return [`${path}.${name}`]
    return typeof value === 'object' && value !== null ? walk(value, `${path}.${name}`) : []
  })
}

describe('the list', () => {
  test('holds every public operation of the stores, and no other', () => {
    const { learning, memory, delivery, metadata } = fleet.tenant('any')
    const found = [
      ...walk(learning, 'learning'),
      ...walk(memory, 'memory'),
      ...walk(delivery, 'delivery'),
      ...walk(metadata, 'metadata'),
    ]
    expect(OPERATIONS.map(({ path }) => path).toSorted()).toEqual(found.toSorted())
  })

  test('says of every write how a repetition ends', () => {
    expect(OPERATIONS.filter(({ read, repeat }) => (read === undefined) !== (repeat === undefined))).toEqual([])
  })

  test('the walk sees functions at any depth', () => {
    expect(walk({ a() {}, b: { c() {}, d: { e: () => 1 } }, f: 1 }, 'x')).toEqual(['x.a', 'x.b.c', 'x.b.d.e'])
  })
})

describe('tenants', () => {
  test.each(reads)('$path finds nothing of another tenant', async (operation) => {
    const sample = sampleOf(0)
    const place = await arranged(operation, sample)
    const found = await settle(() => operation.call(place, sample))
    const elsewhere = sampleOf(1)
    const [other, empty] = [await newPlace(), await newPlace()]
    const theirs = await ending(() => operation.call(other, sample))
    expect(theirs).toEqual(await ending(() => operation.call(empty, { ...elsewhere, name: sample.name })))
    expect(found).not.toEqual(theirs)
  })

  test.each(writes)('$path neither shows nor changes anything in another tenant', async (operation) => {
    const sample = sampleOf(0)
    const [place, other] = [await newPlace(), await newPlace()]
    await operation.arrange?.(place, sample)
    const before = await operation.read(other, sample)
    await settle(() => operation.call(place, sample))
    const after = await operation.read(place, sample)
    expect(await operation.read(other, sample)).toEqual(before)
    // The other's own rows of the same names; ids that were made there are theirs.
    const theirs = { ...sample, made: {} }
    await operation.arrange?.(other, theirs)
    // With ids of the first tenant: whatever comes of it, that tenant's rows stay.
    await ending(() => operation.call(other, sample))
    await ending(() => operation.call(other, theirs))
    expect(await operation.read(place, sample)).toEqual(after)
  })

  test.each(OPERATIONS)('$path refuses an unknown tenant', async (operation) => {
    const sample = sampleOf(0)
    Object.assign(sample.made, { archive: sample.id, pattern: sample.id, session: sample.id, snapshot: sample.id })
    const call = settle(() => operation.call(placeOf('nobody'), sample))
    await failure(call, operation.unknownTenant ?? 'TENANT_UNKNOWN')
  })
})

describe('repetition', () => {
  test.each(writes)('$path: $repeat', async (operation) => {
    const sample = sampleOf(0)
    const place = await arranged(operation, sample)
    const before = await operation.read(place, sample)
    await settle(() => operation.call(place, sample))
    const once = await operation.read(place, sample)
    expect(once, 'the call can be seen').not.toEqual(before)
    const second = await ending(() => operation.call(place, sample))
    const twice = await operation.read(place, sample)
    if (operation.repeat === 'counts') expect(twice).not.toEqual(once)
    else expect(twice).toEqual(once)
    if (operation.repeat !== 'counts' && operation.repeat !== 'same') expect(second).toBe(operation.repeat)
  })

  test.each(writes.filter(({ repeat, gathered }) => repeat === 'same' && gathered))(
    '$path: the same at the same moment is once, too',
    async (operation) => {
      const sample = sampleOf(0)
      const place = await arranged(operation, sample)
      await settle(() => operation.call(place, sample))
      const once = await operation.read(place, sample)
      const other = await newPlace()
      const same = { ...sample, made: {} }
      await operation.arrange?.(other, same)
      await Promise.all(Array.from({ length: 5 }, () => ending(() => operation.call(other, same))))
      expect(await operation.read(other, same)).toEqual(once)
    },
  )
})

describe('bad input', () => {
  const cases = OPERATIONS.flatMap((operation) =>
    Object.entries(operation.bad).map(([field, call]) => ({ path: operation.path, field, call, operation })),
  )
  test.each(cases)('$path names $field, and does nothing', async ({ field, call, operation }) => {
    const sample = sampleOf(0)
    const place = await arranged(operation, sample)
    const before = await operation.read?.(place, sample)
    const error = await failure(settle(() => call(place, sample)))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', field, retryable: false })
    expect(error.message).toContain(field)
    expect(await operation.read?.(place, sample)).toEqual(before)
  })

  const refusals = OPERATIONS.flatMap((operation) =>
    Object.entries(operation.refused ?? {}).map(([code, call]) => ({ path: operation.path, code, call, operation })),
  )
  test.each(refusals)(
    '$path ends with $code, says what is at fault, and does nothing',
    async ({ code, call, operation }) => {
      const sample = sampleOf(0)
      const place = await arranged(operation, sample)
      const before = await operation.read?.(place, sample)
      const error = await failure(
        settle(() => call(place, sample)),
        code as 'INPUT_INVALID',
      )
      expect(error.field, 'names a field').toBeTruthy()
      expect(error.hint).not.toBe('')
      expect(await operation.read?.(place, sample)).toEqual(before)
    },
  )
})

describe('abort', () => {
  test.each(OPERATIONS.filter(({ aborts }) => aborts))(
    '$path: before it is sent it does nothing',
    async (operation) => {
      const sample = sampleOf(0)
      const place = await arranged(operation, sample)
      const before = await operation.read?.(place, sample)
      await failure(
        settle(() => operation.call(place, sample, { signal: AbortSignal.abort() })),
        'ABORTED',
      )
      expect(await operation.read?.(place, sample)).toEqual(before)
    },
  )

  test.each(OPERATIONS.filter(({ aborts }) => aborts))('$path: nor does it inside a transaction', async (operation) => {
    const sample = sampleOf(0)
    const place = await arranged(operation, sample)
    const before = await operation.read?.(place, sample)
    await fleet.tenant(place.tenant).transaction(async (tx) => {
      await failure(
        settle(() => operation.call({ ...place, ...tx }, sample, { signal: AbortSignal.abort() })),
        'ABORTED',
      )
    })
    expect(await operation.read?.(place, sample)).toEqual(before)
  })

  test.each(OPERATIONS.filter(({ aborts, gathered }) => aborts && gathered))(
    '$path: one of a batch leaves the others alone',
    async (operation) => {
      const samples = Array.from({ length: 4 }, (_, n) => sampleOf(n))
      const place = await newPlace()
      for (const sample of samples) await operation.arrange?.(place, sample)
      const settled = await Promise.allSettled(
        samples.map((sample, n) =>
          settle(() => operation.call(place, sample, n === 2 ? { signal: AbortSignal.abort() } : {})),
        ),
      )
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    },
  )
})

describe('a batch with bad items', () => {
  test.each(OPERATIONS.filter(({ gathered }) => gathered))(
    '$path: the good ones are as if alone',
    async (operation) => {
      const bad = [...Object.values(operation.bad), ...Object.values(operation.refused ?? {})]
      const alone = sampleOf(0)
      const lone = await arranged(operation, alone)
      const answer = await settle(() => operation.call(lone, alone))
      const seen = await operation.read?.(lone, alone)
      const place = await newPlace()
      const samples = Array.from({ length: 6 }, (_, n) => sampleOf(n))
      const spoiled = bad.map((_, n) => sampleOf(`bad-${n}`))
      for (const sample of [...samples, ...spoiled]) await operation.arrange?.(place, sample)
      // In one turn of the event loop: bad ones before, between and after.
      const [goods, bads] = [samples.slice(0, 3), samples.slice(3)]
      const settled = await Promise.allSettled([
        ...goods.map((sample) => settle(() => operation.call(place, sample))),
        ...bad.map((call, n) => settle(() => call(place, spoiled[n] as never))),
        ...bads.map((sample) => settle(() => operation.call(place, sample))),
      ])
      expect(settled.map(({ status }) => status)).toEqual([
        ...goods.map(() => 'fulfilled'),
        ...bad.map(() => 'rejected'),
        ...bads.map(() => 'fulfilled'),
      ])
      for (const [n, sample] of samples.entries()) {
        const got = settled[n < 3 ? n : n + bad.length] as PromiseFulfilledResult<unknown>
        expect(typeof got.value).toBe(typeof answer)
        if (operation.read === undefined) continue
        const text = JSON.stringify(await operation.read(place, sample)) ?? 'undefined'
        expect(text.replaceAll(sample.name, alone.name).replaceAll(sample.id, alone.id)).toBe(
          JSON.stringify(seen) ?? 'undefined',
        )
      }
    },
  )
})

describe('transactions', () => {
  test.each(writes)('$path is undone by a rollback, and kept by a commit', async (operation) => {
    const sample = sampleOf(0)
    const place = await arranged(operation, sample)
    const before = await operation.read(place, sample)
    const tenant = fleet.tenant(place.tenant)
    const rollback = tenant.transaction(async (tx) => {
      await settle(() => operation.call({ ...place, ...tx, sql: place.sql }, sample))
      throw new Error('rolled back')
    })
    await expect(rollback).rejects.toThrow('rolled back')
    expect(await operation.read(place, sample)).toEqual(before)
    await tenant.transaction(async (tx) => void (await settle(() => operation.call({ ...place, ...tx }, sample))))
    expect(await operation.read(place, sample)).not.toEqual(before)
  })

  test.each(reads)('$path finds the same inside one', async (operation) => {
    const sample = sampleOf(0)
    const place = await arranged(operation, sample)
    const outside = await settle(() => operation.call(place, sample))
    const inside = await fleet
      .tenant(place.tenant)
      .transaction(async (tx) => await settle(() => operation.call({ ...place, ...tx }, sample)))
    expect(inside).toEqual(outside)
  })
})

describe('expiry', () => {
  test.each(writes.filter(({ expires }) => expires))(
    '$path: what has expired is gone, and a call starts anew',
    async (operation) => {
      const sample = sampleOf(0)
      const place = await newPlace()
      await operation.arrange?.(place, sample)
      const empty = await operation.read(place, sample)
      await settle(() => operation.call(place, sample))
      const first = await operation.read(place, sample)
      await place.sql(`update ${operation.expires} set expires_at = now() - interval '1 second' where tenant_id = $1`, [
        place.tenant,
      ])
      expect(await operation.read(place, sample)).toEqual(empty)
      await settle(() => operation.call(place, { ...sampleOf(0), made: sample.made }))
      expect(await operation.read(place, sample)).toEqual(first)
    },
  )

  test('no table of the stores that has a deadline is left out', async () => {
    const tables = await sql<{ name: string }>(
      fleet,
      `select c.oid::regclass::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'expires_at'
      where c.relnamespace in ('learning'::regnamespace, 'memory'::regnamespace, 'delivery'::regnamespace, 'metadata'::regnamespace)
        and c.relkind in ('r', 'p') and not c.relispartition and c.oid <> 'metadata.tick_leases'::regclass`,
    )
    const listed = new Set(OPERATIONS.map(({ expires }) => expires))
    // A lease that has run out is taken over. The tables of vectors differ in their dimension alone.
    const kindOf = (name: string) => name.replace(/^memory\.vectors_\d+$/, 'memory.vectors_384')
    expect(tables.map(({ name }) => name).filter((name) => !listed.has(kindOf(name)))).toEqual([])
  })
})
