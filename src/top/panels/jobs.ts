import { short, shortTime } from '../amounts.js'
import { definePanel, type ShownRow } from '../panel.js'

interface Row {
  readonly kind: 'jobs' | 'maintenance' | 'ticks'
  readonly name: string
  readonly state: string
  readonly amount: number | null
  /** Seconds: of jobs how long the oldest has waited or run; of a run since it began; of ticks since the last. */
  readonly age: number | null
  readonly note: string
  readonly isBad: boolean
}

interface Shown extends ShownRow, Row {}

const ABSENT = 'this is no database of pgfleet: it has no jobs, no maintenance and no ticks'

/** What a pgfleet database does in batches: jobs, maintenance, ticks. */
export const jobs = definePanel<Row, Shown>({
  id: 'jobs',
  key: 'b',
  title: 'batches and jobs of pgfleet: waiting, running, overdue',
  empty: 'there are no jobs, no maintenance has run, and nothing ticks',
  sources: [
    {
      name: 'delivery.jobs',
      needs: { relation: 'delivery.jobs' },
      absent: ABSENT,
      grant: 'grant pgfleet_monitor to this login',
      sql: `
    select 'jobs' as kind, j.channel as name, j.state, count(*) as amount,
      extract(epoch from clock_timestamp() - min(case when j.state in ('running', 'lease over') then j.leased_at else j.ready_at end)) as age,
      case when row_security_active('delivery.jobs') and not pg_has_role('pgfleet_monitor', 'usage') then 'only of the tenant of this session, if it has one' else 'tenants: ' || count(distinct j.tenant_id) end as note,
      j.state = 'lease over' or (j.state = 'ready' and min(j.ready_at) < now() - interval '5 minutes') as "isBad"
    from (select k.channel, k.tenant_id, k.leased_at, k.ready_at, case when k.held then 'held' when k.lease is not null and k.available_at > now() then 'running'
        when k.lease is not null then 'lease over' when k.available_at > now() then 'later' else 'ready' end as state
      from delivery.jobs k) j
    group by j.channel, j.state
    union all
    select 'jobs', '(all)', 'not seen', null, null, 'row-level security hides the jobs of tenants from this login', false
    where row_security_active('delivery.jobs') and not pg_has_role('pgfleet_monitor', 'usage')
    limit 500`,
    },
    {
      name: 'platform.maintenance_runs',
      needs: { relation: 'platform.maintenance_runs' },
      grant: 'grant pgfleet_monitor to this login',
      sql: `
    select 'maintenance' as kind, r.service as name, coalesce(r.outcome, 'running') as state, null::bigint as amount,
      extract(epoch from clock_timestamp() - r.started_at) as age,
      case when r.error_code is not null then r.error_code || ': ' || left(r.error_message, 200)
        when r.ended_at is not null then 'took ' || round(extract(epoch from r.ended_at - r.started_at)::numeric, 1) || ' s' else '' end as note,
      coalesce(r.outcome, '') = 'failed' as "isBad"
    from (select distinct s.service from platform.maintenance_runs s) each
      cross join lateral (select m.* from platform.maintenance_runs m where m.service = each.service order by m.run_id desc limit 1) r`,
    },
    {
      name: 'metadata.ticks',
      needs: { relation: 'metadata.ticks' },
      grant: 'grant pgfleet_monitor to this login',
      sql: `
    select 'ticks' as kind, t.tenant_id || '/' || t.sync_group as name, case when bool_or(t.is_delayed) then 'late' else 'on time' end as state,
      count(*) filter (where t.is_delayed) as amount, extract(epoch from clock_timestamp() - max(t.started_at)) as age,
      'of the last ' || count(*) || ', least headroom ' || round(min(t.headroom_ms)::numeric, 1) || ' ms' as note, bool_or(t.is_delayed) as "isBad"
    from metadata.ticks t group by t.tenant_id, t.sync_group order by max(t.started_at) desc limit 200`,
    },
  ],
  columns: [
    { id: 'kind', title: 'kind', width: 11, cell: ({ kind }) => kind, sort: ({ kind }) => kind },
    { id: 'name', title: 'name', width: 18, cell: ({ name }) => name, sort: ({ name }) => name },
    { id: 'state', title: 'state', width: 11, cell: ({ state }) => state, sort: ({ state }) => state },
    {
      id: 'amount',
      title: 'count',
      width: 5,
      align: 'right',
      cell: ({ amount }) => short(amount),
      sort: ({ amount }) => amount,
    },
    { id: 'age', title: 'oldest', width: 6, align: 'right', cell: ({ age }) => shortTime(age), sort: ({ age }) => age },
    { id: 'note', title: '', width: 12, grows: true, drop: 1, cell: ({ note }) => note },
  ],
  sorted: { by: 'kind', descending: false },
  view({ now }) {
    return {
      notes: now.refused,
      rows: now.rows.map((row) => ({
        ...row,
        key: `${row.kind}/${row.name}/${row.kind === 'jobs' ? row.state : ''}`,
        mark: row.isBad ? ('warning' as const) : ('none' as const),
      })),
    }
  },
})
