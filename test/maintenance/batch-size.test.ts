import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BatchSize } from '../../dist/maintenance/batch-size.js'

test('a batch has 1 to the most rows, half as many after a time-out, and grows back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.array(fc.boolean(), { maxLength: 200 }), (most, outcomes) => {
      const size = new BatchSize(most)
      expect(size.rows).toBe(most)
      for (const isInTime of outcomes) {
        const before = size.rows
        if (isInTime) {
          size.grow()
          expect([before, Math.min(most, before * 2)]).toContain(size.rows)
        } else {
          expect(size.shrink()).toBe(before > 1)
          expect(size.rows).toBe(Math.max(1, Math.floor(before / 2)))
        }
        expect(size.rows).toBeGreaterThanOrEqual(1)
        expect(size.rows).toBeLessThanOrEqual(most)
      }
      for (let n = 0; n < 8 * 20; n++) size.grow()
      expect(size.rows).toBe(most)
    }),
  )
})
