import { z } from 'zod'
import type { Session } from '../../database/session.js'
import { readStatement, type Statement, statement } from '../../database/statement.js'
import { check, text } from '../../input.js'

/** Whether an agent type's learning has settled. */
export interface Convergence {
  readonly agentType: string
  readonly qValues: number
  /** Mean absolute temporal-difference error of the values updated within the window; null when none was. */
  readonly meanTdError: number | null
  /** Variance of the total reward of the newest trajectories; null below two. */
  readonly rewardVariance: number | null
  /** Share of the newest trajectories that succeeded; null without any. */
  readonly successRate: number | null
  /** Mean exploration rate of the running agents, else the type's. */
  readonly explorationRate: number
  /** All four criteria are met. */
  readonly converged: boolean
  /** The criteria that are not, by name. */
  readonly unmet: readonly ('tdError' | 'rewardVariance' | 'successRate' | 'explorationRate')[]
}

/** What convergence means, and over what. */
export interface ConvergenceOptions {
  /** @default all */
  readonly agentType?: string
  /** Values updated within so many hours count. @default 24 */
  readonly hours?: number
  /** So many of the newest trajectories count, 2 to 10000. @default 100 */
  readonly trajectories?: number
  /** Below. @default 0.01 */
  readonly tdErrorMax?: number
  /** Below. @default 5 */
  readonly rewardVarianceMax?: number
  /** Above. @default 0.85 */
  readonly successRateMin?: number
  /** Below. @default 0.05 */
  readonly explorationRateMax?: number
}

/** What a tenant holds, and learned lately. */
export interface LearningStatistics {
  readonly agentTypes: number
  readonly sessions: number
  readonly activeSessions: number
  readonly qValues: number
  readonly visits: number
  readonly meanQ: number | null
  readonly trajectories: number
  readonly successRate: number | null
  readonly meanReward: number | null
  readonly patterns: number
  readonly agents: number
  readonly snapshots: number
}

const CONVERGENCE = readStatement<{
  agent_type: string
  q_values: number
  mean_td_error: number | null
  reward_variance: number | null
  success_rate: number | null
  exploration_rate: number
}>(
  'learning.convergence',
  `select t.agent_type, v.q_values, v.mean_td_error, j.reward_variance, j.success_rate,
    coalesce(a.exploration_rate, t.exploration_rate) as exploration_rate
  from learning.agent_types t
  left join lateral (
    select count(*) as q_values, avg(abs(v.td_error)) filter (where v.updated_at > now() - make_interval(hours => $2::integer)) as mean_td_error
    from learning.q_values v
    where v.tenant_id = t.tenant_id and v.agent_type = t.agent_type and v.expires_at > now()
  ) v on true
  left join lateral (
    select var_samp(n.total_reward) as reward_variance, avg(n.succeeded::integer)::double precision as success_rate
    from (
      select x.total_reward, x.succeeded from learning.trajectories x
      where x.tenant_id = t.tenant_id and x.agent_type = t.agent_type
      order by x.trajectory_id desc
      limit $3::integer
    ) n
  ) j on true
  left join lateral (
    select avg(a.exploration_rate) as exploration_rate from learning.agent_states a
    where a.tenant_id = t.tenant_id and a.agent_type = t.agent_type and a.expires_at > now()
  ) a on true
  where t.tenant_id = current_setting('pgfleet.tenant') and ($1::text is null or t.agent_type = $1::text)
  order by t.agent_type`,
)

const STATISTICS = readStatement<Record<string, number | null>>(
  'learning.statistics',
  `select
    (select count(*) from learning.agent_types where tenant_id = e.tenant) as agent_types,
    s.sessions, s.active_sessions, v.q_values, v.visits, v.mean_q, j.trajectories, j.success_rate, j.mean_reward,
    (select count(*) from learning.patterns where tenant_id = e.tenant and expires_at > now()) as patterns,
    (select count(*) from learning.agent_states where tenant_id = e.tenant and expires_at > now()) as agents,
    (select count(*) from learning.policy_snapshots where tenant_id = e.tenant) as snapshots
  from (select current_setting('pgfleet.tenant') as tenant) e
  cross join lateral (
    select count(*) as sessions, count(*) filter (where status = 'active') as active_sessions
    from learning.sessions where tenant_id = e.tenant and expires_at > now()
  ) s
  cross join lateral (
    select count(*) as q_values, coalesce(sum(visits), 0)::bigint as visits, avg(case when q_b is null then q else (q + q_b) / 2 end) as mean_q
    from learning.q_values where tenant_id = e.tenant and expires_at > now()
  ) v
  cross join lateral (
    select count(*) as trajectories, avg(succeeded::integer)::double precision as success_rate, avg(total_reward) as mean_reward
    from learning.trajectories where tenant_id = e.tenant and trajectory_id >= platform.uuid_floor(now() - make_interval(hours => $1::integer))
  ) j`,
)

const REFRESH = statement<unknown>(
  'learning.refresh_summaries',
  `select learning.refresh_materialized_views(current_setting('pgfleet.tenant'))`,
)

