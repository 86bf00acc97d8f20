import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import { toUsDollars } from './amounts.js'

/** Whose statistics; a session matches all that is given. */
export interface AgentSessionFilter {
  /** At most 1000. */
  readonly ids?: readonly string[]
  readonly agentName?: string
  readonly workflowId?: string
  readonly parentId?: string
  readonly signal?: AbortSignal
}

/** What sessions did together. */
export interface AgentSessionStatistics {
  readonly sessions: number
  readonly requests: { readonly total: number; readonly successful: number; readonly failed: number }
  readonly tokens: number
  /** Exact, as decimal text. */
  readonly costUsd: string
  /** Milliseconds; null without an interaction. Mean, min and max are exact, percentiles within 1 %. */
  readonly responseTimeMs: {
    readonly mean: number | null
    readonly min: number | null
    readonly max: number | null
    readonly p50: number | null
    readonly p90: number | null
    readonly p95: number | null
    readonly p99: number | null
  }
}

interface Row {
  readonly sessions: number
  readonly requests: number
  readonly successes: number
  readonly tokens: string
  readonly cost_usd: string
  readonly mean_ms: number | null
  readonly min_ms: number | null
  readonly max_ms: number | null
  readonly p50_ms: number | null
  readonly p90_ms: number | null
  readonly p95_ms: number | null
  readonly p99_ms: number | null
}

export const STATISTICS = readStatement<Row>(
  'delivery.agent_session_statistics',
  `select sessions, requests, successes, tokens::text as tokens, cost_usd::text as cost_usd, mean_ms, min_ms, max_ms, p50_ms, p90_ms, p95_ms, p99_ms
  from delivery.agent_session_statistics(current_setting('pgfleet.tenant'), $1::jsonb)`,
)

const filters = z.strictObject({
  ids: z.array(z.uuid()).max(1000).optional(),
  agentName: text(1, 100).optional(),
  workflowId: z.uuid().optional(),
  parentId: z.uuid().optional(),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Statistics of the sessions that match. Errors: INPUT_INVALID. */
export async function agentSessionStatistics(
  session: Session,
  input: AgentSessionFilter = {},
): Promise<AgentSessionStatistics> {
  const { ids, agentName, workflowId, parentId, signal } = check('filter', filters, input)
  const filter = { session_ids: ids, agent_name: agentName, workflow_id: workflowId, parent_id: parentId }
  const [row] = await session.query(STATISTICS, [JSON.stringify(filter)], {
    idempotent: true,
    ...(signal && { signal }),
  })
  if (row === undefined) throw new Error('the database returned no row of statistics')
  return {
    sessions: row.sessions,
    requests: { total: row.requests, successful: row.successes, failed: row.requests - row.successes },
    tokens: Number(row.tokens),
    costUsd: toUsDollars(row.cost_usd),
    responseTimeMs: {
      mean: row.mean_ms,
      min: row.min_ms,
      max: row.max_ms,
      p50: row.p50_ms,
      p90: row.p90_ms,
      p95: row.p95_ms,
      p99: row.p99_ms,
    },
  }
}
