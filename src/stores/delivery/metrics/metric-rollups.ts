import { z } from 'zod'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { readStatement, statement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import type { Dimensions } from './metric.js'
import { dimensions } from './metric-record.js'
import { LENGTHS, tilesOf } from './metric-tiles.js'

export const ROLLUP_RESOLUTIONS = ['minute', 'hour', 'day'] as const
export type RollupResolution = (typeof ROLLUP_RESOLUTIONS)[number]

/** What the numbers of a name were, over a time. */
export interface MetricSummary {
  /** How many numbers there were. */
  readonly points: number
  readonly sum: number
  readonly mean: number
  readonly min: number
  readonly max: number
  /** The earliest by its time, whenever it was recorded. */
  readonly first: number
  readonly last: number
  /** One for each of the `fractions` that were asked for, in their order; within 1 %. */
  readonly percentiles: readonly number[]
}

/** The summary of a minute, hour or day. */
export interface MetricRollup extends MetricSummary {
  /** When it begins, in UTC. */
  readonly bucket: Date
}

/** Which numbers are summed up: all series of the name that have the dimensions, together. */
export interface SummaryQuery {
  readonly name: string
  /** Dimensions that the series have, among others. @default all series of the name */
  readonly dimensions?: Dimensions
  /** Measured in the minute of this time or later. @default the first point */
  readonly from?: Date
  /** Measured before this time, or in its minute when it lies inside one. @default the last point */
  readonly to?: Date
  /** Which percentiles, as fractions from 0 to 1, at most 20. @default [0.5, 0.95, 0.99] */
  readonly fractions?: readonly number[]
}

/** Which rollups are wanted. */
export interface RollupQuery extends SummaryQuery {
  /** From the bucket that this time lies in. @default the first one */
  readonly from?: Date
  /** Buckets that begin before this time. @default all */
  readonly to?: Date
  readonly resolution: RollupResolution
  /** Most rollups, 1 to 1500. @default 1500 */
  readonly limit?: number
}

/** What a step of rolling up did. */
export interface RollUpReport {
  /** Points that were taken in, also those without a number. */
  readonly points: number
  /** Minutes, hours and days of series that changed. */
  readonly rollups: number
  /** There is more to take in at once. */
  readonly more: boolean
}

interface SummaryRow {
  readonly bucket: Date
  readonly points: number
  readonly total: number
  readonly minimum: number
  readonly maximum: number
  readonly first_value: number
  readonly last_value: number
  readonly percentiles: number[]
}

export const ROLL_UP = statement<RollUpReport>(
  'delivery.calculate_aggregated_metrics',
  `select r.points, r.rollups, r.more
  from delivery.calculate_aggregated_metrics(current_setting('pgfleet.tenant'), $1::integer) r`,
)

/** Buckets of one resolution, the series merged. */
export const LIST_ROLLUPS = readStatement<SummaryRow>(
  'delivery.list_metric_rollups',
  `with rollup as materialized (
    select r.* from delivery.metric_series s
    cross join lateral (
      select r.* from delivery.metric_rollups r
      where r.tenant_id = current_setting('pgfleet.tenant') and r.resolution = $3::text and r.series_id = s.series_id
        and r.bucket >= $4::timestamptz and r.bucket < $5::timestamptz
      order by r.bucket
      limit $6::integer
    ) r
    where s.tenant_id = current_setting('pgfleet.tenant') and s.name = $1::text and s.dimensions @> $2::jsonb
  ),
  summary as (
    select r.bucket, sum(r.points)::bigint as points, sum(r.total) as total, min(r.minimum) as minimum,
      max(r.maximum) as maximum, (array_agg(r.first_value order by r.first_id))[1] as first_value,
      (array_agg(r.last_value order by r.last_id desc))[1] as last_value
    from rollup r
    group by r.bucket
    order by r.bucket
    limit $6::integer
  ),
  sketch as (
    select k.bucket, array_agg(k.key order by k.key) as keys, array_agg(k.points order by k.key) as counts
    from (
      select r.bucket, u.key, sum(u.points)::bigint as points
      from rollup r cross join lateral unnest(r.sketch_keys, r.sketch_counts) as u(key, points)
      group by r.bucket, u.key
    ) k
    group by k.bucket
  )
  select s.*, array(
      select greatest(s.minimum, least(s.maximum, delivery.sketch_percentile(k.keys, k.counts, f.fraction)))
      from unnest($7::double precision[]) with ordinality as f(fraction, place)
      order by f.place
    ) as percentiles
  from summary s
  join sketch k using (bucket)
  order by s.bucket`,
)

/** One row of a whole range, which is given as tiles of the three resolutions; none when there is no number. */
export const SUM_UP = readStatement<SummaryRow>(
  'delivery.sum_up_metrics',
  `with rollup as materialized (
    select r.* from delivery.metric_series s
    cross join unnest($3::text[], $4::timestamptz[], $5::timestamptz[]) as t(resolution, low, high)
    cross join lateral (
      select r.* from delivery.metric_rollups r
      where r.tenant_id = current_setting('pgfleet.tenant') and r.resolution = t.resolution and r.series_id = s.series_id
        and r.bucket >= t.low and r.bucket < t.high
    ) r
    where s.tenant_id = current_setting('pgfleet.tenant') and s.name = $1::text and s.dimensions @> $2::jsonb
  ),
  sketch as (
    select array_agg(k.key order by k.key) as keys, array_agg(k.points order by k.key) as counts
    from (
      select u.key, sum(u.points)::bigint as points
      from rollup r cross join lateral unnest(r.sketch_keys, r.sketch_counts) as u(key, points)
      group by u.key
    ) k
  )
  select s.*, array(
      select greatest(s.minimum, least(s.maximum, delivery.sketch_percentile(k.keys, k.counts, f.fraction)))
      from unnest($6::double precision[]) with ordinality as f(fraction, place)
      order by f.place
    ) as percentiles
  from (
    select min(r.bucket) as bucket, sum(r.points)::bigint as points, sum(r.total) as total, min(r.minimum) as minimum,
      max(r.maximum) as maximum, (array_agg(r.first_value order by r.first_id))[1] as first_value,
      (array_agg(r.last_value order by r.last_id desc))[1] as last_value
    from rollup r
    having count(*) > 0
  ) s
  cross join sketch k`,
)

const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))
const summary = {
  name: text(1, 100),
  dimensions: dimensions.default({}),
  from: moment.optional(),
  to: moment.optional(),
  fractions: z.array(z.number().min(0).max(1)).max(20).default([0.5, 0.95, 0.99]),
}
const isRange = ({ from, to }: { from?: Date | undefined; to?: Date | undefined }) =>
  from === undefined || to === undefined || from < to
