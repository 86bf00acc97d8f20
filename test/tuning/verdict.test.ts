// How a trial is decided: properties of the interval and of the decision, on noise that is made here.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide, effectOf, type GuardValue, harmOf, type Sample, type Window } from '../../dist/tuning/verdict.js'

const STARTED = new Date(0)
const sample = (value: number | null, calls = 100, guards: readonly GuardValue[] = []): Sample => ({
  calls,
  value,
  guards,
})
const windowOf = (
  changed: boolean,
  values: readonly (number | null)[],
  guards: readonly GuardValue[] = [],
): Window => ({
  changed,
  startedAt: STARTED,
  samples: values.map((value) => sample(value, 100, guards)),
})
const values = fc.array(fc.double({ min: 0.01, max: 1000, noNaN: true }), { minLength: 4, maxLength: 12 })
const floor = (value: number): GuardValue => ({ name: 'recall', value, limit: 0.9, isFloor: true, isCertain: true })

describe('the interval', () => {
  test('holds its estimate, and turns round with the sides', () => {
    fc.assert(
      fc.property(values, values, (before, after) => {
        const there = effectOf(before, after)
        const back = effectOf(after, before)
        expect(there.low).toBeLessThanOrEqual(there.factor * (1 + 1e-9))
        expect(there.high).toBeGreaterThanOrEqual(there.factor * (1 - 1e-9))
        expect(back.factor * there.factor).toBeCloseTo(1, 6)
        expect(back.low * there.high).toBeCloseTo(1, 6)
      }),
    )
  })

  test('scales with what is measured', () => {
    fc.assert(
      fc.property(values, values, fc.double({ min: 0.01, max: 100, noNaN: true }), (before, after, factor) => {
        const scaled = after.map((value) => value * factor)
        expect(effectOf(before, scaled).factor / effectOf(before, after).factor).toBeCloseTo(factor, 6)
      }),
    )
  })

  test('is the one of the tables for four, six and twelve of each', () => {
    // Critical values of U at 2.5 % a side: 0, 5 and 37.
    for (const [n, critical] of [
      [4, 0],
      [6, 5],
      [12, 37],
    ] as const) {
      const before = Array.from({ length: n }, (_, i) => Math.exp(i * 100))
      const after = Array.from({ length: n }, (_, i) => Math.exp(i * 100 - i - 0.5))
      const differences = after
        .flatMap((one) => before.map((other) => Math.log(Math.max(one, 1e-6)) - Math.log(Math.max(other, 1e-6))))
        .toSorted((a, b) => a - b)
      expect(Math.log(effectOf(before, after).low)).toBeCloseTo(differences[critical] as number, 6)
    }
  })

  test('with three of each says nothing', () => {
    expect(effectOf([1, 1, 1], [9, 9, 9])).toMatchObject({ low: 0, high: Number.POSITIVE_INFINITY })
  })

  test('misses the truth as seldom as it says, whatever the noise', () => {
    let missed = 0
    const rounds = 2000
    // Heavy tails: one in ten is five times as slow.
    let seed = 7
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed / 2147483648
    }
    const noise = () => (0.8 + 0.4 * random()) * (random() < 0.1 ? 5 : 1)
    for (let round = 0; round < rounds; round++) {
      const before = Array.from({ length: 12 }, noise)
      const after = Array.from({ length: 12 }, () => 0.7 * noise())
      const { low, high } = effectOf(before, after)
      if (low > 0.7 || high < 0.7) missed++
    }
    expect(missed / rounds).toBeLessThan(0.07)
  })
})

describe('the decision', () => {
  test('keeps what is better each time, and takes back what is not', () => {
    const pair = (before: readonly number[], after: readonly number[]) => [
      windowOf(false, before),
      windowOf(true, after),
    ]
    const slow = [10, 11, 10.5, 9.8, 10.2, 10.1]
    const fast = slow.map((value) => value / 2)
    expect(decide([...pair(slow, fast), ...pair(slow, fast)], 0.05, 100)).toMatchObject({ decision: 'better' })
    expect(decide([...pair(slow, slow), ...pair(slow, slow)], 0.05, 100)).toMatchObject({ decision: 'no-better' })
    expect(decide([...pair(fast, slow), ...pair(fast, slow)], 0.05, 100)).toMatchObject({ decision: 'harmful' })
    // A gain, and not worth a setting.
    const little = slow.map((value) => value * 0.97)
    expect(decide([windowOf(false, Array(12).fill(10)), windowOf(true, Array(12).fill(9.7))], 0.05, 100)).toMatchObject(
      {
        decision: 'no-better',
      },
    )
    expect(little).toHaveLength(6)
    // Everything became faster meanwhile, whatever was set.
    const drift = [
      ...pair([40, 41, 42, 43, 44, 45], [20, 21, 22, 23, 24, 25]),
      ...pair([4, 4, 4, 4, 4, 4], [5, 5, 5, 5, 5, 5]),
    ]
    expect(decide(drift, 0.05, 100).decision).not.toBe('better')
  })

  test('is never for a change whose guard is broken, or on too little', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(values, values), { minLength: 1, maxLength: 2 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 2000 }),
        (pairs, isBroken, callsMin) => {
          const windows = pairs.flatMap(([before, after]) => [
            windowOf(false, before),
            windowOf(true, after, isBroken ? [floor(0.5)] : []),
          ])
          const { decision, effect } = decide(windows, 0.05, callsMin)
          const enough = windows.every(({ samples }) => samples.length * 100 >= callsMin)
          if (isBroken || !enough) expect(decision).not.toBe('better')
          if (!enough) expect(decision).toBe('no-verdict')
          if (decision === 'better') {
            expect(effect?.high).toBeLessThan(1)
            expect(effect?.factor).toBeLessThanOrEqual(0.95)
          }
        },
      ),
    )
  })

  test('needs samples that have a value', () => {
    const windows = [windowOf(false, [1, 2, 1, 2, null, null]), windowOf(true, [null, null, null, 0.1, 0.1, 0.1])]
    expect(decide(windows, 0.05, 1)).toMatchObject({ decision: 'no-verdict' })
  })
})

describe('harm', () => {
  const before = [windowOf(false, [10, 10, 11, 9, 10, 10])]

  test('is what is certain once, and what is measured twice', () => {
    expect(harmOf(before, [sample(10, 100, [floor(0.5)])])).toContain('recall is 0.5, below 0.9')
    const ceiling: GuardValue = { name: 'reads', value: 9, limit: 2, isFloor: false }
    expect(harmOf(before, [sample(10, 100, [ceiling])])).toBeUndefined()
    expect(harmOf(before, [sample(10, 100, [ceiling]), sample(10, 100, [ceiling])])).toContain('reads is 9, above 2')
    expect(harmOf(before, [sample(30)])).toBeUndefined()
    expect(harmOf(before, [sample(30), sample(null, 0), sample(30)])).toContain('1.5 times')
    expect(harmOf(before, [sample(30), sample(10)])).toBeUndefined()
  })
})
