import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import type { Tenant } from 'pgfleet'
import type { Json } from 'pgfleet/learning'
import { beforeAll, describe, expect, test } from 'vitest'
import { endOf } from '../../dist/stores/memory/key-value.js'
import { failure, newTenant, sql, useFleet } from '../learning/support.js'
import { openTestFleet } from '../setup/index.js'

const fleet = useFleet()
let tenant: Tenant

beforeAll(async () => {
  tenant = await newTenant(fleet())
})

/** Lets keys expire. */
const expire = (of: Tenant, key: string, where = fleet()) =>
  sql(
    where,
    `update memory.key_values set expires_at = now() - interval '1 second' where tenant_id = $1 and key = $2`,
    [of.id, key],
  )
const rows = async (of: Tenant, where = fleet()) =>
  await sql<{ key: string; version: number }>(
    where,
    'select key, version::integer from memory.key_values where tenant_id = $1 order by key',
    [of.id],
  )

test('sets and gets JSON and bytes, many at once and one by one', async () => {
  const { kv } = tenant.memory
  const bytes = Buffer.from([0, 1, 255, 0])
  const values: [string, Json | Uint8Array][] = [
    ['null', null],
    ['zero', 0],
    ['text', 'ä\u0001"\\'],
    ['object', { b: [1, { c: null }], a: 1e300 }],
    ['bytes', bytes],
    ['no bytes', new Uint8Array()],
    ['a view', new Uint8Array(bytes.buffer, bytes.byteOffset + 2, 1)],
  ]
  expect(await kv.setMany(values.map(([key, value]) => ({ key, value })))).toEqual(values.map(() => 1))
  const keys = [...values.map(([key]) => key), 'not there']
  const expected = [...values.map(([, value]) => (value instanceof Uint8Array ? Buffer.from(value) : value)), undefined]
  expect(await kv.getMany(keys)).toEqual(expected)
  expect(await Promise.all(keys.map((key) => kv.get(key)))).toEqual(expected)
  expect(Buffer.isBuffer(await kv.get('bytes'))).toBe(true)
  expect(await kv.set('bytes', 1)).toBe(2)
  expect(await kv.entry('bytes')).toEqual({ key: 'bytes', value: 1, version: 2, expiresAt: null })
  expect(await kv.exists(['bytes', 'not there'])).toEqual([true, false])
  expect(await kv.exists('zero')).toBe(true)
  expect(await kv.delete('zero')).toBe(true)
  expect(await kv.delete(['zero', 'text', 'text'])).toEqual([false, true, false])
  expect(await kv.exists(['zero', 'text'])).toEqual([false, false])
  expect(await kv.getMany([])).toEqual([])
})

describe('expected versions', () => {
  test('compare and set, and say what is there instead', async () => {
    const { kv } = await newTenant(fleet()).then(({ memory }) => memory)
    expect(await kv.set('k', 'a', { expectedVersion: 0 })).toBe(1)
    const there = await failure(kv.set('k', 'b', { expectedVersion: 0 }), 'VERSION_CONFLICT')
    expect(there).toMatchObject({ field: 'options.expectedVersion', details: { present: 1, expected: 0 } })
    expect(await kv.set('k', 'b', { expectedVersion: 1 })).toBe(2)
    const stale = await failure(kv.set('k', 'c', { expectedVersion: 1 }), 'VERSION_CONFLICT')
    expect(stale.message).toContain('version 2')
    const none = await failure(kv.set('none', 'c', { expectedVersion: 4 }), 'VERSION_CONFLICT')
    expect(none.details).toEqual({ present: 0, expected: 4 })
    expect(await failure(kv.delete('k', { expectedVersion: 1 }), 'VERSION_CONFLICT')).toMatchObject({
      details: { present: 2, expected: 1 },
    })
    expect(await kv.get('k')).toBe('b')
    expect(await kv.delete('k', { expectedVersion: 2 })).toBe(true)
    expect(await kv.list()).toEqual([])
  })

  test('one that fails in a call of many sets none of them, and its neighbours in the batch all', async () => {
    const of = await newTenant(fleet())
    const { kv } = of.memory
    await kv.set('there', 1)
    const settled = await Promise.allSettled([
      kv.setMany([
        { key: 'new', value: 1, expectedVersion: 0 },
        { key: 'there', value: 2, expectedVersion: 7 },
        { key: 'plain', value: 3 },
      ]),
      kv.setMany([
        { key: 'other', value: 1, expectedVersion: 0 },
        { key: 'there', value: 3, expectedVersion: 1 },
      ]),
      kv.set('there', 4, { expectedVersion: 2 }),
      // Another key than the failing call's: their statements run side by side.
      kv.set('fifth', 5),
    ])
    expect(settled).toMatchObject([
      { status: 'rejected', reason: { code: 'VERSION_CONFLICT', field: 'entries[1].expectedVersion' } },
      { status: 'fulfilled', value: [1, 2] },
      { status: 'fulfilled', value: 3 },
      { status: 'fulfilled', value: 1 },
    ])
    expect(await rows(of)).toEqual([
      { key: 'fifth', version: 1 },
      { key: 'other', version: 1 },
      { key: 'there', version: 3 },
    ])
  })

  test('of 18 that race for each version exactly one wins', async () => {
    const { kv } = (await newTenant(fleet())).memory
    for (let version = 0; version < 5; version++) {
      const settled = await Promise.allSettled(
        Array.from({ length: 18 }, (_, i) => kv.set('k', i, { expectedVersion: version })),
      )
      const won = settled.flatMap((one, i) => (one.status === 'fulfilled' ? [i] : []))
      expect(won).toHaveLength(1)
      expect(await kv.entry('k')).toMatchObject({ value: won[0], version: version + 1 })
    }
  })
})

