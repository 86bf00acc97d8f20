import { evaluateTarget, type Metric, type Sample, type Target } from 'pgfleet/bench'
import { describe, expect, test } from 'vitest'
import { sampleOf } from './samples.js'

const entrant = (name: string, samples: readonly (Partial<Sample> | null)[], errors = 0) => ({
  name,
  samples: samples.map((sample) => sample && sampleOf(sample)),
  errors,
  unavailable: null,
})

const target = (metric: Metric, op: '>=' | '<=', value: number): Target => ({
  id: 'id',
  what: 'what',
  source: 'source',
  metric,
  op,
  value,
})

const p99: Metric = { kind: 'median', of: 'p99', contestant: 'a' }

describe('a target', () => {
  test.for([
    { op: '<=', value: 3, verdict: 'met' },
    { op: '<=', value: 2.9, verdict: 'short' },
    { op: '>=', value: 3, verdict: 'met' },
    { op: '>=', value: 3.1, verdict: 'short' },
  ] as const)('p99 3 ms $op $value is $verdict', ({ op, value, verdict }) => {
    const result = evaluateTarget(target(p99, op, value), [entrant('a', [{ p99: 1 }, { p99: 3 }, { p99: 9 }])])
    expect(result).toMatchObject({ verdict, unit: 'ms', measured: { median: 3, min: 1, max: 9 }, reason: null })
  })

  test('may be about a figure of the scenario, with a unit of its own', () => {
    const metric: Metric = { kind: 'median', of: 'figure.hotShare', contestant: 'a' }
    const given = { ...target(metric, '>=', 90), unit: '%' }
    const result = evaluateTarget(given, [entrant('a', [{ figures: { hotShare: 97 } }])])
    expect(result).toMatchObject({ verdict: 'met', unit: '%', measured: { median: 97 } })
  })

  test('may be about growth from the first round to the last', () => {
    const metric: Metric = { kind: 'growth', of: 'rss', contestant: 'a' }
    const rounds = [{ rss: 100 }, { rss: 500 }, { rss: 150 }]
    expect(evaluateTarget(target(metric, '<=', 1.2), [entrant('a', rounds)])).toMatchObject({
      verdict: 'short',
      unit: 'x',
      measured: { median: 1.5 },
    })
    const single = evaluateTarget(target(metric, '<=', 1.2), [entrant('a', [{ rss: 1 }])])
    expect(single).toMatchObject({ verdict: 'unmeasured', reason: 'too few rounds' })
  })

  test('may be about the growth from one contestant to another', () => {
    const metric: Metric = { kind: 'ratio', of: 'p99', contestant: 'large', to: 'small' }
    const contestants = [entrant('small', [{ p99: 2 }, { p99: 4 }]), entrant('large', [{ p99: 3 }, { p99: 6 }])]
    expect(evaluateTarget(target(metric, '<=', 1.5), contestants)).toMatchObject({
      verdict: 'met',
      measured: { median: 1.5 },
    })
  })

  test('is short when calls failed, however fast the others were', () => {
    const result = evaluateTarget(target(p99, '<=', 100), [entrant('a', [{}], 2)])
    expect(result).toMatchObject({ verdict: 'short', reason: '2 calls of "a" failed' })
  })

  test('is unmeasured where the figure does not exist', () => {
    const result = evaluateTarget(target(p99, '<=', 100), [entrant('a', [{ p99: null }])])
    expect(result).toMatchObject({ verdict: 'unmeasured', measured: null, reason: '"a" has no p99' })
  })
})
