import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly holder: string
  readonly kind: string
  readonly age: number
  readonly freezeMax: number
  readonly sql: string | null
}

/** A9: who keeps vacuum from removing dead rows. */
export const snapshotHorizon = defineCheck<Row>({
  id: 'snapshot-horizon',
  title: 'Old snapshots that hold back vacuum',
  area: 'vacuum',
  level: 'error',
  order: ORDER.blocking,
  scope: 'holders of a snapshot',
  absent: 'nobody holds an old snapshot',
  why: 'Vacuum may remove nothing that the oldest snapshot could still see, in any table of the database. In the end transaction ids run out.',
  when: 'A session, prepared transaction, replication slot or standby holds a snapshot older than the thresholds, counted in transactions as a share of autovacuum_freeze_max_age.',
  advice: 'End the holder that is named: the session, the prepared transaction, the slot, or the query on the standby.',
  uses: ['horizonShare', 'horizonErrorShare'],
  sql: `
    with holders as (
      select 'session ' || a.pid || ' of ' || coalesce(a.usename, a.backend_type) as holder, 'session' as kind,
        greatest(age(a.backend_xmin), age(a.backend_xid)) as age,
        case when a.backend_type = 'client backend' then 'select pg_terminate_backend(' || a.pid || ')' end as sql
      from pg_stat_activity a
      where a.pid <> pg_backend_pid() and a.backend_type <> 'walsender' and (a.backend_xmin is not null or a.backend_xid is not null)
      union all
      select 'prepared transaction ' || p.gid, 'prepared', age(p.transaction), 'rollback prepared ' || quote_literal(p.gid)
      from pg_prepared_xacts p
      union all
      select 'replication slot ' || s.slot_name, 'slot', greatest(age(s.xmin), age(s.catalog_xmin)),
        'select pg_drop_replication_slot(' || quote_literal(s.slot_name) || ')'
      from pg_replication_slots s where s.xmin is not null or s.catalog_xmin is not null
      union all
      select 'standby ' || r.application_name, 'standby', age(r.backend_xmin), null
      from pg_stat_replication r where r.backend_xmin is not null
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('holder', h.holder, 'kind', h.kind, 'age', h.age, 'sql', h.sql,
        'freezeMax', current_setting('autovacuum_freeze_max_age')::float8) order by h.age desc) filter (where h.age > 0) as found
    from holders h`,
  evaluate: (rows, { thresholds: { horizonShare, horizonErrorShare } }) =>
    rows
      .filter(({ age, freezeMax }) => age >= horizonShare * freezeMax)
      .map(({ holder, kind, age, freezeMax, sql }) => ({
        object: holder,
        level: age >= horizonErrorShare * freezeMax ? ('error' as const) : ('warning' as const),
        summary: `${holder} holds a snapshot ${count(age)} transactions old, ${percent(age / freezeMax)} of autovacuum_freeze_max_age.`,
        remedy: {
          text:
            kind === 'standby'
              ? 'End the long query on the standby, or set hot_standby_feedback off there.'
              : kind === 'slot'
                ? 'Start its reader again, or drop the slot when there is none.'
                : 'End it.',
          ...(sql === null ? {} : { sql: [sql] }),
          lock: 'none',
          undo: 'none: what it was doing is lost',
        },
      })),
})
