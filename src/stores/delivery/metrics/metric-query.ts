import { z } from 'zod'
import type { Json } from '../../../content.js'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import type { Dimensions, Metric, MetricCategory, MetricName, MetricSeries, MetricType } from './metric.js'
import { dimensions } from './metric-record.js'

/** Which points are wanted. What is left out matches every point; a point matches all that is given. */
export interface MetricQuery {
  readonly name?: string
  /** Dimensions that the point has, among others. */
  readonly dimensions?: Dimensions
  /** Measured at this time or later. Without a range every month that is kept is looked into. */
  readonly from?: Date
  /** Measured before this time. */
  readonly to?: Date
  /** By id, and so by time. @default 'asc' */
  readonly order?: 'asc' | 'desc'
  /** Most points of the page, 1 to 1000. @default 100 */
  readonly limit?: number
  /** The `next` of the page before, with the same query. */
  readonly after?: string
}

/** Some points, and where to go on. */
export interface MetricPage {
  readonly metrics: readonly Metric[]
  /** What `after` of the next page is; undefined when all was read. */
  readonly next: string | undefined
}

/** Which series are wanted. */
export interface MetricSeriesQuery {
  readonly name?: string
  /** Dimensions that the series has, among others. */
  readonly dimensions?: Dimensions
  /** 1 to 1000. @default 100 */
  readonly limit?: number
  /** The id of the last series of the page before. */
  readonly after?: string
}

/** Which names are wanted. */
export interface MetricNameQuery {
  /** Names that begin with this. */
  readonly prefix?: string
  /** 1 to 1000. @default 100 */
  readonly limit?: number
  /** The last name of the page before. */
  readonly after?: string
}

interface PointRow {
  readonly metric_id: string
  readonly name: string
  readonly category: MetricCategory
  readonly metric_type: MetricType
  readonly dimensions: Dimensions
  readonly measured_at: Date
  readonly numeric_value: number | null
  readonly string_value: string | null
  readonly boolean_value: boolean | null
  readonly json_value: Json
  readonly metadata: Record<string, unknown> | null
}

export const FIND_METRICS = readStatement<PointRow>(
  'delivery.find_metrics',
  `select f.metric_id, f.name, f.category, f.metric_type, f.dimensions, f.measured_at, f.numeric_value, f.string_value,
    f.boolean_value, f.json_value, f.metadata
  from delivery.find_metrics(current_setting('pgfleet.tenant'), $1::jsonb) f`,
)

export const LIST_METRIC_SERIES = readStatement<{
  series_id: string
  name: string
  category: MetricCategory
  metric_type: MetricType
  dimensions: Dimensions
  created_at: Date
}>(
  'delivery.list_metric_series',
  `select s.series_id, s.name, s.category, s.metric_type, s.dimensions, s.created_at
  from delivery.metric_series s
  where s.tenant_id = current_setting('pgfleet.tenant')
    and ($1::text is null or s.name = $1::text) and s.dimensions @> $2::jsonb
    and ($3::uuid is null or s.series_id > $3::uuid)
  order by s.series_id
  limit $4::integer`,
)

export const LIST_METRIC_NAMES = readStatement<{ name: string; series: number; created_at: Date }>(
  'delivery.list_metric_names',
  `select s.name, count(*)::integer as series, min(s.created_at) as created_at
  from delivery.metric_series s
  where s.tenant_id = current_setting('pgfleet.tenant') and starts_with(s.name, $1::text) and s.name > $2::text
  group by s.name
  order by s.name
  limit $3::integer`,
)

const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))
const query = z
  .strictObject({
    name: text(1, 100).optional(),
    dimensions: dimensions.optional(),
    from: moment.optional(),
    to: moment.optional(),
    order: z.enum(['asc', 'desc']).default('asc'),
    limit: z.int().min(1).max(1000).default(100),
    after: z.uuid().optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    message: 'must be later than from',
  })
const seriesQuery = z.strictObject({
  name: text(1, 100).optional(),
  dimensions: dimensions.default({}),
  limit: z.int().min(1).max(1000).default(100),
  after: z.uuid().optional(),
})
const nameQuery = z.strictObject({
  prefix: text(0, 100).default(''),
  limit: z.int().min(1).max(1000).default(100),
  after: text(0, 100).default(''),
})

/** A page of points. Errors: INPUT_INVALID. */
export async function queryMetrics(session: Session, input: MetricQuery, options?: CallOptions): Promise<MetricPage> {
  const { order, limit, ...rest } = check('query', query, input)
  const given = { ...rest, descending: order === 'desc', limit }
  const rows = await session.query(FIND_METRICS, [JSON.stringify(given)], { ...options, idempotent: true })
  return {
    metrics: rows.map((row) => ({
      id: row.metric_id,
      name: row.name,
      category: row.category,
      type: row.metric_type,
      dimensions: row.dimensions,
      measuredAt: row.measured_at,
      numericValue: row.numeric_value,
      stringValue: row.string_value,
      booleanValue: row.boolean_value,
      jsonValue: row.json_value,
      metadata: row.metadata,
    })),
    next: rows.length < limit ? undefined : rows.at(-1)?.metric_id,
  }
}

/** Series by id. Errors: INPUT_INVALID. */
export async function listMetricSeries(
  session: Session,
  input: MetricSeriesQuery,
  options?: CallOptions,
): Promise<MetricSeries[]> {
  const { name, dimensions, limit, after } = check('query', seriesQuery, input)
  const values = [name ?? null, JSON.stringify(dimensions), after ?? null, limit]
  const rows = await session.query(LIST_METRIC_SERIES, values, { ...options, idempotent: true })
  return rows.map((row) => ({
    id: row.series_id,
    name: row.name,
    category: row.category,
    type: row.metric_type,
    dimensions: row.dimensions,
    createdAt: row.created_at,
  }))
}

/** Names in the order of their bytes. Errors: INPUT_INVALID. */
export async function listMetricNames(
  session: Session,
  input: MetricNameQuery,
  options?: CallOptions,
): Promise<MetricName[]> {
  const { prefix, limit, after } = check('query', nameQuery, input)
  const rows = await session.query(LIST_METRIC_NAMES, [prefix, after, limit], { ...options, idempotent: true })
  return rows.map(({ name, series, created_at }) => ({ name, series, createdAt: created_at }))
}
