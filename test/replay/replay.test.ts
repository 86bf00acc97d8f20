import { type Cycle, type History, type ReplayProgress, replay } from 'pgfleet/replay'
import { describe, expect, test } from 'vitest'
import { createMemoryStore } from './memory-store.js'

/** Cycles of 20 tests of which two fail, always the same, and the given order has them last. */
function steadyHistory(cycles: number): History {
  const runs = Array.from({ length: 20 }, (_, index) => ({ test: `t${index}`, duration: 1, failed: index >= 18 }))
  return {
    cycles: Array.from({ length: cycles }, (_, index) => ({ cycle: index + 1, runs })),
    badLines: [],
    skipped: 0,
  }
}

/** The history with other outcomes in the cycle at `index`. */
function withOutcomesFlipped({ cycles }: History, index: number): { cycles: Cycle[] } {
  return {
    cycles: cycles.map((cycle, at) =>
      at === index
        ? { ...cycle, runs: cycle.runs.map((run) => ({ ...run, failed: !run.failed, duration: run.duration * 7 })) }
        : cycle,
    ),
  }
}

describe('a replay', () => {
  test('learns what fails', async () => {
    const result = await replay(steadyHistory(30), createMemoryStore(), { epsilon: 0 })
    expect(result.windows).toHaveLength(1)
    expect(result.lastThird.napfd.learned.at50).toBeCloseTo(result.lastThird.napfd.oracle.at50 as number, 12)
    expect(result.overall.napfd.given.at50).toBe(0)
    expect(result).toMatchObject({ runs: 600, tests: 20, overall: { cycles: 30, cyclesWithFailure: 30 } })
  })

  test('gives the same figures for the same seeds, whatever the scope', async () => {
    const options = { seeds: [3, 4], epsilon: 0.2 }
    const { scope: first, ...one } = await replay(steadyHistory(12), createMemoryStore(), options)
    const { scope: second, ...other } = await replay(steadyHistory(12), createMemoryStore(), options)
    expect(first).not.toBe(second)
    expect(one).toEqual(other)
    const third = await replay(steadyHistory(12), createMemoryStore(), { seeds: [5], epsilon: 0.2 })
    expect(third.overall.napfd.learned).not.toEqual(one.overall.napfd.learned)
  })

  test('asks nothing about a cycle that rests on the outcomes of that cycle', async () => {
    const history = steadyHistory(5)
    const [asIs, flipped] = [createMemoryStore(), createMemoryStore()]
    await replay(history, asIs, { scope: 's' })
    await replay(withOutcomesFlipped(history, 3), flipped, { scope: 's' })
    expect(flipped.valuesCalls.slice(0, 4)).toEqual(asIs.valuesCalls.slice(0, 4))
    expect(flipped.learnCalls.slice(0, 3)).toEqual(asIs.learnCalls.slice(0, 3))
    expect(flipped.valuesCalls[4]).not.toEqual(asIs.valuesCalls[4])
  })

  test('looks up and learns each state of a cycle once, in one call each', async () => {
    const store = createMemoryStore()
    const progress: ReplayProgress[] = []
    const result = await replay(steadyHistory(3), store, { onProgress: (at) => progress.push(at) })
    expect(store.valuesCalls).toHaveLength(3)
    expect(store.learnCalls).toHaveLength(3)
    for (const call of store.valuesCalls) expect(new Set(call).size).toBe(call.length)
    expect(progress.map(({ done, total, cycle }) => [done, total, cycle])).toEqual([
      [1, 3, 1],
      [2, 3, 2],
      [3, 3, 3],
    ])
    expect(result.experiences).toBe(store.learnCalls.flat().length)
  })

  test('sends at most 2,000 items in a call', async () => {
    const runs = Array.from({ length: 1_500 }, (_, index) => ({ test: `t${index}`, duration: 1, failed: index === 0 }))
    const store = createMemoryStore()
    await replay({ cycles: [{ cycle: 1, runs }] }, store)
    expect(store.valuesCalls.map((call) => call.length)).toEqual([2_000, expect.any(Number)])
    expect(store.learnCalls.map((call) => call.length)).toEqual([2_000, expect.any(Number)])
  })

  test('scores windows of cycles', async () => {
    const { windows } = await replay(steadyHistory(7), createMemoryStore(), { windowCycles: 3 })
    expect(windows.map(({ from, to, cycles }) => [from, to, cycles])).toEqual([
      [1, 3, 3],
      [4, 6, 3],
      [7, 7, 1],
    ])
  })

  test('has no figures where nothing failed', async () => {
    const history = { cycles: [{ cycle: 1, runs: [{ test: 'a', duration: 1, failed: false }] }] }
    const { overall } = await replay(history, createMemoryStore())
    expect(overall).toMatchObject({ cycles: 1, cyclesWithFailure: 0, napfd: { learned: { at50: null, at100: null } } })
  })

  test('stops between two cycles when aborted', async () => {
    const stop = new AbortController()
    const store = createMemoryStore()
    const aborted = replay(steadyHistory(5), store, {
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 2) stop.abort()
      },
    })
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', details: { done: 2, total: 5 } })
    expect(store.learnCalls).toHaveLength(2)
  })

  test('refuses a history without cycles', async () => {
    await expect(replay({ cycles: [] }, createMemoryStore())).rejects.toMatchObject({ code: 'REPLAY_EMPTY' })
  })

  test.each([
    { seeds: [] },
    { seeds: [0.5] },
    { epsilon: 2 },
    { epsilon: Number.NaN },
    { windowCycles: 0 },
    { agentType: '' },
    { scope: '' },
    { shrinkage: 0 },
  ])('refuses %j before anything is learned', async (options) => {
    const store = createMemoryStore()
    await expect(replay(steadyHistory(1), store, options)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      field: Object.keys(options)[0],
    })
    expect(store.learnCalls).toHaveLength(0)
  })
})
