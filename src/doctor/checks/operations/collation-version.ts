import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly kind: 'database' | 'collation'
  readonly name: string
  readonly recorded: string
  readonly actual: string
}

/** 2.11: collations whose library has changed under the indexes. */
export const collationVersion = defineCheck<Row>({
  id: 'collation-version',
  title: 'Collations of another version',
  area: 'operations',
  level: 'error',
  order: ORDER.data,
  scope: 'collations with a version',
  absent: 'no collation has a version',
  why: 'After an upgrade of the system’s libraries texts may sort differently than when their indexes were built: searches miss rows, and unique indexes let duplicates in.',
  when: 'The version that the database, or a collation that an index uses, was made with is not that of the library now.',
  advice:
    'Rebuild the indexes on texts with that collation (amcheck tells which are wrong), then record the new version.',
  sql: `
    with versions as (
      select 'database' as kind, quote_ident(d.datname) as name, d.datcollversion as recorded, pg_database_collation_actual_version(d.oid) as actual
      from pg_database d where d.datname = current_database() and d.datcollversion is not null
      union all
      select 'collation', format('%I.%I', n.nspname, c.collname), c.collversion, pg_collation_actual_version(c.oid)
      from pg_collation c join pg_namespace n on n.oid = c.collnamespace
      where c.collversion is not null and c.oid in (select unnest(i.indcollation::oid[]) from pg_index i)
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('kind', v.kind, 'name', v.name, 'recorded', v.recorded, 'actual', v.actual) order by v.kind, v.name)
        filter (where v.actual is not null and v.actual <> v.recorded) as found
    from versions v`,
  evaluate: (rows) =>
    rows.map(({ kind, name, recorded, actual }) => ({
      object: `${kind} ${name}`,
      summary: `${kind === 'database' ? 'Database' : 'Collation'} ${name} was made with version ${recorded} of its collation; the library has ${actual}.`,
      remedy: {
        text: `Rebuild the indexes on texts first (reindex concurrently), then run: alter ${kind} ${name} refresh ${kind === 'database' ? 'collation ' : ''}version.`,
        lock: 'reindex concurrently: share update exclusive on each table',
        undo: 'none',
      },
    })),
})
