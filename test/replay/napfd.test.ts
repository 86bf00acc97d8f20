import fc from 'fast-check'
import { napfd, type Outcome, oracleOrder } from 'pgfleet/replay'
import { describe, expect, test } from 'vitest'

const pass = (duration: number): Outcome => ({ duration, failed: false })
const fail = (duration: number): Outcome => ({ duration, failed: true })

const outcomes = fc.array(fc.record({ duration: fc.integer({ min: 0, max: 50 }), failed: fc.boolean() }), {
  minLength: 1,
  maxLength: 12,
})
const budgets = fc.double({ min: 0.01, max: 1, noNaN: true })

describe('napfd, by hand', () => {
  test('one failure in the first of four places', () => {
    // p = 1; 1 - 1/(1*4) + 1/8
    expect(napfd([fail(1), pass(1), pass(1), pass(1)], 1)).toBeCloseTo(0.875, 12)
  })

  test('one failure in the last of four places, with time for all and for half', () => {
    expect(napfd([pass(1), pass(1), pass(1), fail(1)], 1)).toBeCloseTo(1 - 4 / 4 + 1 / 8, 12)
    expect(napfd([pass(1), pass(1), pass(1), fail(1)], 0.5)).toBe(0)
  })

  test('a run that does not fit is passed over and takes no rank', () => {
    // Budget 6 of 12: 5 fits, 6 does not, 1 does; it is the second run executed. p = 1/2.
    expect(napfd([pass(5), fail(6), fail(1)], 0.5)).toBeCloseTo(0.5 - 2 / (2 * 3) + 0.5 / 6, 12)
  })

  test('a run that ends exactly at the budget fits', () => {
    expect(napfd([pass(0.1), fail(0.2), pass(0.3)], 0.5)).toBeCloseTo(1 - 2 / 3 + 1 / 6, 12)
  })

  test('a cycle of one run scores 0 at half of the time and 1/2 with all of it', () => {
    expect(napfd([fail(3)], 0.5)).toBe(0)
    expect(napfd([fail(3)], 1)).toBe(0.5)
  })

  test('without durations everything fits', () => {
    expect(napfd([fail(0), pass(0)], 0.5)).toBeCloseTo(1 - 1 / 2 + 1 / 4, 12)
  })

  test('without a failure there is no score', () => {
    expect(napfd([pass(1), pass(2)], 0.5)).toBeUndefined()
    expect(napfd([], 1)).toBeUndefined()
  })

  test.each([0, -1, 1.01, Number.NaN])('a budget of %s is refused', (budget) => {
    expect(() => napfd([fail(1)], budget)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', field: 'budget' }))
  })
})

describe('napfd, in general', () => {
  test('lies between 0 and 1', () => {
    fc.assert(
      fc.property(outcomes, budgets, (runs, budget) => {
        const score = napfd(runs, budget)
        if (score !== undefined) expect(score >= 0 && score <= 1).toBe(true)
      }),
    )
  })

  test('no order beats the oracle', () => {
    fc.assert(
      fc.property(outcomes, budgets, fc.infiniteStream(fc.nat()), (runs, budget, keys) => {
        const keyed = runs.map((run) => ({ run, key: keys.next().value as number }))
        const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ run }) => run)
        const best = napfd(
          oracleOrder(runs).map((index) => runs[index] as Outcome),
          budget,
        )
        const score = napfd(shuffled, budget)
        expect(score === undefined).toBe(best === undefined)
        if (score !== undefined && best !== undefined) expect(score).toBeLessThanOrEqual(best + 1e-9)
      }),
    )
  })

  test('exchanging equal runs changes nothing', () => {
    fc.assert(
      fc.property(outcomes, budgets, fc.nat(), fc.nat(), (runs, budget, first, second) => {
        const twin = runs[first % runs.length] as Outcome
        const equal = runs.map((run, index) => (index === second % runs.length ? twin : run))
        const exchanged = [...equal]
        exchanged[first % runs.length] = equal[second % runs.length] as Outcome
        exchanged[second % runs.length] = equal[first % runs.length] as Outcome
        expect(napfd(exchanged, budget)).toBe(napfd(equal, budget))
      }),
    )
  })

  test('a failure moved forward never lowers the score when there is time for all', () => {
    fc.assert(
      fc.property(outcomes, fc.nat(), (runs, at) => {
        const place = at % runs.length
        const moved = runs[place] as Outcome
        if (!moved.failed) return
        const forward = [moved, ...runs.filter((_, index) => index !== place)]
        expect(napfd(forward, 1) ?? 0).toBeGreaterThanOrEqual((napfd(runs, 1) ?? 0) - 1e-9)
      }),
    )
  })
})
