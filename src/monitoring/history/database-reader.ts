import type { Database } from '../../database/database.js'
import { type Statement, statement } from '../../database/statement.js'
import type { MetricType } from '../metrics/family.js'
import { explained } from './database-writer.js'
import type { HistoryReader, SeriesRange } from './history-reader.js'
import { type HistoryReading, ReadingBuilder, refuseTooMany, SERIES_MAX } from './history-reading.js'
import type { HistoryNote, HistorySeries } from './history-record.js'

const SOURCES = statement<{ source: string; beginsAt: Date }>(
  'monitor.history_sources',
  `select s.source, coalesce((select min(g.first_at) from platform.metric_segments g where g.source_id = s.source_id), s.first_at) as "beginsAt"
  from platform.metric_sources s
  order by s.source`,
)
const LIST = statement<HistorySeries>(
  'monitor.list_series',
  `with touched as (
    select g.segment_id, g.is_open
    from platform.metric_sources s
    join platform.metric_segments g on g.source_id = s.source_id
    where s.source = $1::text and g.last_at >= $2::timestamptz and g.first_at <= $3::timestamptz
  ), bounds as (
    select min(t.segment_id) as first_segment, max(t.segment_id) as last_segment from touched t
  )
  select r.metric, r.labels, r.kind
  from platform.metric_series r
  cross join bounds b
  where r.source_id = (select s.source_id from platform.metric_sources s where s.source = $1::text)
    and (
      exists (
        select from platform.metric_chunks c
        where c.series_id = r.series_id and c.segment_id between b.first_segment and b.last_segment
      )
      or r.series_id in (
        select unnest(o.series_ids)
        from platform.metric_snapshots o
        where o.segment_id in (select t.segment_id from touched t where t.is_open)
      )
    )
  order by r.metric, r.labels`,
)
const FIND_SERIES = statement<{ id: number; metric: string; labels: Record<string, string>; kind: MetricType }>(
  'monitor.find_series',
  `select r.series_id as id, r.metric, r.labels, r.kind
  from platform.metric_sources s
  join platform.metric_series r on r.source_id = s.source_id
  where s.source = $1::text and r.metric = $2::text and r.labels @> $3::jsonb`,
)
const SEGMENTS = statement<{
  id: string
  first: Date
  offsets: number[] | null
  notes: Record<string, HistoryNote> | null
}>(
  'monitor.list_segments',
  `select g.segment_id::text as id, g.first_at as first, g.offsets, g.notes
  from platform.metric_sources s
  join platform.metric_segments g on g.source_id = s.source_id
  where s.source = $1::text and g.last_at >= $2::timestamptz and g.first_at <= $3::timestamptz
  order by g.segment_id`,
)
const CHUNKS = statement<{ series: number; segment: string; ordinals: number[] | null; values: (number | null)[] }>(
  'monitor.read_chunks',
  `select c.series_id as series, c.segment_id::text as segment, c.ordinals, c.sample_values as values
  from platform.metric_chunks c
  where c.series_id = any ($1::integer[]) and c.segment_id between $2::bigint and $3::bigint`,
)
const SNAPSHOTS = statement<{
  ordinal: number
  at: Date
  note: HistoryNote | null
  series: number[] | null
  values: (number | null)[] | null
}>(
  'monitor.read_open_segment',
  `select o.ordinal, o.at, o.note, u.series, u.sample_values as values
  from platform.metric_snapshots o
  cross join lateral (
    select array_agg(x.series_id) as series, array_agg(x.sample_value) as sample_values
    from unnest(o.series_ids, o.sample_values) as x(series_id, sample_value)
    where x.series_id = any ($2::integer[])
  ) u
  where o.segment_id = $1::bigint
  order by o.ordinal`,
)

/** The statements of this file, for the test that prepares them. */
export const READER_STATEMENTS: readonly Statement<unknown>[] = [
  SOURCES,
  LIST,
  FIND_SERIES,
  SEGMENTS,
  CHUNKS,
  SNAPSHOTS,
]

/** Runs a statement of one transaction. */
type Run = <Row>(statement: Statement<Row>, values: readonly unknown[]) => Promise<Row[]>

/** Reads the history in a database of pgfleet. `close` leaves the database open. */
export function createDatabaseReader(database: Database): HistoryReader {
  // One snapshot of the database: a segment may be folded meanwhile.
  const look = async <T>(work: (run: Run) => Promise<T>): Promise<T> => {
    try {
      return await database.transaction('begin isolation level repeatable read read only', [], work, { readOnly: true })
    } catch (error) {
      throw explained(error)
    }
  }
  return {
    sources: () => look((run) => run(SOURCES, [])),
    list: (source, { from, to }) => look((run) => run(LIST, [source, from, to])),
    read: (source, range, signal) => look((run) => read(run, source, range, signal)),
    close: async () => {},
  }
}

async function read(run: Run, source: string, range: SeriesRange, signal: AbortSignal): Promise<HistoryReading> {
  const { metric, labels, from, to } = range
  const begins = (await run(SOURCES, [])).find((one) => one.source === source)?.beginsAt ?? from
  const series = await run(FIND_SERIES, [source, metric, JSON.stringify(labels)])
  if (series.length > SERIES_MAX) throw refuseTooMany(metric, series.length)
  const segments = await run(SEGMENTS, [source, from, to])
  const ids = series.map(({ id }) => id)
  const [first, last] = [segments[0]?.id, segments.at(-1)?.id]
  const chunks = first === undefined ? [] : await run(CHUNKS, [ids, first, last])
  const bySegment = new Map<string, (typeof chunks)[number][]>()
  for (const chunk of chunks) {
    const there = bySegment.get(chunk.segment)
    if (there === undefined) bySegment.set(chunk.segment, [chunk])
    else there.push(chunk)
  }
  const builder = new ReadingBuilder()
  const handles = new Map(series.map((one) => [one.id, builder.series(one)]))
  for (const segment of segments) {
    signal.throwIfAborted()
    if (segment.offsets === null) {
      for (const { ordinal, at, note, series: found, values } of await run(SNAPSHOTS, [segment.id, ids])) {
        builder.snapshot(at, ordinal === 0, note)
        found?.forEach((id, i) => {
          handles.get(id)?.set(values?.[i] ?? null)
        })
      }
      continue
    }
    const changes = changesOf(bySegment.get(segment.id) ?? [])
    segment.offsets.forEach((offset, ordinal) => {
      builder.snapshot(new Date(segment.first.getTime() + offset), ordinal === 0, segment.notes?.[ordinal])
      for (const { id, value } of changes.get(ordinal) ?? []) handles.get(id)?.set(value)
    })
  }
  return builder.finish(source, from, to, begins)
}

/** What changed in each snapshot of a segment, by its ordinal. */
function changesOf(chunks: readonly { series: number; ordinals: number[] | null; values: (number | null)[] }[]) {
  const changes = new Map<number, { id: number; value: number | null }[]>()
  for (const { series: id, ordinals, values } of chunks) {
    values.forEach((value, i) => {
      const ordinal = ordinals?.[i] ?? i
      const there = changes.get(ordinal)
      if (there === undefined) changes.set(ordinal, [{ id, value }])
      else there.push({ id, value })
    })
  }
  return changes
}