const PERFORMANCE = readStatement<Record<string, unknown>>(
  'learning.agent_performance',
  `select s.agent_type as "agentType", s.sessions, s.trajectories, s.successes, s.success_rate as "successRate",
    s.average_reward as "averageReward", s.cumulative_reward as "cumulativeReward", s.average_execution_ms as "averageExecutionMs",
    s.patterns, s.q_values as "qValues", s.average_visits as "averageVisits", s.active_instances as "activeInstances",
    s.last_active_at as "lastActiveAt", s.refreshed_at as "refreshedAt"
  from learning.agent_performance_summary s
  where s.tenant_id = current_setting('pgfleet.tenant')
  order by s.agent_type`,
)

const CLEANUP = statement<{ table_name: string; deleted: number }>(
  'learning.cleanup_expired_data',
  `select c.table_name, c.deleted from learning.cleanup_expired_data(current_setting('pgfleet.tenant'), $1::integer) c`,
)

export const REPORT_STATEMENTS: readonly Statement<unknown>[] = [CONVERGENCE, STATISTICS, REFRESH, PERFORMANCE, CLEANUP]

const convergenceOptions = z.strictObject({
  agentType: text(1, 50).optional(),
  hours: z.int().min(1).max(100_000).default(24),
  trajectories: z.int().min(2).max(10_000).default(100),
  tdErrorMax: z.number().min(0).default(0.01),
  rewardVarianceMax: z.number().min(0).default(5),
  successRateMin: z.number().min(0).max(1).default(0.85),
  explorationRateMax: z.number().min(0).max(1).default(0.05),
})

/** One row an agent type, as of the last `refreshSummaries`. */
export interface AgentPerformance {
  readonly agentType: string
  readonly sessions: number
  readonly trajectories: number
  readonly successes: number
  readonly successRate: number | null
  readonly averageReward: number | null
  readonly cumulativeReward: number
  readonly averageExecutionMs: number | null
  readonly patterns: number
  readonly qValues: number
  readonly averageVisits: number | null
  readonly activeInstances: number
  readonly lastActiveAt: Date | null
  readonly refreshedAt: Date
}

/** Reports over one tenant's learning. They read many rows: for people and schedules, not for a hot path. */
export interface LearningReports {
  convergence(options?: ConvergenceOptions): Promise<Convergence[]>
  /** Counts; trajectories of the last `hours`. @default 24 */
  statistics(hours?: number): Promise<LearningStatistics>
  /** Brings `agent_performance_summary` and `pattern_effectiveness` up to date, without blocking readers. */
  refreshSummaries(): Promise<void>
  agentPerformance(): Promise<AgentPerformance[]>
  /** Removes expired rows in steps of `rowsMax` a table, until none is left or it is aborted; counts by table. */
  cleanup(options?: { rowsMax?: number; signal?: AbortSignal }): Promise<Record<string, number>>
}

export function createReports(session: Session): LearningReports {
  return {
    async convergence(options = {}) {
      const o = check('options', convergenceOptions, options)
      const rows = await session.query(CONVERGENCE, [o.agentType ?? null, o.hours, o.trajectories], {
        idempotent: true,
      })
      return rows.map((row) => {
        const unmet: Convergence['unmet'][number][] = []
        if (row.mean_td_error === null || row.mean_td_error >= o.tdErrorMax) unmet.push('tdError')
        if (row.reward_variance === null || row.reward_variance >= o.rewardVarianceMax) unmet.push('rewardVariance')
        if (row.success_rate === null || row.success_rate <= o.successRateMin) unmet.push('successRate')
        if (row.exploration_rate >= o.explorationRateMax) unmet.push('explorationRate')
        return {
          agentType: row.agent_type,
          qValues: row.q_values,
          meanTdError: row.mean_td_error,
          rewardVariance: row.reward_variance,
          successRate: row.success_rate,
          explorationRate: row.exploration_rate,
          converged: unmet.length === 0,
          unmet,
        }
      })
    },
    async statistics(hours = 24) {
      const [row] = await session.query(STATISTICS, [check('hours', z.int().min(1).max(100_000), hours)], {
        idempotent: true,
      })
      const camel = Object.entries(row ?? {}).map(([key, value]) => [
        key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
        value,
      ])
      return Object.fromEntries(camel) as LearningStatistics
    },
    async refreshSummaries() {
      await session.query(REFRESH, [], { idempotent: true })
    },
    async agentPerformance() {
      return (await session.query(PERFORMANCE, [], { idempotent: true })) as unknown as AgentPerformance[]
    },
    async cleanup(options = {}) {
      const rowsMax = check('rowsMax', z.int().min(1).max(1_000_000), options.rowsMax ?? 10_000)
      const total: Record<string, number> = {}
      for (;;) {
        const rows = await session.query(CLEANUP, [rowsMax], {
          idempotent: true,
          ...(options.signal ? { signal: options.signal } : {}),
        })
        for (const { table_name, deleted } of rows) total[table_name] = (total[table_name] ?? 0) + deleted
        if (rows.every((row) => row.deleted < rowsMax)) return total
      }
    },
  }
}