describe('increment', () => {
  test('loses nothing among callers and batches, and its answers are the running sums', async () => {
    const { kv } = (await newTenant(fleet())).memory
    const answers = (
      await Promise.all(
        Array.from({ length: 18 }, async () => {
          const seen: number[] = []
          for (let i = 0; i < 20; i++) {
            seen.push(await kv.increment('n'))
            await kv.increment(`n${i % 3}`, -2)
          }
          return seen
        }),
      )
    ).flat()
    expect(answers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 360 }, (_, i) => i + 1))
    expect(await kv.entry('n')).toMatchObject({ value: 360, version: 360 })
  })

  test('refuses what is no number or grows too large, alone in its batch', async () => {
    const { kv } = (await newTenant(fleet())).memory
    await kv.setMany([
      { key: 'text', value: '1' },
      { key: 'bytes', value: Buffer.from('1') },
      { key: 'most', value: Number.MAX_SAFE_INTEGER },
      { key: 'half', value: 0.5 },
    ])
    const settled = await Promise.allSettled(['text', 'new', 'bytes', 'most', 'half'].map((key) => kv.increment(key)))
    expect(settled).toMatchObject([
      { status: 'rejected', reason: { code: 'VALUE_NOT_NUMBER', field: 'key' } },
      { value: 1 },
      { status: 'rejected', reason: { code: 'VALUE_NOT_NUMBER' } },
      { status: 'rejected', reason: { code: 'VALUE_NOT_NUMBER' } },
      { value: 1.5 },
    ])
    expect(await kv.get('text')).toBe('1')
    expect(await kv.get('most')).toBe(Number.MAX_SAFE_INTEGER)
    await expect(kv.increment('most', -1)).resolves.toBe(Number.MAX_SAFE_INTEGER - 1)
  })

  test('keeps the expiry, moves it when told, and starts anew after it', async () => {
    const of = await newTenant(fleet())
    const { kv } = of.memory
    await kv.set('k', 5, { ttlMs: 100_000 })
    const { expiresAt } = (await kv.entry('k')) ?? {}
    await kv.increment('k')
    expect((await kv.entry('k'))?.expiresAt).toEqual(expiresAt)
    await kv.increment('k', 1, { ttlMs: 1_000_000 })
    expect(Number((await kv.entry('k'))?.expiresAt)).toBeGreaterThan(Number(expiresAt))
    await expire(of, 'k')
    expect(await kv.increment('k', 3)).toBe(3)
    expect(await kv.entry('k')).toEqual({ key: 'k', value: 3, version: 1, expiresAt: null })
  })
})

