import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { xorshift128plus } from 'pure-rand/generator/xorshift128plus'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AlertEvaluator } from '../../../dist/monitoring/alerts/alert-evaluator.js'
import { createMemoryAlertStore } from '../../../dist/monitoring/alerts/memory-alert-store.js'
import { formatPrometheusRules } from '../../../dist/monitoring/alerts/prometheus-rules.js'
import { type AlertRule, alertName, KEEP_FIRING_MS, severityOf } from '../../../dist/monitoring/alerts/rule.js'
import { RULES } from '../../../dist/monitoring/alerts/rules/index.js'
import { reachOf, type Series, seriesOf, THRESHOLDS_USED } from './series.js'

const PROMTOOL = process.env.PROMTOOL

// One set of series goes through Prometheus's own evaluation and through ours; every alert has to be the same at every step.
// Intervals are primes, so that no sample lies exactly at the edge of a window, about which versions of Prometheus differ.
const INTERVALS = [17, 211, 1201, 4801]

const intervalOf = (rule: AlertRule) =>
  INTERVALS.find((interval) => reachOf(rule) <= interval * 60) ?? (INTERVALS.at(-1) as number)

const START = new Date(0)

/** The alerts of a rule at every step, as the samples of ALERTS that Prometheus would write. */
async function evaluate(rule: AlertRule, series: readonly Series[], intervalS: number): Promise<string[][]> {
  const evaluator = new AlertEvaluator({
    rules: [rule],
    thresholds: THRESHOLDS_USED,
    store: createMemoryAlertStore(),
    receivers: [],
    intervalMs: intervalS * 1000,
  })
  const steps = series[0]?.values.length ?? 0
  const seen: string[][] = []
  for (let step = 0; step < steps; step++) {
    const samples = series.flatMap(({ metric, labels, values }) => {
      const value = values[step]
      return value === undefined ? [] : [{ metric, labels, value }]
    })
    const at = new Date(START.getTime() + step * intervalS * 1000)
    await evaluator.observe(
      { at, server: undefined, isUp: true, samples, failures: [], milliseconds: 1 },
      new AbortController().signal,
    )
    const open = evaluator.alerts.filter(({ state }) => state !== 'resolved')
    seen.push(
      open.map(
        ({ state, labels }) =>
          `ALERTS{${Object.entries({
            alertname: alertName(rule),
            alertstate: state,
            severity: severityOf(rule),
            ...labels,
          })
            .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
            .join(', ')}}`,
      ),
    )
  }
  return seen
}

/** A group of promtool's tests. */
async function testGroup(rule: AlertRule, series: readonly Series[], intervalS: number) {
  const seen = await evaluate(rule, series, intervalS)
  return {
    seen,
    group: {
      interval: `${intervalS}s`,
      name: rule.id,
      input_series: series.map(({ metric, labels, values }) => ({
        series: `${metric}{${Object.entries(labels)
          .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
          .join(', ')}}`,
        // A metric that a scrape no longer brings is stale at once.
        values: values.map((value) => value ?? 'stale').join(' '),
      })),
      promql_expr_test: seen.map((alerts, step) => ({
        expr: `ALERTS{alertname="${alertName(rule)}"}`,
        eval_time: `${step * intervalS}s`,
        exp_samples: alerts.map((labels) => ({ labels, value: 1 })),
      })),
    },
  }
}

const run = promisify(execFile)

