import { setTimeout as sleep } from 'node:timers/promises'
import { measure } from 'pgfleet/bench'
import { describe, expect, test } from 'vitest'

describe('measure', () => {
  test('runs the callers side by side, each with one call at a time', async () => {
    const running = new Map<number, number>()
    let together = 0
    const sample = await measure(
      async (caller) => {
        running.set(caller, (running.get(caller) ?? 0) + 1)
        expect(running.get(caller)).toBe(1)
        together = Math.max(
          together,
          [...running.values()].reduce((a, b) => a + b),
        )
        await sleep(5)
        running.set(caller, 0)
      },
      { callers: 4, durationMs: 100 },
    )
    expect(together).toBe(4)
    expect([...running.keys()].toSorted()).toEqual([0, 1, 2, 3])
    expect(sample.p50).toBeGreaterThanOrEqual(4)
    expect(sample.operations).toBeGreaterThan(4)
    expect(sample.operations).toBeLessThanOrEqual(4 * 26)
  })

  test('counts items, and only those after the warm-up', async () => {
    let calls = 0
    const operation = async () => {
      calls += 1
      await sleep(2)
    }
    const sample = await measure(operation, { callers: 2, warmUpMs: 60, durationMs: 60, itemsPerOperation: 10 })
    expect(sample.operations).toBeLessThan(calls)
    expect(sample.throughput).toBeCloseTo((sample.operations * 10) / sample.seconds, 6)
    expect(sample.rss).toBeGreaterThan(1)
  })

  test('a call longer than the measure is counted once, with its whole time', async () => {
    const sample = await measure(() => sleep(50), { callers: 1, durationMs: 5 })
    expect(sample.operations).toBe(1)
    expect(sample.seconds).toBeGreaterThan(0.045)
  })

  test('failed calls are reported and are no operations', async () => {
    let calls = 0
    const operation = async () => {
      await sleep(1)
      calls += 1
      if (calls % 10 === 3) throw new Error(`call ${calls} failed`)
    }
    const sample = await measure(operation, { callers: 1, durationMs: 60 })
    expect(sample.errors).toBeGreaterThan(0)
    expect(sample.operations + sample.errors).toBe(calls)
    expect(sample.firstError).toBe('call 3 failed')
  })

  test('too many failed calls end it with the first as cause', async () => {
    const cause = new Error('no such table')
    const failing = measure(() => Promise.reject(cause), { callers: 3, durationMs: 60_000, errorsMax: 5 })
    await expect(failing).rejects.toMatchObject({ code: 'BENCH_FAILED', cause })
  })

  test('nothing but failed calls is a failure, however few they are', async () => {
    const failing = measure(
      async () => {
        await sleep(10)
        throw new Error('down')
      },
      { callers: 1, durationMs: 5 },
    )
    await expect(failing).rejects.toMatchObject({ code: 'BENCH_FAILED' })
  })
})

describe('ending early', () => {
  test('an abort ends calls that never wait', async () => {
    const abort = new AbortController()
    setTimeout(() => abort.abort(new Error('enough')), 20)
    const running = measure(async () => {}, { callers: 2, durationMs: 60_000, signal: abort.signal })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('an abort reaches the calls in flight and waits for them', async () => {
    const abort = new AbortController()
    let ended = false
    const operation = async (_caller: number, signal: AbortSignal) => {
      await sleep(60_000, undefined, { signal }).catch(() => sleep(20))
      ended = true
    }
    setTimeout(() => abort.abort(), 10)
    const running = measure(operation, { callers: 1, durationMs: 60_000, signal: abort.signal })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    expect(ended).toBe(true)
  })

  test('a signal that has fired before starts nothing', async () => {
    let calls = 0
    const operation = async () => {
      calls += 1
    }
    const running = measure(operation, { callers: 1, durationMs: 10, signal: AbortSignal.abort() })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    expect(calls).toBe(0)
  })

  test('a call that hangs fails the measure after the overtime', async () => {
    const operation = (_caller: number, signal: AbortSignal) => sleep(60_000, undefined, { signal })
    const running = measure(operation, { callers: 1, durationMs: 10, overtimeMs: 30 })
    await expect(running).rejects.toMatchObject({ code: 'BENCH_FAILED' })
  })

  test.for([
    { callers: 0, durationMs: 1 },
    { callers: 1.5, durationMs: 1 },
    { callers: 1, durationMs: 1, itemsPerOperation: 0 },
  ])('refuses %j', async (options) => {
    await expect(measure(async () => {}, options)).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })
})