describe('expiry', () => {
  test('after ttlMs the key is gone for every reader, and a write starts anew', async () => {
    const of = await newTenant(fleet())
    const { kv } = of.memory
    const before = Date.now()
    await kv.set('k', 'a', { ttlMs: 60_000 })
    const entry = await kv.entry('k')
    expect(Math.abs(Number(entry?.expiresAt) - before - 60_000)).toBeLessThan(20_000)
    await kv.set('short', 1, { ttlMs: 1 })
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await kv.get('short')).toBeUndefined()
    await kv.set('k', 'b', { ttlMs: 60_000 })
    await expire(of, 'k')
    expect([await kv.get('k'), await kv.entry('k'), await kv.exists('k'), await kv.list()]).toEqual([
      undefined,
      undefined,
      false,
      [],
    ])
    expect(await kv.delete('k')).toBe(false)
    expect(await kv.set('k', 'c', { expectedVersion: 0 })).toBe(1)
    expect(await kv.entry('k')).toMatchObject({ value: 'c', version: 1, expiresAt: null })
  })

  test('a set without ttlMs ends an expiry', async () => {
    await tenant.memory.kv.set('k', 1, { ttlMs: 1000 })
    await tenant.memory.kv.set('k', 1)
    expect((await tenant.memory.kv.entry('k'))?.expiresAt).toBeNull()
  })

  test('cleanup removes what has expired, in steps, and nothing else', async () => {
    const of = await newTenant(fleet())
    await of.memory.kv.setMany(Array.from({ length: 8 }, (_, i) => ({ key: `k${i}`, value: i })))
    for (let i = 0; i < 7; i++) await expire(of, `k${i}`)
    const aborted = of.memory.kv.cleanup({ rowsMax: 1, signal: AbortSignal.abort() })
    await failure(aborted, 'ABORTED')
    expect(await of.memory.kv.cleanup({ rowsMax: 3 })).toBe(7)
    expect(await rows(of)).toEqual([{ key: 'k7', version: 1 }])
  })
})

test('against a model: whatever is called, in batches of any shape', async () => {
  // One statement in flight: of two, either may come first.
  const ordered = await openTestFleet({ batch: { flightsMax: 1 } })
  const key = fc.constantFrom('a', 'b', 'c')
  const expected = fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined })
  const command = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key, expected, value: fc.integer() }),
    fc.record({
      do: fc.constant('setMany' as const),
      value: fc.integer(),
      entries: fc.uniqueArray(fc.record({ key, expected }), { selector: (one) => one.key, minLength: 1 }),
    }),
    fc.record({ do: fc.constant('delete' as const), key, expected }),
    fc.record({ do: fc.constant('expire' as const), key }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(command, { minLength: 1, maxLength: 5 }), { maxLength: 5 }), async (batches) => {
      const of = await newTenant(ordered)
      const { kv } = of.memory
      const model = new Map<string, { value: number; version: number }>()
      const version = (of: string) => model.get(of)?.version ?? 0
      const meets = (one: { key: string; expected?: number | undefined }) =>
        one.expected === undefined || one.expected === version(one.key)
      for (const batch of batches) {
        // Of one kind at a time: calls of one operation leave in one statement, in order.
        for (const kind of ['set', 'delete', 'expire'] as const) {
          const group = batch.filter((one) => one.do.startsWith(kind))
          const calls = group.map(async (one): Promise<unknown> => {
            if (one.do === 'expire') return await expire(of, one.key, ordered)
            const options = 'expected' in one && one.expected !== undefined ? { expectedVersion: one.expected } : {}
            if (one.do === 'set') return await kv.set(one.key, one.value, options)
            if (one.do === 'delete') return await kv.delete(one.key, options)
            return await kv.setMany(
              one.entries.map((each) => ({
                key: each.key,
                value: one.value,
                ...(each.expected === undefined ? {} : { expectedVersion: each.expected }),
              })),
            )
          })
          const settled = await Promise.allSettled(calls)
          for (const [i, one] of group.entries()) {
            const got = settled[i]
            const entries = one.do === 'setMany' ? one.entries : [one as { key: string; expected?: number }]
            if (one.do === 'expire') model.delete(one.key)
            else if (!entries.every(meets)) {
              expect(got).toMatchObject({ status: 'rejected', reason: { code: 'VERSION_CONFLICT' } })
            } else if (one.do === 'delete') {
              expect(got).toMatchObject({ value: model.delete(one.key) })
            } else {
              for (const each of entries) model.set(each.key, { value: one.value, version: version(each.key) + 1 })
              const versions = entries.map((each) => version(each.key))
              expect(got).toMatchObject({ value: one.do === 'set' ? versions[0] : versions })
            }
          }
        }
        for (const each of ['a', 'b', 'c']) {
          const entry = await kv.entry(each)
          expect(entry && { value: entry.value, version: entry.version }).toEqual(model.get(each))
        }
      }
      expect((await rows(of, ordered)).filter((row) => row.version === 0)).toEqual([])
    }),
    { numRuns: 25 },
  )
})

