import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Follower, SubscriptionIndex } from '../../dist/stores/metadata/subscription-index.js'

const names = ['a', 'b', 'c']
const name = fc.constantFrom(...names)
const some = fc.option(fc.uniqueArray(name, { minLength: 1 }), { nil: undefined })
const follower = fc.record({ channel: fc.option(name, { nil: undefined }), entities: some, keys: some }).map(
  ({ channel, entities, keys }): Follower => ({
    channel,
    entities: entities && new Set(entities),
    keys: keys && new Set(keys),
  }),
)
const place = { entity: name, entityId: fc.constant('id'), channel: fc.option(name) }
const position = { log: 'a-1', transaction: 1n, sequence: 1n }
const logged = fc.oneof(
  fc.record({
    change: fc.record({
      kind: fc.constant('deleted' as const),
      ...place,
      key: name,
      version: fc.nat(),
      updatedAt: fc.constant(null),
    }),
    position: fc.constant(position),
    isHere: fc.constant(false),
  }),
  fc.record({
    change: fc.record({ kind: fc.constant('left' as const), ...place }),
    position: fc.constant(position),
    isHere: fc.boolean(),
  }),
)

/** What is written in the documentation, said plainly. */
function wants(
  { channel, entities, keys }: Follower,
  { change, isHere }: typeof logged extends fc.Arbitrary<infer T> ? T : never,
) {
  if (entities !== undefined && !entities.has(change.entity)) return false
  if (channel !== undefined && channel !== change.channel) return false
  if (change.kind === 'left') return !isHere || channel !== undefined
  return keys === undefined || keys.has(change.key)
}

test('finds exactly those who want a change, each once, whoever has come and gone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(follower, fc.boolean()), { maxLength: 30 }),
      fc.array(logged, { maxLength: 10 }),
      (followers, changes) => {
        const index = new SubscriptionIndex<Follower>()
        for (const [each] of followers) index.add(each)
        for (const [each, leaves] of followers) if (leaves) index.delete(each)
        const left = followers.filter(([, leaves]) => !leaves).map(([each]) => each)
        expect(index.size).toBe(left.length)
        for (const each of changes) {
          const found = [...index.find(each)]
          expect(new Set(found).size).toBe(found.length)
          expect(new Set(found)).toEqual(new Set(left.filter((one) => wants(one, each))))
        }
      },
    ),
  )
})
