import fc from 'fast-check'
import { type Json, toContent } from 'pgfleet/learning'
import { expect, test } from 'vitest'
import { canonical, contentHash } from './reference.js'
import { sql, useFleet } from './support.js'

const fleet = useFleet()
const LENGTH_MAX = 1_000_000

// Half surrogates and NUL are refused by the library, and cannot be sent to the database at all.
const special = ['a', 'B', '"', '\\', '\n', '\u001f', '\u007f', '\u2028', 'é', '\ue000', '\ufffd', '😀', '𐀀']
const text = fc
  .oneof(
    fc.array(fc.constantFrom(...special), { maxLength: 6 }).map((letters) => letters.join('')),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  .filter((s) => !s.includes('\0') && s.isWellFormed())
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(
    0,
    -0,
    5e-324,
    1.7976931348623157e308,
    1e21,
    1e20,
    123456789012345680000,
    1e-6,
    1e-7,
    9.5e-7,
    0.1,
    1 / 3,
    2 ** 53,
  ),
)
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(text, number, fc.boolean(), fc.constant(null)),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(text, tie('json'), { maxKeys: 5 }),
  ),
}))

test('TypeScript and SQL agree on the canonical text and the hash of any JSON', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(json, { minLength: 20, maxLength: 60 }), async (values) => {
      const rows = await sql<{ canonical: string; hash: string }>(
        fleet(),
        `select learning.canonical_json(x.value) as canonical, learning.content_hash(x.value)::text as hash
        from jsonb_array_elements($1::jsonb) with ordinality as x(value, place) order by x.place`,
        [JSON.stringify(values)],
      )
      for (const [i, value] of values.entries()) {
        const content = toContent('value', value, LENGTH_MAX)
        expect(content.json).toBe(canonical(value))
        expect(rows[i]?.canonical).toBe(content.json)
        expect(rows[i]?.hash).toBe(content.hash)
        expect(content.hash).toBe(contentHash(value))
      }
    }),
    { numRuns: 60 },
  )
})

const shuffled = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, member]): [string, Json] => [key, shuffled(member)])
  return Object.fromEntries(entries.reverse())
}

test('the order of keys does not matter', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(toContent('value', shuffled(value), LENGTH_MAX)).toEqual(toContent('value', value, LENGTH_MAX))
    }),
  )
})

test('the order of elements does', () => {
  expect(toContent('value', [1, 2], LENGTH_MAX).hash).not.toBe(toContent('value', [2, 1], LENGTH_MAX).hash)
})

test.each([
  ['1', 1, '1'],
  ['null', null, {}],
  ['true', true, 'true'],
  ['[]', [], {}],
])('values that look alike differ: %s', (_, a, b) => {
  expect(toContent('value', a, LENGTH_MAX).hash).not.toBe(toContent('value', b, LENGTH_MAX).hash)
})

test('a hash is a UUID version 8', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(toContent('value', value, LENGTH_MAX).hash).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      )
    }),
  )
})

test('hashes stay what they were: rows of older versions are found by them', () => {
  // Computed by hand with sha256sum over the text pgfleet:1:{"a":[1,"x"],"b":null}.
  expect(toContent('value', { b: null, a: [1, 'x'] }, LENGTH_MAX)).toEqual({
    json: '{"a":[1,"x"],"b":null}',
    hash: '56088302-e994-8467-b19d-a9a8649ff599',
  })
})

test('zero and minus zero are one value', async () => {
  expect(toContent('value', -0, LENGTH_MAX)).toEqual(toContent('value', 0, LENGTH_MAX))
  const [row] = await sql<{ same: boolean }>(
    fleet(),
    `select learning.content_hash('-0') = learning.content_hash('0') and learning.content_hash('-0.0e5') = learning.content_hash('0') as same`,
  )
  expect(row?.same).toBe(true)
})
