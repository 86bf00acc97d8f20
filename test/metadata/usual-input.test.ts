import fc from 'fast-check'
import { expect, test } from 'vitest'
import { check } from '../../dist/input.js'
import { entryKey, entryWrite, usualKey, usualWrite } from '../../dist/stores/metadata/entry.js'

const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20 }),
  fc.constantFrom('', '\0', '\ud800', 'a'.repeat(200), 'a'.repeat(201), 'a'.repeat(500), 'a'.repeat(501)),
  fc.constantFrom<unknown>(undefined, null, 1, {}, [], Object('boxed')),
)
const input = fc.oneof(
  { weight: 9, arbitrary: fc.record({ entity: name, key: name, value: fc.anything() }, { requiredKeys: [] }) },
  fc.record({ entity: name, key: name, value: fc.anything(), ttlMs: fc.anything(), other: fc.anything() }),
  fc.record({ entity: name, key: name }).map((members) => Object.assign([], members)),
  fc.record({ entity: name, key: name, type: fc.constant('text') }).map((members) => Object.create(members)),
  fc.anything(),
)

test.each([
  ['key', usualKey, entryKey],
  ['write', usualWrite, entryWrite],
] as const)('what is taken for a usual %s is what its schema takes, as it is', (_, usual, schema) => {
  fc.assert(
    fc.property(input, (given) => {
      const taken = usual(given)
      if (taken === undefined) return
      const parsed = schema.safeParse(given)
      expect(parsed.success).toBe(true)
      expect(parsed.data).toEqual(taken)
    }),
    { numRuns: 5000 },
  )
})

test('names that can be stored, up to the longest, are usual', () => {
  const longest = { entity: 'e'.repeat(200), key: 'k'.repeat(500) }
  expect(usualKey(longest)).toEqual(longest)
  expect(usualWrite({ ...longest, value: 1 })).toEqual({ ...longest, value: 1 })
  expect(usualKey({ ...longest, value: 1 })).toBeUndefined()
  expect(usualWrite({ ...longest, value: 1, ttlMs: 5 })).toBeUndefined()
})

test('what cannot be read is refused as input', () => {
  const input = {
    get entity(): string {
      throw new Error('not today')
    },
    key: 'k',
    value: 1,
  }
  expect(() => check('write', entryWrite, input, usualWrite)).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', field: 'write' }),
  )
})
