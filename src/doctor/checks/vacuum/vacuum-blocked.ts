import { defineCheck, ORDER } from '../../check.js'
import { duration } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly pid: number
  readonly what: string
  readonly seconds: number
  readonly blockers: readonly { pid: number; user: string; query: string }[]
}

/** A8: vacuums that wait for somebody. */
export const vacuumBlocked = defineCheck<Row>({
  id: 'vacuum-blocked',
  title: 'Vacuums that wait for a lock',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.blocking,
  scope: 'autovacuum workers',
  absent: 'no autovacuum worker is at work',
  blind: 'the login does not see what workers do: grant pg_monitor to it',
  why: 'A worker that waits does nothing for any other table either.',
  when: 'An autovacuum worker waits for a lock.',
  advice: 'Look at what the blocking session does; end it when it is idle.',
  sql: `
    select count(*)::int as total, count(a.query)::int as examined,
      jsonb_agg(jsonb_build_object('pid', a.pid, 'what', a.query,
        'seconds', extract(epoch from clock_timestamp() - coalesce(l.since, a.state_change)),
        'blockers', (select jsonb_agg(jsonb_build_object('pid', b.pid, 'user', b.usename, 'query', left(b.query, 2000)))
          from pg_stat_activity b where b.pid = any (pg_blocking_pids(a.pid)))))
        filter (where a.wait_event_type = 'Lock') as found
    from pg_stat_activity a
    left join lateral (select min(k.waitstart) as since from pg_locks k where k.pid = a.pid and not k.granted) l on true
    where a.backend_type = 'autovacuum worker'`,
  evaluate: (rows) =>
    rows.map(({ what, seconds, blockers }) => ({
      object: what,
      summary: `${what} has waited for ${duration(seconds)} for ${(blockers ?? []).map(({ pid, user }) => `session ${pid} of ${user}`).join(', ') || 'a lock'}.`,
      evidence: (blockers ?? []).map(({ pid, query }) => `${pid}: ${redact(query)}`),
      remedy: {
        text: 'Wait for the blocking sessions, or end them when they are idle: select pg_terminate_backend(pid).',
        lock: 'none',
        undo: 'none: their transactions are rolled back',
      },
    })),
})