test('batches of several processes that share keys, in any order, neither deadlock nor lose a version', async () => {
  const of = await newTenant(fleet())
  const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)
  const writes = Array.from({ length: 120 }, (_, n) => {
    const picked = [...keys.keys()].filter((i) => ((n * 7919) >> i) & 1)
    const turned = n % 2 ? picked.toReversed() : picked
    // Half of them through the path of expected versions, which locks first; each expects nothing of its keys.
    return of.memory.kv.setMany([
      ...turned.map((i) => ({ key: keys[i] as string, value: n })),
      ...(n % 2 ? [{ key: `new ${n}`, value: n, expectedVersion: 0 }] : []),
    ])
  })
  const versions = (await Promise.all(writes)).map((one) => one.length).reduce((a, b) => a + b)
  expect((await rows(of)).reduce((sum, row) => sum + row.version, 0)).toBe(versions)
})

describe('list', () => {
  test('by prefix: every character stands for itself', async () => {
    const { kv } = (await newTenant(fleet())).memory
    const keys = [
      'a%',
      'a%b',
      'a_',
      'aXb',
      'ab',
      'a\\',
      '%',
      '_',
      'ä',
      '\u{10ffff}',
      '\u{10ffff}x',
      '\ud7ff',
      '\ue000',
      'A',
    ]
    await kv.setMany(keys.map((key) => ({ key, value: 1 })))
    const under = async (prefix: string) => (await kv.list({ prefix })).map(({ key }) => key)
    const byBytes = (all: string[]) => all.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(await under('')).toEqual(byBytes(keys))
    for (const prefix of ['a%', 'a_', 'a', 'a\\', '%', '_', '\u{10ffff}', '\ud7ff', 'A', 'nothing']) {
      expect(await under(prefix), prefix).toEqual(byBytes(keys.filter((key) => key.startsWith(prefix))))
    }
  })

  test('pages go on behind the last key, and neither repeat nor skip', async () => {
    const { kv } = (await newTenant(fleet())).memory
    await kv.setMany(Array.from({ length: 25 }, (_, i) => ({ key: `p/${String(i).padStart(2, '0')}`, value: i })))
    await kv.setMany([
      { key: 'o', value: 1 },
      { key: 'p0', value: 1 },
    ])
    const seen: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await kv.list({ prefix: 'p/', limit: 7, ...(after === undefined ? {} : { after }) })
      seen.push(...page.map(({ key }) => key))
      after = page.at(-1)?.key
      if (page.length < 7) break
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => `p/${String(i).padStart(2, '0')}`))
  })

  test('the end of a prefix lies above all that begin with it, and below all others above it', () => {
    const text = fc.string({ unit: 'binary', maxLength: 5 }).filter((one) => one.isWellFormed())
    const above = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const end = endOf(prefix)
        expect(end.isWellFormed()).toBe(true)
        expect(above(end, prefix + other)).toBe(true)
        if (above(end, other) && above(other, prefix)) expect(other.startsWith(prefix)).toBe(true)
      }),
    )
  })
})

