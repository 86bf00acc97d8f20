// A group of settings is kept for what it does, never for luck.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judge, ROUNDS_MIN } from '../../dist/configuration/judgement.js'

const rates = (factor: number, noise: readonly number[]) => noise.map((share) => 1000 * factor * (1 + share))
const STEADY = [0.004, -0.003, 0.002, -0.004, 0.001, -0.002]
const OTHER = [-0.002, 0.003, -0.001, 0.004, -0.003, 0.002]

const judged = (purpose: 'speed' | 'safety', ...factors: number[]) =>
  judge(
    purpose,
    factors.map((factor, i) => ({ load: `load ${i}`, before: rates(1, STEADY), after: rates(factor, OTHER) })),
  )

describe('a group for speed', () => {
  test('is kept when it wins outside the noise', () => {
    expect(judged('speed', 1.05)).toMatchObject({
      kept: true,
      reason: expect.stringMatching(/^faster: load 0 100\d → 105\d a second/),
    })
    expect(judged('speed', 1.0)).toMatchObject({
      kept: false,
      reason: expect.stringMatching(/^no gain outside the noise/),
    })
    expect(judged('speed', 0.95)).toMatchObject({ kept: false, reason: expect.stringMatching(/^slower/) })
  })

  test('is not kept when one load pays for the other', () => {
    expect(judged('speed', 1.5, 0.9)).toMatchObject({ kept: false, reason: expect.stringMatching(/^slower: load 1/) })
    expect(judged('speed', 1.05, 1.0).kept).toBe(true)
  })
})

describe('a group for safety', () => {
  test('is kept unless it loses outside the noise', () => {
    expect(judged('safety', 1.0)).toMatchObject({ kept: true, reason: expect.stringMatching(/^costs nothing/) })
    expect(judged('safety', 0.99).kept).toBe(false)
    expect(judged('safety', 1.05).kept).toBe(true)
  })
})

test('fewer rounds than can tell keep nothing for speed, and nothing for safety is lost', () => {
  const few = { load: 'a', before: [1, 1, 1], after: [9, 9, 9] }
  expect(judge('speed', [few]).kept).toBe(false)
  expect(judge('safety', [{ ...few, after: [0.1, 0.1, 0.1] }]).kept).toBe(true)
})

test('what has no effect is kept for luck in one run of twenty at most', () => {
  let kept = 0
  let runs = 0
  const noise = fc.array(fc.double({ min: -0.2, max: 0.2, noNaN: true }), { minLength: ROUNDS_MIN, maxLength: 12 })
  // Noise of both sides from the same distribution; values of fast-check cluster at the bounds, so they are spread by a sine.
  fc.assert(
    fc.property(noise, fc.integer(), (shape, seed) => {
      const spread = (offset: number) =>
        shape.map((_, i) => Math.abs(Math.sin((seed % 1e6) + 12.9898 * (i + offset)) * 43758.5453) % 1)
      const [before, after] = [spread(0), spread(100)].map((values) => values.map((value) => 900 + 200 * value))
      runs++
      if (judge('speed', [{ load: 'a', before: before as number[], after: after as number[] }]).kept) kept++
    }),
    { numRuns: 2000, seed: 1 },
  )
  expect(kept / runs).toBeLessThan(0.05)
})
