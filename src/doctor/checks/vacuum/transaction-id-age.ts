import { defineCheck, type Level, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly object: string
  readonly kind: 'database' | 'table'
  readonly ids: 'transaction' | 'multixact'
  readonly age: number
  readonly freezeMax: number
  readonly failsafe: number
}

/** Age from which on only quick action helps: the server stops writing at about 2.1 billion. */
const STOP_NEAR = 1_000_000_000

/** A10: how far are transaction ids from running out? */
export const transactionIdAge = defineCheck<Row>({
  id: 'transaction-id-age',
  title: 'Transaction ids that run out',
  area: 'vacuum',
  level: 'error',
  order: ORDER.data,
  scope: 'databases and tables',
  absent: '',
  why: 'Each table has to be frozen before its oldest transaction id is two billion transactions old. If not, the server takes no more writes.',
  when: 'The age of a database, or of a table of this one, is above its freeze_max_age and autovacuum has not caught up (warning at 1.1 times), is above twice that or near vacuum_failsafe_age, or above a billion (error). Multixact ids count likewise.',
  advice:
    'Find what holds vacuum back (old snapshots, an interrupted worker, autovacuum off), remove it, then vacuum the oldest tables. No single-user mode is needed.',
  uses: ['wraparoundShare'],
  sql: `
    with ages as (
      select 'database ' || d.datname as name, null::oid as oid, 'database' as kind, 'transaction' as ids, age(d.datfrozenxid) as age,
        current_setting('autovacuum_freeze_max_age')::float8 as freeze, current_setting('vacuum_failsafe_age')::float8 as failsafe
      from pg_database d
      union all
      select 'database ' || d.datname, null, 'database', 'multixact', mxid_age(d.datminmxid),
        current_setting('autovacuum_multixact_freeze_max_age')::float8, current_setting('vacuum_multixact_failsafe_age')::float8
      from pg_database d
      union all
      select null, c.oid, 'table', 'transaction', age(c.relfrozenxid),
        current_setting('autovacuum_freeze_max_age')::float8, current_setting('vacuum_failsafe_age')::float8
      from pg_class c where c.relkind in ('r', 'm', 't') and c.relfrozenxid <> '0' and c.relpersistence <> 't'
      union all
      select null, c.oid, 'table', 'multixact', mxid_age(c.relminmxid),
        current_setting('autovacuum_multixact_freeze_max_age')::float8, current_setting('vacuum_multixact_failsafe_age')::float8
      from pg_class c where c.relkind in ('r', 'm', 't') and c.relminmxid <> '0' and c.relpersistence <> 't'
    )
    select count(*)::int as total, count(*)::int as examined,
      (select jsonb_agg(to_jsonb(t) order by t.age desc) from (
        select coalesce(a.name, a.oid::regclass::text) as object, a.kind, a.ids, a.age, a.freeze as "freezeMax", a.failsafe from ages a
        where a.age > 1.1 * a.freeze or a.age > 0.5 * a.failsafe order by a.age desc limit 50) t) as found
    from ages`,
  evaluate: (rows, { thresholds: { wraparoundShare } }) =>
    rows.map(({ object, kind, ids, age, freezeMax, failsafe }) => {
      const grave = age >= Math.min(2 * freezeMax, wraparoundShare * failsafe, STOP_NEAR)
      const level: Level = grave ? 'error' : 'warning'
      return {
        object: `${object} (${ids} ids)`,
        level,
        summary: `The oldest ${ids} id of ${object} is ${count(age)} old, ${percent(age / 2 ** 31)} of what there are.`,
        remedy: {
          text:
            kind === 'table'
              ? 'Vacuum it, after what holds vacuum back is gone.'
              : 'Vacuum its oldest tables: examine that database.',
          ...(kind === 'table' ? { sql: [`vacuum (freeze, skip_locked off) ${object}`] } : {}),
          lock: 'share update exclusive on the table: reads and writes go on',
          undo: 'none needed',
        },
      }
    }),
})
