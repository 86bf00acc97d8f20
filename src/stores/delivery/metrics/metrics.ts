import { z } from 'zod'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import type { Statement } from '../../../database/statement.js'
import type { Identity } from '../../../identity.js'
import { check } from '../../../input.js'
import type { MetricName, MetricSeries, NewMetric } from './metric.js'
import {
  FIND_METRICS,
  LIST_METRIC_NAMES,
  LIST_METRIC_SERIES,
  listMetricNames,
  listMetricSeries,
  type MetricNameQuery,
  type MetricPage,
  type MetricQuery,
  type MetricSeriesQuery,
  queryMetrics,
} from './metric-query.js'
import { RECORD_METRICS, recordMetrics } from './metric-record.js'
import {
  LIST_ROLLUPS,
  listRollups,
  type MetricRollup,
  type MetricSummary,
  ROLL_UP,
  type RollUpReport,
  type RollupQuery,
  rollUp,
  SUM_UP,
  type SummaryQuery,
  sumUp,
} from './metric-rollups.js'

type ReadOptions = Pick<CallOptions, 'signal'>

/** What was measured, of one tenant: points are recorded and never changed; rollups are read instead of many of them. */
export interface Metrics {
  /**
   * Records points, at most 5000 a call, all or none, and returns their ids; idempotent by id. The audit log has one row
   * for all that one identity recorded in one statement. Errors: INPUT_INVALID, ID_OUT_OF_WINDOW.
   */
  record(metric: NewMetric, options?: CallOptions): Promise<string>
  record(metrics: readonly NewMetric[], options?: CallOptions): Promise<string[]>
  /** A page of the points that match. Errors: INPUT_INVALID. */
  query(query?: MetricQuery, options?: ReadOptions): Promise<MetricPage>
  /** The names of which there are points, in the order of their bytes. Errors: INPUT_INVALID. */
  names(query?: MetricNameQuery, options?: ReadOptions): Promise<MetricName[]>
  /** The names with their dimensions of which there are points. Errors: INPUT_INVALID. */
  series(query?: MetricSeriesQuery, options?: ReadOptions): Promise<MetricSeries[]>
  /**
   * Takes points into the rollups, about `pointsMax` of them (50000), each exactly once, late ones included; for a schedule:
   * what is read from rollups is as new as the last run, and points of transactions that are as old as the oldest running
   * one wait for the next. Harmless to repeat, and at the same moment. Errors: INPUT_INVALID, WATERMARK_FOREIGN.
   */
  rollUp(options?: { pointsMax?: number; signal?: AbortSignal }): Promise<RollUpReport>
  /** A summary for each minute, hour or day that has points, oldest first. Errors: INPUT_INVALID. */
  rollups(query: RollupQuery, options?: ReadOptions): Promise<MetricRollup[]>
  /** The summary of a whole range, from rollups; undefined when there is no number in it. Errors: INPUT_INVALID. */
  summary(query: SummaryQuery, options?: ReadOptions): Promise<MetricSummary | undefined>
  /**
   * The value below which that fraction (0 to 1) of the numbers lies, from rollups, within 1 %: of n numbers in their order
   * that of rank floor(fraction * (n - 1)), counted from zero. Undefined when there is no number. Errors: INPUT_INVALID.
   */
  percentile(
    query: Omit<SummaryQuery, 'fractions'> & { fraction: number },
    options?: ReadOptions,
  ): Promise<number | undefined>
}

export const METRIC_STATEMENTS: readonly Statement<unknown>[] = [
  RECORD_METRICS.statement,
  FIND_METRICS,
  LIST_METRIC_NAMES,
  LIST_METRIC_SERIES,
  ROLL_UP,
  LIST_ROLLUPS,
  SUM_UP,
]

const one = z.looseObject({ fraction: z.number().min(0).max(1) })

export function createMetrics(session: Session, identity: Identity): Metrics {
  return {
    record: (async (input: NewMetric | readonly NewMetric[], options?: CallOptions) =>
      Array.isArray(input)
        ? await recordMetrics(session, identity, input, options)
        : (await recordMetrics(session, identity, [input as NewMetric], options))[0]) as Metrics['record'],
    query: (query = {}, options) => queryMetrics(session, query, options),
    names: (query = {}, options) => listMetricNames(session, query, options),
    series: (query = {}, options) => listMetricSeries(session, query, options),
    rollUp: (options) => rollUp(session, options),
    rollups: (query, options) => listRollups(session, query, options),
    summary: (query, options) => sumUp(session, query, options),
    async percentile(query, options) {
      const { fraction, ...rest } = check('query', one, query)
      return (await sumUp(session, { ...(rest as unknown as SummaryQuery), fractions: [fraction] }, options))
        ?.percentiles[0]
    },
  }
}
