import { defineCheck, ORDER } from '../../check.js'
import { bytes } from '../../figures.js'

interface Row {
  readonly table: string
  readonly bytes: number
}

/** 2.11: tables that a crash empties. */
export const unloggedTable = defineCheck<Row>({
  id: 'unlogged-table',
  title: 'Tables that a crash empties',
  area: 'operations',
  level: 'info',
  order: ORDER.advice,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'An unlogged table is emptied by recovery after a crash, is not on standbys and in no base backup.',
  when: 'A table is unlogged.',
  advice:
    'Keep it so for what may be lost. Else make it logged; single writes that need no flush can use SET LOCAL synchronous_commit = off.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', c.oid::regclass, 'bytes', c.relpages::float8 * 8192) order by c.relpages desc, c.oid::regclass::text)
        filter (where c.relpersistence = 'u') as found
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_temp'`,
  evaluate: (rows) =>
    rows.map(({ table, bytes: size }) => ({
      object: `table ${table}`,
      summary: `${table} (${bytes(size)}) is unlogged: a crash empties it.`,
      remedy: {
        text: 'Make it logged when its rows matter; the table is rewritten and goes into the WAL.',
        sql: [`alter table ${table} set logged`],
        lock: 'access exclusive on the table while it is rewritten',
        undo: `alter table ${table} set unlogged`,
      },
    })),
})
