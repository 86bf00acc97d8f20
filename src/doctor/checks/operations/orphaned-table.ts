import { defineCheck, ORDER } from '../../check.js'
import { bytes, count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly bytes: number
  readonly age: number
}

/** 2.11: temporary tables whose session is gone. */
export const orphanedTable = defineCheck<Row>({
  id: 'orphaned-table',
  title: 'Temporary tables without a session',
  area: 'operations',
  level: 'info',
  order: ORDER.advice,
  versions: { from: 16 },
  scope: 'temporary tables',
  absent: 'there are no temporary tables',
  why: 'A crash can leave temporary tables behind. They take space, and autovacuum cannot freeze them: in the end they hold back transaction ids.',
  when: 'A temporary table belongs to no session that is there.',
  advice: 'Drop it. Autovacuum does so by itself after a while, unless its worker never comes.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', format('%I.%I', n.nspname, c.relname), 'bytes', c.relpages::float8 * 8192, 'age', age(c.relfrozenxid))
        order by c.relname)
        filter (where substring(n.nspname from 'pg_temp_(\\d+)$')::int not in (select b from pg_stat_get_backend_idset() b)) as found
    from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname ~ '^pg_temp_\\d+$'
    where c.relkind in ('r', 'p') and c.relpersistence = 't'`,
  evaluate: (rows) =>
    rows.map(({ table, bytes: size, age }) => ({
      object: `table ${table}`,
      summary: `${table} (${bytes(size)}, ${count(age)} transactions old) is temporary, and its session is gone.`,
      remedy: {
        text: 'Drop it.',
        sql: [`drop table ${table}`],
        lock: 'access exclusive on the table, which nobody uses',
        undo: 'none: nobody can read it',
      },
    })),
})
