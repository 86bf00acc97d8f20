import { short, shortTime } from '../amounts.js'
import { definePanel, type ShownRow } from '../panel.js'

interface Row {
  readonly oid: number
  readonly parent: string
  readonly partitions: number
  /** The end of the last range, in seconds since 1970; null without one. */
  readonly ends: number | string | null
  readonly width: number | string | null
  readonly isOpen: boolean
  readonly fallback: number | null
}

interface Shown extends ShownRow {
  readonly parent: string
  readonly partitions: number
  /** Seconds from now to the end of the last range; null for one without an end. */
  readonly lead: number | null
  readonly width: number | null
  readonly note: string
}

/** Partitioned tables by how long their partitions still last. */
export const partitions = definePanel<Row, Shown>({
  id: 'partitions',
  key: 'n',
  title: 'tables partitioned by time: how far their partitions reach',
  empty: 'no table is partitioned by ranges of time',
  paceMs: 10_000,
  sources: [
    {
      name: 'partitions',
      sql: `
    with bounds as materialized (
      select i.inhparent as parent, a.atttypid as type, c.reltuples, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
        join pg_inherits i on i.inhparent = p.partrelid join pg_class c on c.oid = i.inhrelid
      where p.partstrat = 'r' and a.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype, 'uuid'::regtype)
    ),
    texts as (
      select b.*, substring(b.bound from 'FROM \\(''([^'']+)''') as low, substring(b.bound from 'TO \\(''([^'']+)''') as high from bounds b
    ),
    -- A UUIDv7 begins with its time in milliseconds.
    ranges as (
      select t.*, case when t.high is null then null when t.type = 'uuid'::regtype then ('x' || left(replace(t.high, '-', ''), 12))::bit(48)::bigint / 1000.0
          else extract(epoch from t.high::timestamptz) end as ends,
        case when t.low is null then null when t.type = 'uuid'::regtype then ('x' || left(replace(t.low, '-', ''), 12))::bit(48)::bigint / 1000.0
          else extract(epoch from t.low::timestamptz) end as begins
      from texts t
    )
    select r.parent::bigint as oid, r.parent::regclass::text as parent, count(*) as partitions, max(r.ends) as ends,
      (array_agg(r.ends - r.begins order by r.ends desc) filter (where r.ends is not null and r.begins is not null))[1] as width,
      bool_or(r.bound ~ 'TO \\(MAXVALUE') as "isOpen", max(r.reltuples) filter (where r.bound = 'DEFAULT') as fallback
    from ranges r group by r.parent`,
    },
  ],
  columns: [
    { id: 'table', title: 'table', width: 24, grows: true, cell: ({ parent }) => parent, sort: ({ parent }) => parent },
    {
      id: 'partitions',
      title: 'parts',
      width: 5,
      align: 'right',
      cell: (row) => short(row.partitions),
      sort: (row) => row.partitions,
    },
    {
      id: 'lead',
      title: 'lead',
      width: 7,
      align: 'right',
      cell: ({ lead }) => (lead === null ? '-' : lead < 0 ? 'over' : shortTime(lead)),
      sort: ({ lead }) => lead,
    },
    {
      id: 'width',
      title: 'each',
      width: 6,
      align: 'right',
      drop: 2,
      cell: ({ width }) => shortTime(width),
      sort: ({ width }) => width,
    },
    { id: 'note', title: '', width: 26, drop: 1, cell: ({ note }) => note },
  ],
  sorted: { by: 'lead', descending: false },
  view({ now }) {
    const rows = now.rows.map(({ oid, parent, partitions, ends, width, isOpen, fallback }): Shown => {
      const lead = ends === null || isOpen ? null : Number(ends) - now.at
      const each = width === null ? null : Number(width)
      const isOver = lead !== null && lead < 0
      // A table whose ranges ended many widths ago gets no new rows.
      const isRetired = isOver && -lead > 6 * (each ?? 0)
      const where = fallback === null ? '' : fallback > 0 ? `default holds ${short(fallback)} rows` : 'has a default'
      return {
        key: String(oid),
        parent,
        partitions,
        lead,
        width: each,
        note: isRetired
          ? 'ended long ago'
          : isOver
            ? fallback === null
              ? 'inserts of now fail'
              : 'new rows go to the default'
            : isOpen
              ? 'without an end'
              : lead !== null && each !== null && lead < each
                ? 'the next one is missing'
                : where,
        mark: isRetired
          ? 'dim'
          : isOver
            ? 'critical'
            : lead !== null && each !== null && lead < each
              ? 'warning'
              : 'none',
      }
    })
    return { rows, notes: now.refused }
  },
  target: ({ key, parent }) => ({ kind: 'table', oid: Number(key), name: parent }),
})
