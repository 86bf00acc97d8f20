import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly database: string
}

/** 2.11: databases of which half was dropped. */
export const invalidDatabase = defineCheck<Row>({
  id: 'invalid-database',
  title: 'Databases that were half dropped',
  area: 'operations',
  level: 'warning',
  order: ORDER.advice,
  scope: 'databases',
  absent: '',
  why: 'When DROP DATABASE is interrupted, what is left cannot be used any more. It takes space, and may hold back vacuum.',
  when: 'A database is marked as invalid (datconnlimit -2).',
  advice: 'Drop it again.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('database', quote_ident(d.datname)) order by d.datname) filter (where d.datconnlimit = -2) as found
    from pg_database d`,
  evaluate: (rows) =>
    rows.map(({ database }) => ({
      object: `database ${database}`,
      summary: `${database} was being dropped when that was interrupted.`,
      remedy: {
        text: 'Drop it again.',
        sql: [`drop database ${database}`],
        lock: 'none',
        undo: 'none: it cannot be used any more',
      },
    })),
})
