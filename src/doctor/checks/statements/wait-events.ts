import { defineCheck, ORDER } from '../../check.js'
import { percent } from '../../figures.js'

interface Row {
  readonly type: string
  readonly event: string
  readonly sessions: number
}

/** What often stands behind a wait event, where that is known. */
const HINTS: Readonly<Record<string, string>> = {
  'LWLock/LockManager': 'many partitions or indexes in each statement: more locks than fit into the fast path',
  'LWLock/SubtransSLRU': 'many savepoints in transactions, with long ones beside them',
  'LWLock/WALWrite': 'many commits at once: gather them in larger transactions',
  'IO/WALSync': 'the disk of the WAL: gather commits in larger transactions',
  'Lock/tuple': 'many sessions that update the same row',
  'Lock/transactionid': 'sessions that wait for the same rows',
  'Lock/extend': 'many sessions that fill the same table',
  'IO/DataFileRead': 'reads that miss the cache',
}

/** Q13: what active sessions wait for, while the server is watched. */
export const waitEvents = defineCheck<Row>({
  id: 'wait-events',
  title: 'What active sessions wait for',
  area: 'statements',
  level: 'info',
  order: ORDER.advice,
  depth: 'sample',
  sampling: 'ticks',
  scope: 'servers',
  absent: '',
  why: 'A look at all active sessions every second tells what they spend their time with, without any extension.',
  when: 'One event makes a larger share than the threshold of all looks at sessions that were active, of twenty and more.',
  advice:
    'Follow the event: locks lead to lock-queue, IO to statements that read much, LWLock to what all sessions share.',
  uses: ['waitShare'],
  sql: `
    select 1 as total, 1 as examined, jsonb_agg(jsonb_build_object('type', w.type, 'event', w.event, 'sessions', w.sessions)) as found
    from (select coalesce(a.wait_event_type, 'CPU') as type, coalesce(a.wait_event, 'running') as event, count(*) as sessions
      from pg_stat_activity a where a.state = 'active' and a.pid <> pg_backend_pid() and a.backend_type in ('client backend', 'parallel worker')
      group by 1, 2) w`,
  evaluate: (rows, { looks, thresholds: { waitShare } }) => {
    const sums = new Map<string, number>()
    for (const { type, event, sessions } of rows)
      sums.set(`${type}/${event}`, (sums.get(`${type}/${event}`) ?? 0) + sessions)
    const total = [...sums.values()].reduce((sum, n) => sum + n, 0)
    if (total < 20) return []
    return [...sums]
      .filter(([event, n]) => event !== 'CPU/running' && n > waitShare * total)
      .toSorted(([, a], [, b]) => b - a)
      .map(([event, n]) => ({
        object: `wait event ${event}`,
        summary: `${percent(n / total)} of the time of active sessions went to ${event} (${(total / looks).toFixed(1)} active on average).`,
        evidence: HINTS[event] === undefined ? [] : [`often: ${HINTS[event]}`],
        remedy: { text: 'Find the statements that wait for it.', lock: 'none', undo: 'none needed' },
      }))
  },
})
