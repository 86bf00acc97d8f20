import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import type { Identity } from '../../identity.js'
import { createMetrics, METRIC_STATEMENTS, type Metrics } from './metrics/metrics.js'

export type { Dimensions, Metric, MetricCategory, MetricSeries, MetricType, NewMetric } from './metrics/metric.js'
export type { MetricPage, MetricQuery, MetricSeriesQuery } from './metrics/metric-query.js'
export type {
  MetricRollup,
  MetricSummary,
  RollUpReport,
  RollupQuery,
  RollupResolution,
  SummaryQuery,
} from './metrics/metric-rollups.js'
export type { Metrics } from './metrics/metrics.js'

/** What the agents of one tenant do. Each change is recorded in the audit log, with the identity of its caller. */
export interface DeliveryStore {
  /** On whose behalf the calls are made. */
  readonly identity: Identity
  /** What was measured: points, and their rollups by minute, hour and day. */
  readonly metrics: Metrics
}

/** Every statement of the store, for the test that prepares them all. */
export const DELIVERY_STATEMENTS: readonly Statement<unknown>[] = [...METRIC_STATEMENTS]

export function createDeliveryStore(session: Session, identity: Identity): DeliveryStore {
  return { identity, metrics: createMetrics(session, identity) }
}
