import { short, shortShare } from '../amounts.js'
import { shareOf } from '../difference.js'
import { definePanel, type ShownRow } from '../panel.js'

interface Row {
  readonly type: string
  readonly event: string
  readonly sessions: number
}

interface Shown extends ShownRow {
  readonly type: string
  readonly event: string
  readonly share: number | null
  /** Sessions that were in it, on average. */
  readonly mean: number
  readonly now: number
}

/** What active sessions waited for, of all looks of the last minute. */
export const waits = definePanel<Row, Shown>({
  id: 'waits',
  key: 'w',
  title: 'what active sessions waited for in the last minute',
  blind: 'what sessions of others wait for is not seen: grant pg_monitor to this login',
  empty: 'no session was active in the last minute',
  sampleMs: 500,
  sources: [
    {
      name: 'pg_stat_activity',
      sql: `
    select coalesce(a.wait_event_type, 'CPU') as type, coalesce(a.wait_event, 'running') as event, count(*) as sessions
    from pg_stat_activity a
    where a.state = 'active' and a.pid <> pg_backend_pid() and a.backend_type in ('client backend', 'parallel worker')
    group by 1, 2`,
    },
  ],
  columns: [
    { id: 'type', title: 'type', width: 10, cell: ({ type }) => type, sort: ({ type }) => type },
    { id: 'event', title: 'event', width: 24, cell: ({ event }) => event, sort: ({ event }) => event },
    {
      id: 'time',
      title: 'time%',
      width: 5,
      align: 'right',
      cell: ({ share }) => shortShare(share),
      sort: ({ share }) => share,
    },
    {
      id: 'mean',
      title: 'mean',
      width: 5,
      align: 'right',
      drop: 2,
      cell: ({ mean }) => short(mean),
      sort: ({ mean }) => mean,
    },
    {
      id: 'now',
      title: 'now',
      width: 4,
      align: 'right',
      drop: 3,
      cell: ({ now }) => short(now),
      sort: ({ now }) => now,
    },
    {
      id: 'bar',
      title: '',
      width: 8,
      grows: true,
      drop: 1,
      cell: ({ share }) => '█'.repeat(Math.round((share ?? 0) * 24)),
    },
  ],
  sorted: { by: 'time', descending: true },
  view({ now, minute }) {
    const sums = new Map<string, { type: string; event: string; sum: number }>()
    for (const { rows } of minute) {
      for (const { type, event, sessions } of rows) {
        const key = `${type}/${event}`
        sums.set(key, { type, event, sum: (sums.get(key)?.sum ?? 0) + sessions })
      }
    }
    const total = [...sums.values()].reduce((all, { sum }) => all + sum, 0)
    return {
      notes: [...now.refused, `${minute.length} looks, half a second apart; CPU is what waits for nothing`],
      rows: [...sums].map(([key, { type, event, sum }]) => ({
        key,
        type,
        event,
        share: shareOf(sum, total),
        mean: sum / minute.length,
        now: now.rows.find((row) => row.type === type && row.event === event)?.sessions ?? 0,
        mark: type === 'Lock' ? ('warning' as const) : ('none' as const),
      })),
    }
  },
  target: ({ key, type }) => (type === 'CPU' ? { kind: 'waiters', event: '' } : { kind: 'waiters', event: key }),
})
