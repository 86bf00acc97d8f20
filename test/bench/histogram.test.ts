import fc from 'fast-check'
import { createLatencyHistogram, LATENCY_MS_MAX } from 'pgfleet/bench'
import { expect, test } from 'vitest'

const latencies = fc.array(fc.double({ min: 0, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 500 })

test('percentiles are those of the sorted latencies to 0.1 % or a microsecond', () => {
  fc.assert(
    fc.property(latencies, fc.constantFrom(1, 25, 50, 90, 95, 99, 99.9, 100), (values, percent) => {
      const histogram = createLatencyHistogram()
      for (const value of values) histogram.record(value)
      const rank = Math.max(1, Math.ceil((percent / 100) * values.length - 1e-9))
      const exact = values.toSorted((a, b) => a - b)[rank - 1] ?? Number.NaN
      expect(Math.abs(histogram.percentile(percent) - exact)).toBeLessThanOrEqual(exact * 0.001 + 0.001)
      expect(histogram.count()).toBe(values.length)
      histogram.release()
    }),
  )
})

test('the greatest latency is exact and bounds all percentiles', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const histogram = createLatencyHistogram()
      for (const value of values) histogram.record(value)
      const found = histogram.latencies()
      expect(found?.max).toBe(Math.max(...values))
      expect(found?.p50).toBeLessThanOrEqual(found?.p95 ?? -1)
      expect(found?.p95).toBeLessThanOrEqual(found?.p99 ?? -1)
      expect(found?.p99).toBeLessThanOrEqual(found?.max ?? -1)
    }),
  )
})

test('nothing recorded gives no latencies; more than an hour counts as an hour', () => {
  const histogram = createLatencyHistogram()
  expect(histogram.latencies()).toBeNull()
  histogram.record(LATENCY_MS_MAX * 2)
  expect(histogram.latencies()).toEqual({
    p50: LATENCY_MS_MAX,
    p95: LATENCY_MS_MAX,
    p99: LATENCY_MS_MAX,
    max: LATENCY_MS_MAX,
  })
})
