import { openLoop } from 'pgfleet/bench'
import { describe, expect, test } from 'vitest'
import { failure } from '../setup/failure.js'

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe('an open loop', () => {
  test('calls come by their shares, all of them, whether those before have ended or not', async () => {
    const result = await openLoop(
      [
        { name: 'often', share: 3, operation: () => pause(30) },
        { name: 'seldom', share: 1, operation: async () => {} },
      ],
      { rate: 1000, durationMs: 200 },
    )
    expect(result.operations).toBe(200)
    expect(result.kinds.map(({ name, operations }) => [name, operations])).toEqual([
      ['often', 150],
      ['seldom', 50],
    ])
    expect(result.inFlightMax).toBeGreaterThan(1)
  })

  test('a call that could not start in time is charged for its wait', async () => {
    let blocked = false
    const block = async () => {
      if (blocked) return
      blocked = true
      const end = performance.now() + 100
      while (performance.now() < end);
    }
    const { latencies } = await openLoop([{ name: 'a', share: 1, operation: block }], { rate: 500, durationMs: 200 })
    // Those that were due while the process was blocked waited for the rest of the block: half of 100 calls, 50 ms in the mean.
    expect(latencies?.p95).toBeGreaterThan(50)
  })

  test('calls of the warm-up are made, and not counted', async () => {
    let calls = 0
    const operation = async () => void calls++
    const { operations } = await openLoop([{ name: 'a', share: 1, operation }], {
      rate: 1000,
      durationMs: 50,
      warmUpMs: 30,
    })
    expect([operations, calls]).toEqual([50, 80])
  })

  test('failures are counted apart, with the first message', async () => {
    let n = 0
    const operation = async () => {
      if (n++ % 2 === 1) throw new Error(`failure ${n}`)
    }
    const result = await openLoop([{ name: 'a', share: 1, operation }], { rate: 1000, durationMs: 40 })
    expect(result).toMatchObject({ operations: 20, errors: 20, firstError: 'failure 2' })
  })

  test('ends when it is aborted, and when calls do not end', async () => {
    const abort = new AbortController()
    const endless = [{ name: 'a', share: 1, operation: () => new Promise(() => {}) }]
    const aborted = openLoop(endless, { rate: 100, durationMs: 60_000, signal: abort.signal })
    abort.abort()
    await failure(aborted, 'ABORTED')
    await failure(openLoop(endless, { rate: 100, durationMs: 20, overtimeMs: 20 }), 'BENCH_FAILED')
  })
})
