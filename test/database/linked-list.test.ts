import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LinkedList } from '../../dist/database/linked-list.js'

test('members come, leave once from any place, and stand in their order', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant(-1) },
    { weight: 6, arbitrary: fc.nat(30) },
    fc.constant(-2),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const list = new LinkedList<number>()
      const leaves: (() => boolean)[] = []
      let there: number[] = []
      for (const place of steps) {
        if (place === -2) {
          list.clear()
          there = []
        } else if (place === -1) {
          there.push(leaves.length)
          leaves.push(list.add(leaves.length))
        } else if (place < leaves.length) {
          expect(leaves[place]?.()).toBe(there.includes(place))
          there = there.filter((each) => each !== place)
        }
        expect([...list]).toEqual(there)
        expect(list.size).toBe(there.length)
      }
    }),
  )
})

test('those that leave while it is gone over are met nevertheless, and those that come are not', () => {
  const list = new LinkedList<string>()
  list.add('first')
  const leave = list.add('second')
  const met: string[] = []
  for (const each of list) {
    met.push(each)
    leave()
    list.add('later')
  }
  expect(met).toEqual(['first', 'second'])
})