describe.skipIf(PROMTOOL === undefined)('promtool', () => {
  let folder: string
  let rules: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgfleet-promtool-'))
    rules = join(folder, 'rules.yaml')
    await writeFile(rules, formatPrometheusRules(RULES, THRESHOLDS_USED))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function check(
    groups: readonly { readonly rule: AlertRule; readonly intervalS: number; readonly group: object }[],
  ) {
    const files: string[] = []
    for (const { rule, intervalS, group } of groups) {
      // A file each: every rule of a file is evaluated for each of its tests.
      await writeFile(join(folder, `${rule.id}.yaml`), formatPrometheusRules([rule], THRESHOLDS_USED))
      const file = join(folder, `${rule.id}.test.yaml`)
      // JSON is YAML.
      const content = { rule_files: [`${rule.id}.yaml`], evaluation_interval: `${intervalS}s`, tests: [group] }
      await writeFile(file, JSON.stringify(content))
      files.push(file)
    }
    const { stdout, stderr } = await run(PROMTOOL as string, ['test', 'rules', ...files], { maxBuffer: 1e8 }).catch(
      (error: { stdout: string; stderr: string }) => error,
    )
    expect(`${stdout}${stderr}`.match(/SUCCESS/g)?.length, `${stdout}${stderr}`.slice(0, 3000)).toBe(files.length)
  }

  test('accepts the rules', async () => {
    const { stdout } = await run(PROMTOOL as string, ['check', 'rules', rules])
    expect(stdout).toContain(`SUCCESS: ${RULES.length} rules found`)
    // No warning about duplicates either.
    expect(stdout).not.toMatch(/duplicate/)
  })

  test('comes to the same alerts at every step, while each rule becomes due and is well again', async () => {
    const groups: { rule: AlertRule; intervalS: number; group: object }[] = []
    for (const rule of RULES) {
      const intervalS = intervalOf(rule)
      const steps = Math.ceil((reachOf(rule) * 1.3 + 2 * (KEEP_FIRING_MS / 1000)) / intervalS) + 2
      const isAbsence = 'absent' in rule.condition
      const phases = (['well', 'due', 'well'] as const).flatMap((phase) => Array(steps).fill(phase))
      const series = isAbsence
        ? [{ metric: 'pg_up', labels: {}, values: phases.map((phase) => (phase === 'due' ? undefined : 1)) }]
        : seriesOf(rule, phases, intervalS)
      const { seen, group } = await testGroup(rule, series, intervalS)
      const count = (state: string, from: number, to: number) =>
        seen.slice(from, to).filter((alerts) => alerts.some((alert) => alert.includes(`alertstate="${state}"`))).length
      expect(count('firing', 0, steps), `${rule.id} is quiet while all is well`).toBe(0)
      expect(count('firing', steps, 2 * steps), `${rule.id} fires`).toBeGreaterThan(0)
      expect(count('pending', steps, 2 * steps) > 0, `${rule.id} waits first`).toBe(rule.forS > 0)
      expect(seen.at(-1), `${rule.id} is over`).toEqual([])
      groups.push({ rule, intervalS, group })
    }
    await check(groups)
  })

  test('comes to the same alerts at every step of random series with gaps and resets', async () => {
    const generator = xorshift128plus(20_260_101)
    const number = () => (generator.next() >>> 0) / 2 ** 32
    const groups: { rule: AlertRule; intervalS: number; group: object }[] = []
    for (const rule of RULES.filter(({ condition }) => !('absent' in condition))) {
      const intervalS = intervalOf(rule)
      const reach = Math.ceil(reachOf(rule) / intervalS)
      const phases: ('well' | 'due' | 'gone')[] = []
      while (phases.length < 120) {
        const phase = (['well', 'due', 'due', 'gone'] as const)[Math.floor(number() * 4)] ?? 'well'
        phases.push(...Array(1 + Math.floor(number() * (phase === 'due' ? 1.5 * reach + 10 : 10))).fill(phase))
      }
      const series = seriesOf(rule, phases.slice(0, 150), intervalS, { number, missing: 0.01, reset: 0.02 })
      groups.push({ rule, intervalS, group: (await testGroup(rule, series, intervalS)).group })
    }
    await check(groups)
  })
})

test('deploy/prometheus/rules.yaml has the rules', async () => {
  await expect(formatPrometheusRules(RULES, THRESHOLDS_USED)).toMatchFileSnapshot(
    '../../../deploy/prometheus/rules.yaml',
  )
})
