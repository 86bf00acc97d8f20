import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Fleet } from '../../fleet.js'
import type { NewMetric } from '../../stores/delivery/index.js'
import { loadContestant } from '../contestant.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import { copyContestant } from './copy-contestant.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-metrics'
const RIVAL = 'bench-metrics-copy'
const ROLLED = 'bench-metrics-rolled'
const HISTORY = 'bench-metrics-history'
const BATCH = 2500
const SERIES = 100
const SOURCE = 'delivery store, speed'

interface State {
  readonly fleet: Fleet
}

const names = {
  single: 'record, 18 callers',
  batch: `record ${BATCH} a call, 4 callers, 2 connections`,
  copy: 'psql \\copy, 2 connections',
  rollUp: 'record 5,000 and roll them up, 1 caller',
  percentile: 'percentile of a week',
}

const benchMetric = (n: number): NewMetric => ({
  name: `metric.${n % 10}`,
  category: 'performance',
  type: 'timer',
  numericValue: (n * 7919) % 1000,
  dimensions: { service: `service-${Math.floor(n / 10) % 10}`, region: 'eu-central' },
})

/** What the database makes of the same series: the text of jsonb orders names by length first. */
const seriesId = (n: number) => {
  const { name, category, type, dimensions } = benchMetric(n)
  const text = [category, type, name, `{"region": "${dimensions?.region}", "service": "${dimensions?.service}"}`]
  return createHash('md5').update(text.join('\n')).digest('hex')
}

const atLeast = (id: string, what: string, contestant: string, value: number): Target => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'median', of: 'throughput', contestant },
  op: '>=',
  value,
})

/** Metrics: recording beside COPY, rolling up, and a percentile of a week. */
export const deliveryMetrics: Scenario<BenchSubject, State> = {
  name: 'delivery-metrics',
  title: 'Delivery store: metrics',
  description:
    `Points of ${SERIES} series with two dimensions, every commit durable, into the table with all its indexes, and a row of the audit log ` +
    `a statement. psql's \\copy loads the same rows as the superuser, past row-level security, into series that are there. The percentile ` +
    'is of one name, 10 series, over a week of rollups (rows: points in them).',
  options: { rows: 200_000, durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    atLeast('record-batches', 'points recorded a second, in batches', names.batch, 50_000),
    atLeast('roll-up', 'points recorded and rolled up a second, one after the other', names.rollUp, 20_000),
    {
      id: 'percentile',
      what: 'a percentile of a week, 95th percentile in ms',
      source: 'p95 of queries below 100 ms',
      metric: { kind: 'median', of: 'p95', contestant: names.percentile },
      op: '<=',
      value: 100,
    },
  ],

  async setUp({ subject, options, progress, signal }) {
    const fleet = await subject.open()
    for (const id of [TENANT, RIVAL, ROLLED, HISTORY]) await fleet.tenants.create({ id }, { ifNotExists: true })
    const { metrics } = fleet.tenant(HISTORY).delivery
    progress('filling a week')
    const week = 7 * 86_400_000
    for (let first = 0; first < options.rows; first += BATCH) {
      signal.throwIfAborted()
      const points = Array.from({ length: Math.min(BATCH, options.rows - first) }, (_, i) => ({
        ...benchMetric(first + i),
        measuredAt: new Date(Date.now() - week + ((first + i) / options.rows) * week),
      }))
      await metrics.record(points)
    }
    progress('rolling up')
    while ((await metrics.rollUp()).more);
    // Makes the series and this month's partition, for psql too.
    for (const id of [TENANT, RIVAL])
      await fleet.tenant(id).delivery.metrics.record(Array.from({ length: SERIES }, (_, n) => benchMetric(n)))
    progress('vacuuming')
    await fleet.database.lend((connection) =>
      connection.query('vacuum (analyze) delivery.metrics, delivery.metric_series, delivery.metric_rollups'),
    )
    return { fleet }
  },

  contestants({ subject }, { fleet }) {
    const { metrics } = fleet.tenant(TENANT).delivery
    const rolled = fleet.tenant(ROLLED).delivery.metrics
    const history = fleet.tenant(HISTORY).delivery.metrics
    const week = { from: new Date(Date.now() - 6.6 * 86_400_000), to: new Date(Date.now() - 0.3 * 86_400_000) }
    let n = 0
    const some = (count: number) => Array.from({ length: count }, () => benchMetric(n++))
    return [
      loadContestant({
        name: names.single,
        callers: 18,
        operation: (_, signal) => metrics.record(benchMetric(n++), { signal }),
      }),
      loadContestant({
        name: names.batch,
        callers: 4,
        itemsPerOperation: BATCH,
        rival: names.copy,
        operation: (_, signal) => metrics.record(some(BATCH), { signal }),
      }),
      copyContestant({
        name: names.copy,
        connections: 2,
        url: subject.url,
        into: 'delivery.metrics (tenant_id, metric_id, series_id, measured_at, numeric_value)',
        rowsPerSecond: 50_000,
        row: (n) =>
          [RIVAL, uuidv7(), seriesId(n % SERIES), new Date().toISOString(), benchMetric(n).numericValue].join('\t'),
      }),
      loadContestant({
        name: names.rollUp,
        callers: 1,
        itemsPerOperation: 5000,
        async operation() {
          await rolled.record(some(5000))
          return await rolled.rollUp()
        },
      }),
      loadContestant({
        name: names.percentile,
        callers: 4,
        operation: (caller, signal) =>
          history.percentile({ name: `metric.${caller % 10}`, fraction: 0.95, ...week }, { signal }),
      }),
    ]
  },

  async tearDown(_, state) {
    await state?.fleet.close()
  },
}
