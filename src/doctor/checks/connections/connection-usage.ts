import { defineCheck, ORDER } from '../../check.js'
import { percent } from '../../figures.js'

interface Row {
  readonly used: number
  readonly allowed: number
  readonly idle: number
  readonly top: string
}

/** M6: how close is the server to refusing logins? */
export const connectionUsage = defineCheck<Row>({
  id: 'connection-usage',
  title: 'Connections nearly used up',
  area: 'connections',
  level: 'error',
  order: ORDER.blocking,
  scope: 'servers',
  absent: '',
  why: 'When all connections are taken, every further login fails, that of the monitoring too.',
  when: 'Connections in use, of max_connections less those that are reserved, are above the thresholds.',
  advice:
    'Find who holds idle ones; limit pools so that their sum fits, or put PgBouncer in transaction mode in front. Raising max_connections costs memory and speed.',
  uses: ['connectionsShare', 'connectionsErrorShare'],
  sql: `
    with sessions as (
      select a.usename, a.application_name, a.state from pg_stat_activity a where (a.backend_type = 'client backend' or (a.backend_type is null and a.datid is not null))
    )
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('used', (select count(*) from sessions),
      'idle', (select count(*) from sessions s where s.state = 'idle'),
      'allowed', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
      'top', (select string_agg(format('%s × %s (%s)', t.n, t.usename, t.application_name), ', ')
        from (select s.usename, s.application_name, count(*) as n from sessions s group by 1, 2 order by 3 desc, 1, 2 limit 3) t))) as found`,
  evaluate: ([row], { thresholds: { connectionsShare, connectionsErrorShare } }) => {
    if (row === undefined || row.used < connectionsShare * row.allowed) return []
    const share = row.used / row.allowed
    return [
      {
        object: 'connections',
        level: share >= connectionsErrorShare ? ('error' as const) : ('warning' as const),
        summary: `${row.used} of ${row.allowed} connections are in use (${percent(share)}), ${row.idle} of them idle.`,
        evidence: [`most: ${row.top}`],
        remedy: {
          text: 'Lower the pools of the applications that hold idle connections, or put a pooler in transaction mode in front of the server.',
          lock: 'none',
          undo: 'raise the pools again',
        },
      },
    ]
  },
})