const isNoRange = { path: ['to'], message: 'must be later than from' }
const summaryQuery = z.strictObject(summary).refine(isRange, isNoRange)
const rollupQuery = z
  .strictObject({
    ...summary,
    resolution: z.enum(ROLLUP_RESOLUTIONS),
    limit: z.int().min(1).max(1500).default(1500),
  })
  .refine(isRange, isNoRange)
const rollUpOptions = z.strictObject({
  pointsMax: z.int().min(1).max(1_000_000).default(50_000),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Errors: INPUT_INVALID, WATERMARK_FOREIGN. */
export async function rollUp(
  session: Session,
  input: { pointsMax?: number; signal?: AbortSignal } = {},
): Promise<RollUpReport> {
  const { pointsMax, signal } = check('options', rollUpOptions, input)
  const [row] = await session.query(ROLL_UP, [pointsMax], { idempotent: true, ...(signal && { signal }) })
  if (row === undefined) throw new Error('delivery.calculate_aggregated_metrics returned no row')
  return row
}

/** Errors: INPUT_INVALID. */
export async function listRollups(
  session: Session,
  input: RollupQuery,
  options?: CallOptions,
): Promise<MetricRollup[]> {
  const { name, dimensions, resolution, from, to, limit, fractions } = check('query', rollupQuery, input)
  const length = LENGTHS[resolution]
  const low = from && new Date(Math.floor(from.getTime() / length) * length)
  const values = [name, JSON.stringify(dimensions), resolution, low ?? '-infinity', to ?? 'infinity', limit, fractions]
  const rows = await session.query(LIST_ROLLUPS, values, { ...options, idempotent: true })
  return rows.map((row) => ({ bucket: row.bucket, ...toSummary(row) }))
}

/** Errors: INPUT_INVALID. */
export async function sumUp(
  session: Session,
  input: SummaryQuery,
  options?: CallOptions,
): Promise<MetricSummary | undefined> {
  const { name, dimensions, from, to, fractions } = check('query', summaryQuery, input)
  const tiles = tilesOf(from, to)
  const values = [
    name,
    JSON.stringify(dimensions),
    tiles.map(({ resolution }) => resolution),
    tiles.map(({ low }) => low ?? '-infinity'),
    tiles.map(({ high }) => high ?? 'infinity'),
    fractions,
  ]
  const [row] = await session.query(SUM_UP, values, { ...options, idempotent: true })
  return row && toSummary(row)
}

function toSummary(row: SummaryRow): MetricSummary {
  return {
    points: row.points,
    sum: row.total,
    mean: row.total / row.points,
    min: row.minimum,
    max: row.maximum,
    first: row.first_value,
    last: row.last_value,
    percentiles: row.percentiles,
  }
}
