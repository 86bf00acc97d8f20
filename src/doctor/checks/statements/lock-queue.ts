import { defineCheck, ORDER } from '../../check.js'
import { count, counted, duration } from '../../figures.js'
import { redact } from '../../redact.js'

interface Session {
  readonly pid: number
  readonly user: string | null
  readonly application: string | null
  readonly state: string | null
  readonly since: string | null
  readonly query: string | null
  readonly waits: number | null
  readonly lock: string | null
  readonly blockers: readonly number[]
}

/** Most sessions of one queue that are shown. */
const SHOWN_MAX = 12

/** Q4: sessions that wait for locks, by who is at the root. */
export const lockQueue = defineCheck<Session>({
  id: 'lock-queue',
  title: 'Sessions that wait for a lock',
  area: 'statements',
  level: 'error',
  order: ORDER.blocking,
  scope: 'sessions',
  absent: 'nobody else is connected',
  blind: 'the login sees no sessions of others: grant pg_monitor to it',
  why: 'Locks are granted in turn: behind one that waits for a strong lock all others wait too, even readers. One idle transaction and one ALTER TABLE stop an application.',
  when: 'A session has waited for a lock longer than lockWaitS (warning) or lockWaitErrorS (error). Who blocks whom is what pg_blocking_pids says, so a waiter that only stands in front is not taken for the root.',
  advice:
    'End or wait for the session at the root, not one in the middle. Give migrations a lock_timeout of a few seconds, so that they give way instead of queueing.',
  uses: ['lockWaitS', 'lockWaitErrorS'],
  sql: `
    with sessions as materialized (
      select a.*, case when a.wait_event_type = 'Lock' then pg_blocking_pids(a.pid) else '{}' end as blockers
      from pg_stat_activity a where a.pid <> pg_backend_pid() and (a.backend_type in ('client backend', 'autovacuum worker', 'background worker', 'parallel worker')
          or (a.backend_type is null and a.datid is not null))
    ),
    named as (select s.pid from sessions s where cardinality(s.blockers) > 0 union select unnest(s.blockers) from sessions s)
    select (select count(*) from sessions)::int as total, (select count(s.state) from sessions s)::int as examined,
      (select jsonb_agg(jsonb_build_object('pid', n.pid, 'user', s.usename, 'application', s.application_name, 'state', s.state,
        'since', s.backend_start, 'query', left(s.query, 2000), 'blockers', coalesce(s.blockers, '{}'),
        'waits', extract(epoch from clock_timestamp() - l.waitstart),
        'lock', l.mode || coalesce(' on ' || l.relation::regclass::text, ' on a ' || l.locktype)) order by n.pid)
        from named n left join sessions s on s.pid = n.pid
        left join lateral (select k.waitstart, k.mode, k.relation, k.locktype from pg_locks k
          where k.pid = n.pid and not k.granted limit 1) l on true) as found`,
  evaluate: (rows, { thresholds: { lockWaitS, lockWaitErrorS } }) => {
    const byPid = new Map(rows.map((row) => [row.pid, row]))
    const rootsOf = (pid: number, path: readonly number[] = []): number[] => {
      const blockers = (byPid.get(pid)?.blockers ?? []).filter((each) => !path.includes(each))
      return blockers.length === 0 ? [pid] : blockers.flatMap((each) => rootsOf(each, [...path, pid]))
    }
    const waiting = rows.filter(({ blockers }) => blockers.length > 0)
    const roots = [...new Set(waiting.flatMap(({ pid }) => rootsOf(pid)))]
    return roots.flatMap((root) => {
      const queue = waiting.filter(({ pid }) => pid !== root && rootsOf(pid).includes(root))
      const longest = Math.max(0, ...queue.map(({ waits }) => waits ?? 0))
      if (queue.length === 0 || longest < lockWaitS) return []
      const session = byPid.get(root)
      const idle = session?.state?.startsWith('idle') ?? false
      const name =
        root === 0 ? 'a prepared transaction' : `session ${root} of ${session?.user ?? 'a background process'}`
      return [
        {
          object: root === 0 ? 'prepared transaction' : `session ${root} since ${session?.since ?? '?'}`,
          level: longest >= lockWaitErrorS ? ('error' as const) : ('warning' as const),
          summary: `${counted(queue.length, 'session')} wait${queue.length === 1 ? 's' : ''} for ${name} (${session?.state ?? 'not a session'}), up to ${duration(longest)}.`,
          evidence: [
            ...(session?.query ? [`${root}: ${redact(session.query)}`] : []),
            ...queue
              .slice(0, SHOWN_MAX)
              .map(
                ({ pid, blockers, waits, lock, query }) =>
                  `${pid} waits ${duration(waits ?? 0)} for ${blockers.join(', ')} (${lock ?? 'a lock'}): ${redact(query ?? '')}`,
              ),
            ...(queue.length > SHOWN_MAX ? [`and ${count(queue.length - SHOWN_MAX)} more`] : []),
          ],
          remedy:
            root === 0
              ? { text: 'Find the transaction in pg_prepared_xacts, and end it.', lock: 'none', undo: 'none' }
              : {
                  text: idle
                    ? 'End the session at the root: it does nothing.'
                    : 'Wait for the statement at the root, or cancel it.',
                  sql: [`select ${idle ? 'pg_terminate_backend' : 'pg_cancel_backend'}(${root})`],
                  lock: 'none',
                  undo: 'none: its transaction is rolled back',
                },
        },
      ]
    })
  },
})
