import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly view: string
  readonly populated: boolean
  readonly unique: boolean
}

/** 2.11: materialised views that cannot be read, or not be refreshed in peace. */
export const materializedView = defineCheck<Row>({
  id: 'materialized-view',
  title: 'Materialised views',
  area: 'operations',
  level: 'warning',
  order: ORDER.advice,
  scope: 'materialised views',
  absent: 'there are no materialised views',
  why: 'A materialised view that was never filled is an error for whoever reads it. Without a unique index on plain columns it cannot be refreshed concurrently: readers wait meanwhile.',
  when: 'It is not populated (warning), or has no unique index on columns without a condition (info).',
  advice: 'Refresh it; create a unique index, and refresh concurrently from then on.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('view', c.oid::regclass, 'populated', c.relispopulated, 'unique', u.there) order by c.oid::regclass::text)
        filter (where not c.relispopulated or not u.there) as found
    from pg_class c
    cross join lateral (select exists (select from pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid
      and i.indpred is null and i.indexprs is null) as there) u
    where c.relkind = 'm'`,
  evaluate: (rows) =>
    rows.map(({ view, populated, unique }) => ({
      object: `materialised view ${view}`,
      level: populated ? ('info' as const) : ('warning' as const),
      summary: populated
        ? `${view} has no unique index: it cannot be refreshed concurrently.`
        : `${view} was never filled: reading it is an error.`,
      remedy: populated
        ? {
            text: 'Create a unique index on the columns that tell its rows apart.',
            lock: 'share on the view while it builds',
            undo: 'drop the index',
          }
        : {
            text: `Fill it${unique ? '' : ', then create a unique index'}.`,
            sql: [`refresh materialized view ${view}`],
            lock: 'access exclusive on the view while its query runs',
            undo: 'refresh materialized view … with no data',
          },
    })),
})
