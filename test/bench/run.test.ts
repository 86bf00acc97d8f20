import {
  type Contestant,
  type Queryable,
  type RunProgress,
  resolveBenchOptions,
  runScenario,
  type Target,
} from 'pgfleet/bench'
import { describe, expect, test, vi } from 'vitest'
import { play, playback, ratioTarget, scenarioOf } from './samples.js'

describe('the rounds', () => {
  test('each runs every contestant once, every other one in reverse', async () => {
    const ran: string[] = []
    const recording = (name: string) =>
      playback(name, [], { before: async ({ round }) => void ran.push(`${round}${name}`) })
    const run = await play([recording('a'), recording('b'), recording('c')], [], 3)
    expect(ran).toEqual(['0a', '0b', '0c', '1c', '1b', '1a', '2a', '2b', '2c'])
    expect(run.order).toEqual([
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['a', 'b', 'c'],
    ])
  })

  test('medians and ratios are over rounds, whatever the order in which they ran', async () => {
    const ours = playback('ours', [{ throughput: 200 }, { throughput: 60 }, { throughput: 400 }], { rival: 'theirs' })
    const theirs = playback('theirs', [{ throughput: 100 }, { throughput: 20 }, { throughput: 100 }])
    const run = await play([ours, theirs], [ratioTarget(3)])
    expect(run.contestants[0]?.throughput).toEqual({ median: 200, min: 60, max: 400 })
    expect(run.contestants[0]?.ratio).toEqual({ median: 3, min: 2, max: 4 })
    expect(run.targets[0]).toMatchObject({ verdict: 'met', measured: { median: 3, min: 2, max: 4 }, unit: 'x' })
  })

  test('who is unavailable is not asked again, and stays in the run with the reason', async () => {
    const absent = playback('theirs', ['no pgbench here'])
    const asked = vi.spyOn(absent, 'run')
    const run = await play([playback('ours', [], { rival: 'theirs' }), absent], [ratioTarget(2)])
    expect(asked).toHaveBeenCalledTimes(1)
    expect(run.contestants[1]).toMatchObject({
      unavailable: 'no pgbench here',
      samples: [null, null, null],
      throughput: null,
    })
    expect(run.targets[0]).toMatchObject({ verdict: 'unmeasured', reason: '"theirs": no pgbench here' })
  })
})

test('each contestant waits for the vacuums that the one before has left behind', async () => {
  const log: string[] = []
  let vacuums = 0
  const database: Queryable = {
    async query(text) {
      if (!text.includes('autovacuum worker')) return { rows: [] }
      log.push(`${vacuums} left`)
      return { rows: [{ workers: Math.max(0, vacuums--) }] }
    },
  }
  const leaving = (name: string) =>
    playback(name, [], {
      before: async () => {
        log.push(name)
        vacuums = 2
      },
    })
  const scenario = { ...scenarioOf([]), contestants: () => [leaving('a'), leaving('b')] }
  await runScenario(scenario, { subject: null, database, options: { rounds: 1 } })
  expect(log).toEqual(['0 left', 'a', '2 left', '1 left', '0 left', 'b'])
})

describe('the scenario', () => {
  test('is told its options and state, and progress counts to the end', async () => {
    const told: RunProgress[] = []
    const contestants = vi.fn(() => [playback('a', [])])
    const scenario = { ...scenarioOf([]), contestants, options: { rows: 7, rounds: 9 }, setUp: async () => 'state' }
    await runScenario(scenario, {
      subject: null,
      options: { rounds: 2 },
      onProgress: (progress) => told.push(progress),
    })
    expect(contestants).toHaveBeenCalledWith(expect.objectContaining({ subject: null }), 'state')
    expect(contestants.mock.lastCall?.[0 as never]).toMatchObject({ options: { rows: 7, rounds: 2, callers: 18 } })
    expect(told.at(-1)).toEqual({ message: 'tearing down', done: 2, total: 2 })
  })

  test.for(['setUp', 'contestants', 'run'] as const)('is torn down when %s fails', async (place) => {
    const fail = () => {
      throw new Error(`${place} failed`)
    }
    const tearDown = vi.fn(async () => {})
    const scenario = {
      ...scenarioOf([playback('a', [], place === 'run' ? { run: async () => fail() } : {})]),
      tearDown,
    }
    if (place === 'setUp') scenario.setUp = async () => fail()
    if (place === 'contestants') scenario.contestants = fail
    await expect(runScenario(scenario, { subject: null })).rejects.toThrow(`${place} failed`)
    expect(tearDown).toHaveBeenCalledTimes(1)
  })

  test('is torn down after an abort, with a signal that still lets it work', async () => {
    const abort = new AbortController()
    const signals: boolean[] = []
    const scenario = scenarioOf([playback('a', [], { before: async () => abort.abort() }), playback('b', [])])
    scenario.tearDown = async ({ signal }) => void signals.push(signal.aborted)
    const running = runScenario(scenario, { subject: null, signal: abort.signal })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    expect(signals).toEqual([false])
  })

  test.for<{ contestants: Contestant[]; targets?: Target[]; said: string }>([
    { contestants: [], said: 'no contestants' },
    { contestants: [playback('a', []), playback('a', [])], said: '"a" twice' },
    { contestants: [playback('a', [], { rival: 'b' })], said: 'no contestant "b"' },
    { contestants: [playback('ours', [])], targets: [ratioTarget(1)], said: 'no contestant "theirs"' },
    {
      contestants: [playback('ours', []), playback('theirs', [])],
      targets: [ratioTarget(1), ratioTarget(2)],
      said: '"faster" twice',
    },
  ])('is refused when it has $said', async ({ contestants, targets, said }) => {
    await expect(play(contestants, targets)).rejects.toThrow(said)
  })
})

describe('options', () => {
  test('come from the caller, then the scenario, then the defaults, and are frozen', () => {
    const options = resolveBenchOptions({ rounds: 3, rows: undefined }, { rounds: 4, rows: 5 })
    expect(options).toEqual({ rounds: 3, rows: 5, warmUpMs: 1_000, durationMs: 5_000, callers: 18 })
    expect(Object.isFrozen(options)).toBe(true)
  })

  test.for<object>([{ rounds: 0 }, { callers: 1.5 }, { durationMs: Number.NaN }, { sped: 1 }, { toString: 1 }])(
    'refuse %j',
    (given) => {
      expect(() => resolveBenchOptions(given)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
    },
  )
})
