import type { Json } from '../../../content.js'

export const METRIC_CATEGORIES = [
  'performance',
  'quality',
  'usage',
  'error',
  'business',
  'infrastructure',
  'security',
] as const

export const METRIC_TYPES = ['counter', 'gauge', 'histogram', 'summary', 'timer'] as const

/** What a metric tells of. */
export type MetricCategory = (typeof METRIC_CATEGORIES)[number]
/** How its numbers are meant; kept, and given back. */
export type MetricType = (typeof METRIC_TYPES)[number]

/** What tells points of one name apart, like `{ service: 'api', region: 'eu' }`. */
export type Dimensions = Readonly<Record<string, string | number | boolean>>

/** A point to record, with exactly one of the four values. */
export interface NewMetric {
  /** A UUIDv7; recording it twice keeps the first. Its time is that of the point: at most 100 days old, and 31 days ahead. @default one is made */
  readonly id?: string
  /** 1 to 100 characters. */
  readonly name: string
  /** @default 'performance' */
  readonly category?: MetricCategory
  /** @default 'gauge' */
  readonly type?: MetricType
  /** When it was measured, to the millisecond: the time inside the id, where both are given. @default now */
  readonly measuredAt?: Date
  /** From -1e100 to 1e100; numbers are what is rolled up. */
  readonly numericValue?: number
  /** At most 4096 characters. */
  readonly stringValue?: string
  readonly booleanValue?: boolean
  /** Any JSON but null, at most 65536 characters of it. */
  readonly jsonValue?: Exclude<Json, null>
  /**
   * At most 20, with names of 1 to 64 characters and texts of at most 200. Each combination is a series of its own, which
   * is kept for good: what is different at every point (an id of a request) belongs into metadata. @default {}
   */
  readonly dimensions?: Dimensions
  /** Any JSON object, at most 8192 characters of it; no index holds it. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** A point as it is kept; one of the values is not null. */
export interface Metric {
  readonly id: string
  readonly name: string
  readonly category: MetricCategory
  readonly type: MetricType
  readonly dimensions: Dimensions
  readonly measuredAt: Date
  readonly numericValue: number | null
  readonly stringValue: string | null
  readonly booleanValue: boolean | null
  readonly jsonValue: Json
  readonly metadata: Readonly<Record<string, unknown>> | null
}

/** A name with its dimensions, of which there are points. */
export interface MetricSeries {
  readonly id: string
  readonly name: string
  readonly category: MetricCategory
  readonly type: MetricType
  readonly dimensions: Dimensions
  /** When its first point was recorded. */
  readonly createdAt: Date
}

/** A name of which there are points. */
export interface MetricName {
  readonly name: string
  /** How many combinations of category, type and dimensions it has. */
  readonly series: number
  /** When its first point was recorded. */
  readonly createdAt: Date
}
