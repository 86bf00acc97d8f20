import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'

/** How many events there are of one type. */
export interface EventTypeCount {
  readonly type: string
  readonly events: number
  readonly oldest: Date
  readonly newest: Date
}

/** What the log holds of a range of time. */
export interface EventStats {
  readonly events: number
  readonly oldest: Date | null
  readonly newest: Date | null
  /** The most frequent types first, at most 1000. */
  readonly types: readonly EventTypeCount[]
}

/** A range of time. */
export interface TimeRange {
  /** Occurred at this time or later. */
  readonly from?: Date
  /** Occurred before this time. */
  readonly to?: Date
}

/** How reliably tasks succeed. */
export interface PassHatK {
  readonly k: number
  /** The chance that k runs of a task all succeed, mean over the tasks; null when no task has k runs. */
  readonly value: number | null
  /** Tasks with k runs or more. */
  readonly tasks: number
}

/** Which runs count. */
export interface PassHatKOptions extends TimeRange {
  /** The `source` of the events. @default any */
  readonly source?: string
  /** The largest k, 1 to 100. @default 4 */
  readonly kMax?: number
}

export const EVENT_STATS = readStatement<{ event_type: string; events: number; oldest: Date; newest: Date }>(
  'memory.event_stats',
  `select e.event_type, count(*) as events, platform.uuid_time(min(e.event_id::text)::uuid) as oldest,
    platform.uuid_time(max(e.event_id::text)::uuid) as newest
  from memory.events e
  where e.tenant_id = current_setting('pgfleet.tenant')
    and e.event_id >= coalesce(platform.uuid_floor($1::timestamptz), '00000000-0000-0000-0000-000000000000')
    and e.event_id < coalesce(platform.uuid_floor($2::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  group by e.event_type
  order by 2 desc, 1`,
)

/**
 * pass^k of Yao et al. 2024 (tau-bench): of a task with c successes in n runs, C(c, k) / C(n, k), here as the product of
 * (c - i) / (n - i) for i below k.
 */
export const PASS_HAT_K = readStatement<{ k: number; value: number | null; tasks: number }>(
  'memory.pass_hat_k',
  `with task as (
    select e.payload -> 'task' as task, count(*) as runs,
      count(*) filter (where (e.payload ->> 'reward')::double precision >= 1 - 1e-6) as successes
    from memory.events e
    where e.tenant_id = current_setting('pgfleet.tenant') and e.event_type = 'run.ended'
      and e.event_id >= coalesce(platform.uuid_floor($3::timestamptz), '00000000-0000-0000-0000-000000000000')
      and e.event_id < coalesce(platform.uuid_floor($4::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      and ($1::text is null or e.source = $1::text)
    group by e.payload -> 'task'
  ),
  estimate as (
    select n.k, t.task, case
      when t.successes < n.k then 0
      else (select exp(sum(ln((t.successes - i)::double precision / (t.runs - i)))) from generate_series(0, n.k - 1) i)
    end as pass
    from generate_series(1, $2::integer) n(k)
    join task t on t.runs >= n.k
  )
  select n.k, avg(e.pass) as value, count(e.task)::integer as tasks
  from generate_series(1, $2::integer) n(k)
  left join estimate e on e.k = n.k
  group by n.k
  order by n.k`,
)

const moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))
const range = { from: moment.optional(), to: moment.optional() }
const isRange = ({ from, to }: TimeRange) => from === undefined || to === undefined || from < to
const isNoRange = { path: ['to'], message: 'must be later than from' }
const statsOptions = z.strictObject(range).refine(isRange as never, isNoRange)
const passOptions = z
  .strictObject({ ...range, source: text(1, 200).optional(), kMax: z.int().min(1).max(100).default(4) })
  .refine(isRange as never, isNoRange)

/** Counts the events of a range by type. Errors: INPUT_INVALID. */
export async function eventStats(session: Session, input: TimeRange = {}): Promise<EventStats> {
  const { from, to } = check('range', statsOptions, input)
  const rows = await session.query(EVENT_STATS, [from ?? null, to ?? null], { idempotent: true })
  const least = (times: Date[]) => times.reduce<Date | null>((a, b) => (a === null || b < a ? b : a), null)
  const most = (times: Date[]) => times.reduce<Date | null>((a, b) => (a === null || b > a ? b : a), null)
  return {
    events: rows.reduce((sum, row) => sum + row.events, 0),
    oldest: least(rows.map((row) => row.oldest)),
    newest: most(rows.map((row) => row.newest)),
    types: rows.slice(0, 1000).map(({ event_type, ...counted }) => ({ type: event_type, ...counted })),
  }
}

/** Errors: INPUT_INVALID. */
export async function passHatK(session: Session, input: PassHatKOptions = {}): Promise<PassHatK[]> {
  const { from, to, source, kMax } = check('options', passOptions, input)
  return await session.query(PASS_HAT_K, [source ?? null, kMax, from ?? null, to ?? null], { idempotent: true })
}
