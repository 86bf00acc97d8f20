import fc from 'fast-check'
import { createRandomOrder, createTestHistory, recentFailuresFirst, recentVerdictsFirst } from 'pgfleet/replay'
import { expect, test } from 'vitest'

/** A history in which each test has the verdicts given, oldest first, `.` where it did not run. */
function historyOf(tests: Record<string, string>) {
  const history = createTestHistory()
  const cycles = Math.max(...Object.values(tests).map((verdicts) => verdicts.length))
  for (let index = 0; index < cycles; index++) {
    const runs = Object.entries(tests)
      .filter(([, verdicts]) => (verdicts[index] ?? '.') !== '.')
      .map(([name, verdicts]) => ({ test: name, duration: 1, failed: verdicts[index] === '1' }))
    history.observe({ cycle: index + 1, runs })
  }
  return history
}

test('a random order is a permutation, and the same for the same seed', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 30 }), fc.integer(), (tests, seed) => {
      const order = createRandomOrder(seed)(tests)
      expect([...order].sort((a, b) => a - b)).toEqual(tests.map((_, index) => index))
      expect(createRandomOrder(seed)(tests)).toEqual(order)
    }),
  )
})

test('most recent failures first goes by the cycle of the last failure', () => {
  const history = historyOf({ never: '0000', long: '1000', just: '0001', twice: '1100' })
  const tests = ['new', 'never', 'long', 'twice', 'just']
  expect(recentFailuresFirst(tests, history).map((index) => tests[index])).toEqual([
    'just',
    'twice',
    'long',
    'new',
    'never',
  ])
})

test('most recent verdicts first goes by the runs of the test itself', () => {
  const history = historyOf({ old: '11..', failing: '..11', once: '0001', passing: '0000' })
  const tests = ['passing', 'once', 'failing', 'old']
  expect(recentVerdictsFirst(tests, history).map((index) => tests[index])).toEqual([
    'failing',
    'old',
    'once',
    'passing',
  ])
})

test('within a cycle the later run of a test is the newer one', () => {
  const history = createTestHistory()
  history.observe({
    cycle: 1,
    runs: [
      { test: 'mended', duration: 1, failed: true },
      { test: 'mended', duration: 3, failed: false },
    ],
  })
  expect(history.get('mended')).toEqual({ verdicts: '01', cycles: 1, duration: 2, lastFailure: 0 })
})
