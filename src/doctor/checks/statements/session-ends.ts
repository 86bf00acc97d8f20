import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly sessions: number
  readonly abandoned: number
  readonly fatal: number
  readonly killed: number
}

/** Sessions below which a share means nothing. */
const SESSIONS_MIN = 100

/** Q9: sessions that did not end in order. */
export const sessionEnds = defineCheck<Row>({
  id: 'session-ends',
  title: 'Sessions that end in disorder',
  area: 'statements',
  level: 'warning',
  order: ORDER.advice,
  scope: 'databases',
  absent: '',
  why: 'A client that vanishes may have lost its work; a fatal error is a fault of the server’s side; a session that was killed was in somebody’s way.',
  when: 'Of a hundred sessions and more since the statistics were reset, more than a tenth lost their client (info) or ended by a fatal error (warning).',
  advice:
    'Look at the network between them, at time-outs of balancers and poolers (shorter than tcp_keepalives?), and into the log.',
  sql: `
    select 1 as total, 1 as examined, jsonb_agg(jsonb_build_object('sessions', d.sessions, 'abandoned', d.sessions_abandoned,
      'fatal', d.sessions_fatal, 'killed', d.sessions_killed)) as found
    from pg_stat_database d where d.datname = current_database()`,
  evaluate: (rows) =>
    rows
      .filter(
        ({ sessions, abandoned, fatal }) => sessions >= SESSIONS_MIN && Math.max(abandoned, fatal) > 0.1 * sessions,
      )
      .map(({ sessions, abandoned, fatal, killed }) => ({
        object: 'sessions',
        level: fatal > 0.1 * sessions ? ('warning' as const) : ('info' as const),
        summary: `Of ${count(sessions)} sessions ${percent(abandoned / sessions)} lost their client and ${percent(fatal / sessions)} ended by a fatal error.`,
        evidence: killed > 0 ? [`${count(killed)} were killed`] : [],
        remedy: {
          text: 'Look into the log, and at the time-outs of what lies between.',
          lock: 'none',
          undo: 'none needed',
        },
      })),
})