describe('bad input', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  const BAD_KEYS: [string, unknown][] = [
    ['empty', ''],
    ['501 characters', 'x'.repeat(501)],
    ['a number', 1],
    ['null', null],
    ['a NUL character', 'a\0'],
    ['half of a surrogate pair', 'a\ud800'],
  ]
  test.each(BAD_KEYS)('a key that is %s is refused everywhere, by name', async (_, bad) => {
    const { kv } = tenant.memory
    const key = bad as string
    for (const call of [kv.get(key), kv.entry(key), kv.set(key, 1), kv.increment(key)]) {
      expect(await failure(call)).toMatchObject({ code: 'INPUT_INVALID', field: 'key' })
    }
    for (const call of [kv.getMany(['a', key]), kv.delete(['a', key]), kv.exists(['a', key])]) {
      expect(await failure(call)).toMatchObject({ code: 'INPUT_INVALID', field: 'keys[1]' })
    }
    const many = kv.setMany([
      { key: 'good', value: 1 },
      { key, value: 1 },
    ])
    expect(await failure(many)).toMatchObject({ code: 'INPUT_INVALID', field: 'entries[1].key' })
    expect(await kv.get('good')).toBeUndefined()
  })

  test.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['NaN', Number.NaN],
    ['a Date', new Date()],
    ['a cycle', cycle],
    ['1 MiB of text and more', 'x'.repeat(1024 * 1024)],
    ['1 MiB of bytes and one', new Uint8Array(1024 * 1024 + 1)],
    ['a NUL character', { a: '\0' }],
  ])('a value that is %s is refused, by name', async (_, value) => {
    expect(await failure(tenant.memory.kv.set('bad', value as never))).toMatchObject({
      code: 'INPUT_INVALID',
      field: 'value',
    })
    const many = tenant.memory.kv.setMany([
      { key: 'good', value: 1 },
      { key: 'bad', value: value as never },
    ])
    expect(await failure(many)).toMatchObject({ code: 'INPUT_INVALID', field: 'entries[1].value' })
    expect(await tenant.memory.kv.exists(['good', 'bad'])).toEqual([false, false])
  })

  test('options, numbers and calls out of range are refused, by name', async () => {
    const { kv } = tenant.memory
    const refused: [Promise<unknown>, string][] = [
      [kv.set('k', 1, { ttlMs: 0 }), 'options.ttlMs'],
      [kv.set('k', 1, { ttlMs: 1.5 }), 'options.ttlMs'],
      [kv.set('k', 1, { ttlMs: Number.POSITIVE_INFINITY }), 'options.ttlMs'],
      [kv.set('k', 1, { expectedVersion: -1 }), 'options.expectedVersion'],
      [kv.set('k', 1, { ttl: 5 } as never), 'options.ttl'],
      [kv.increment('k', 0.5), 'by'],
      [kv.increment('k', 2 ** 53), 'by'],
      [kv.delete(['k'], { expectedVersion: 1 } as never), 'options.expectedVersion'],
      [kv.list({ limit: 0 }), 'options.limit'],
      [kv.list({ prefix: '\0' }), 'options.prefix'],
      [kv.list({ after: 'x'.repeat(501) }), 'options.after'],
      [kv.cleanup({ rowsMax: 0 }), 'options.rowsMax'],
      [
        kv.setMany([
          { key: 'k', value: 1 },
          { key: 'k', value: 2 },
        ]),
        'entries[1].key',
      ],
      [kv.setMany(Array.from({ length: 1001 }, (_, i) => ({ key: `k${i}`, value: 1 }))), 'items'],
      [kv.setMany(Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, value: 'x'.repeat(1_000_000) }))), 'entries'],
    ]
    for (const [call, field] of refused) expect(await failure(call)).toMatchObject({ code: 'INPUT_INVALID', field })
    expect(await kv.exists('k')).toBe(true)
    expect(await kv.get('k')).toBe(1)
  })

  test('the longest key and the largest values are taken', async () => {
    const { kv } = tenant.memory
    const key = '\u{1f600}'.repeat(250)
    await kv.set(key, 'x'.repeat(1024 * 1024 - 2))
    expect(await kv.get(key)).toHaveLength(1024 * 1024 - 2)
    await kv.set(key, Buffer.alloc(1024 * 1024, 7))
    expect(await kv.get(key)).toHaveLength(1024 * 1024)
  })
})

test('the SQL of docs/records.md runs, one statement after the other', async () => {
  const text = await readFile(new URL('../../docs/records.md', import.meta.url), 'utf8')
  const statements = [...text.matchAll(/```sql\n([\s\S]*?)```/g)].flatMap(([, block]) => block?.split(/;\n/) ?? [])
  await fleet().tenants.create({ id: 'acme' })
  const results = []
  for (const statement of statements.filter((one) => one.trim() !== '')) results.push(await sql(fleet(), statement))
  expect(results).toEqual([[{ version: 1 }], [{ value: { a: 1 }, version: 1 }]])
})
