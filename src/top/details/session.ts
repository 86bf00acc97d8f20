import { short, shortTime } from '../amounts.js'
import { MARK } from '../reader.js'
import type { ReadDetail } from './detail.js'

interface Session {
  readonly user: string | null
  readonly database: string | null
  readonly application: string | null
  readonly address: string | null
  readonly type: string | null
  readonly state: string | null
  readonly wait: string | null
  readonly connected: number | null
  readonly transaction: number | null
  readonly statement: number | null
  readonly xminAge: number | null
  readonly query: string | null
  readonly blockers: readonly number[]
}

interface Lock {
  readonly granted: boolean
  readonly mode: string
  readonly target: string
  readonly locks: number
}

/** Most locks that are listed. */
const LOCKS_MAX = 50

/** One session; of the pid and, where it is known, of the time when it began, so that it is never another's. */
export const SESSION = `
  select ${MARK} a.usename as user, a.datname as database, a.application_name as application, coalesce(host(a.client_addr), 'local') as address,
    a.backend_type as type, a.state, a.wait_event_type || '/' || a.wait_event as wait, extract(epoch from clock_timestamp() - a.backend_start)::float8 as connected,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as transaction, extract(epoch from clock_timestamp() - a.query_start)::float8 as statement,
    greatest(age(a.backend_xmin), age(a.backend_xid)) as "xminAge", a.query, pg_blocking_pids(a.pid) as blockers
  from pg_stat_activity a where a.pid = $1::int and ($2::text is null or a.backend_start is not distinct from $2::timestamptz)`

/** Its locks, those that it waits for first. */
export const LOCKS = `
  select ${MARK} l.granted, l.mode, case when l.relation is null then l.locktype when l.database in (0, (select d.oid from pg_database d where d.datname = current_database()))
      then l.relation::regclass::text else 'relation ' || l.relation || ' of another database' end as target, count(*)::int as locks
  from pg_locks l where l.pid = $1::int group by 1, 2, 3 order by l.granted, 3, 2 limit ${LOCKS_MAX + 1}`

/** A session with its locks and those that it waits for. */
export const session: ReadDetail<'session'> = async (reader, { pid, begun }) => {
  const [found] = await reader.read<Session>(SESSION, [pid, begun])
  if (found === undefined) return { title: `session ${pid}`, fields: [['state', 'it has ended']], sections: [] }
  const locks = await reader.read<Lock>(LOCKS, [pid])
  const blockers = []
  for (const blocker of [...new Set(found.blockers)].slice(0, 10)) {
    const [other] = blocker === 0 ? [] : await reader.read<Session>(SESSION, [blocker, null])
    blockers.push(
      blocker === 0
        ? 'a prepared transaction: see pg_prepared_xacts'
        : `${blocker} of ${other?.user ?? '?'}, ${other?.state ?? 'its state is not seen'}, transaction of ${shortTime(other?.transaction)}: ${other?.query ?? ''}`,
    )
  }
  return {
    title: `session ${pid} of ${found.user ?? found.type ?? '?'}`,
    fields: [
      [
        'database',
        `${found.database ?? '-'}, ${found.application || 'no application name'}, from ${found.address ?? '?'}`,
      ],
      [
        'state',
        `${found.state ?? 'not seen: grant pg_monitor to this login'}${found.wait ? `, waits for ${found.wait}` : ''}`,
      ],
      ['connected', shortTime(found.connected)],
      ['transaction', `${shortTime(found.transaction)}, its snapshot ${short(found.xminAge)} transactions old`],
      ['statement', `began ${shortTime(found.statement)} ago`],
    ],
    sections: [
      ...(blockers.length > 0 ? [{ title: 'waits for', lines: blockers, wraps: true }] : []),
      {
        title: found.state === 'active' ? 'statement' : 'last statement',
        lines: [found.query || 'not seen'],
        wraps: true,
      },
      {
        title: locks.length > LOCKS_MAX ? `the first ${LOCKS_MAX} locks` : 'locks',
        lines: locks
          .slice(0, LOCKS_MAX)
          .map(
            ({ granted, mode, target, locks }) =>
              `${granted ? 'holds' : 'WAITS'} ${mode.replace(/Lock$/, '').padEnd(24)} ${target}${locks > 1 ? ` (${locks})` : ''}`,
          ),
        wraps: false,
      },
    ],
  }
}
