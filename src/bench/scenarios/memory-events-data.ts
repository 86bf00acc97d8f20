import { statement } from '../../database/statement.js'
import type { Fleet } from '../../fleet.js'
import type { NewEvent } from '../../stores/memory/index.js'

const TYPES = ['tool.called', 'tool.returned', 'message.assistant', 'run.ended'] as const

/** An event of the benchmark: about 150 bytes of payload, runs of 50 events, 18 agents. */
export function benchEvent(n: number): Required<Pick<NewEvent, 'type' | 'correlationId' | 'agentId' | 'payload'>> {
  return {
    type: TYPES[n % TYPES.length] as string,
    correlationId: `run-${Math.floor(n / 50)}`,
    agentId: `agent-${n % 18}`,
    payload: {
      step: n % 50,
      tool: 'search',
      milliseconds: n % 977,
      ok: true,
      note: 'what was looked for, and what was found of it',
    },
  }
}

/** The first moment of the month so many months before this one, in UTC. */
export function monthBefore(months: number): Date {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1))
}

const ENSURE_MONTH = statement<unknown>(
  'bench.ensure_month',
  `select platform.ensure_partition('memory', 'events', platform.uuid_floor($1::timestamptz))`,
)

/** Events spread evenly over a range of time; numbers make their ids unique, so that filling twice changes nothing. */
const FILL_MONTH = statement<unknown>(
  'bench.fill_month',
  `insert into memory.events (tenant_id, event_id, event_type, occurred_at, correlation_id, agent_id, payload)
  select current_setting('pgfleet.tenant'),
    (lpad(to_hex(t.ms), 12, '0') || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid,
    (array['tool.called', 'tool.returned', 'message.assistant', 'run.ended'])[1 + n % 4], to_timestamp(t.ms / 1000.0),
    'run-' || n / 50, 'agent-' || n % 18,
    jsonb_build_object('step', n % 50, 'tool', 'search', 'milliseconds', n % 977, 'ok', true,
      'note', 'what was looked for, and what was found of it')
  from generate_series($3::bigint, $4::bigint) n
  cross join lateral (
    select (extract(epoch from $1::timestamptz) * 1000 + n * (extract(epoch from $2::timestamptz - $1::timestamptz) * 1000 - 1) / $5::bigint)::bigint
  ) t(ms)
  on conflict (tenant_id, event_id) do nothing`,
)

/** Gives the tenant so many events in the month so many months ago, unless it has them. */
export async function fillMonth(
  fleet: Fleet,
  tenant: string,
  monthsAgo: number,
  rows: number,
  signal: AbortSignal,
): Promise<void> {
  const [from, to] = [monthBefore(monthsAgo), monthBefore(monthsAgo - 1)]
  const held = await fleet.tenant(tenant).memory.events.stats({ from, to })
  if (held.events >= rows) return
  await fleet.database.runAs(tenant, ENSURE_MONTH, [from])
  const step = 100_000
  for (let first = 1; first <= rows; first += step) {
    signal.throwIfAborted()
    const values = [from, to, first, Math.min(rows, first + step - 1), rows]
    await fleet.database.runAs(tenant, FILL_MONTH, values, { durability: 'async' })
  }
}
