import fc from 'fast-check'
import { median, medianInterval, ratioSpread, spread } from 'pgfleet/bench'
import { describe, expect, test } from 'vitest'

const figures = fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 20 })

describe('median', () => {
  test('of odd, even and no values', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNull()
  })

  test('leaves the values in their order', () => {
    const values = Object.freeze([3, 1, 2])
    expect(median(values)).toBe(2)
    expect(values).toEqual([3, 1, 2])
  })

  test('lies between least and greatest, with at least half of the values on either side', () => {
    fc.assert(
      fc.property(figures, (values) => {
        const middle = median(values) ?? Number.NaN
        const below = values.filter((value) => value <= middle).length
        const above = values.filter((value) => value >= middle).length
        expect(Math.min(below, above) * 2).toBeGreaterThanOrEqual(values.length)
        expect(spread(values)).toEqual({ median: middle, min: Math.min(...values), max: Math.max(...values) })
      }),
    )
  })
})

describe('ratios', () => {
  test('are taken round by round: noise that slows both contestants cancels', () => {
    fc.assert(
      fc.property(figures, fc.double({ min: 0.1, max: 10, noNaN: true }), (theirs, factor) => {
        const ratio = ratioSpread(
          theirs.map((value) => value * factor),
          theirs,
        )
        for (const value of [ratio?.median, ratio?.min, ratio?.max]) expect(value).toBeCloseTo(factor, 9)
      }),
    )
  })

  test('differ from the ratio of the medians', () => {
    expect(ratioSpread([10, 40, 90], [10, 20, 30])).toEqual({ median: 2, min: 1, max: 3 })
    expect(ratioSpread([30, 10, 20], [10, 20, 30])).toEqual({ median: 2 / 3, min: 0.5, max: 3 })
  })

  test('leave out rounds that lack a figure, and are null when all do', () => {
    expect(ratioSpread([null, 40, 90], [10, 20, 0])).toEqual({ median: 2, min: 2, max: 2 })
    expect(ratioSpread([null], [1])).toBeNull()
    expect(ratioSpread([1], [])).toBeNull()
  })
})

describe('the interval of a median', () => {
  const upTo = (n: number) => Array.from({ length: n }, (_, i) => n - i)

  test('lies between the order statistics of the tables', () => {
    // Ranks of 95 % for 6, 10, 20, 21 and 99 values, as in tables of the sign test.
    expect([6, 10, 20, 21, 99].map((n) => medianInterval(upTo(n)))).toEqual([
      { low: 1, high: 6 },
      { low: 2, high: 9 },
      { low: 6, high: 15 },
      { low: 6, high: 16 },
      { low: 40, high: 60 },
    ])
  })

  test('needs six values, and leaves out those that are missing', () => {
    expect(medianInterval(upTo(5))).toBeNull()
    expect(medianInterval([])).toBeNull()
    expect(medianInterval([...upTo(5), null])).toBeNull()
    expect(medianInterval([...upTo(6), null, null])).toEqual({ low: 1, high: 6 })
  })

  test('holds the true median at least 95 times in 100', () => {
    let state = 7
    const random = () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    const held = Array.from({ length: 4000 }, () =>
      medianInterval(Array.from({ length: 20 }, () => random() ** 3)),
    ).filter((one) => one !== null && one.low <= 0.125 && one.high >= 0.125).length
    expect(held / 4000).toBeGreaterThan(0.945)
  })
})
