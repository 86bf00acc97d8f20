import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement, statement } from '../../../database/statement.js'
import { check } from '../../../input.js'
import type {
  AgentPerformanceRow,
  AuditActivityRow,
  DatabaseCheckRow,
  InteractionPatternRow,
  PerformanceTrendRow,
  PullRequestQualityRow,
  PullRequestWorkflowRow,
  SecurityEventRow,
  SystemHealthRow,
  TaskAnalyticsRow,
  TaskDependencyRow,
  WorkflowDashboardRow,
  WorkflowPerformanceRow,
} from './dashboard-rows.js'

/** How much of a dashboard is read. */
export interface DashboardOptions {
  /** Most rows, 1 to 1000. @default 100 */
  readonly limit?: number
  readonly signal?: AbortSignal
}

/** The views over all that a tenant does, as rows; each is also a view of the schema `delivery`. Errors: INPUT_INVALID. */
export interface Dashboards {
  /** The newest workflows: progress, duration against the estimate, sessions and pull requests. */
  workflows(options?: DashboardOptions): Promise<WorkflowDashboardRow[]>
  /** Types of workflow and environments, the most frequent first. */
  workflowPerformance(options?: DashboardOptions): Promise<WorkflowPerformanceRow[]>
  /** Types of task, the most frequent first. */
  tasks(options?: DashboardOptions): Promise<TaskAnalyticsRow[]>
  /** The tasks of a workflow, the deepest last. */
  taskDependencies(workflowId: string, options?: DashboardOptions): Promise<TaskDependencyRow[]>
  /** Agents, those with the most requests first. */
  agents(options?: DashboardOptions): Promise<AgentPerformanceRow[]>
  /** Kinds of interaction over the last 30 days, the most frequent first. */
  interactions(options?: DashboardOptions): Promise<InteractionPatternRow[]>
  /** Repositories, those with the most pull requests first. */
  pullRequestQuality(options?: DashboardOptions): Promise<PullRequestQualityRow[]>
  /** The newest pull requests of workflows and of agents. */
  pullRequestWorkflows(options?: DashboardOptions): Promise<PullRequestWorkflowRow[]>
  /** Names of metrics over the last 24 hours, from rollups. */
  systemHealth(options?: DashboardOptions): Promise<SystemHealthRow[]>
  /** Names of metrics by hour over the last seven days, from rollups, the newest hour first. */
  performanceTrends(options?: DashboardOptions): Promise<PerformanceTrendRow[]>
  /** What the audit log holds of the last 30 days, by day, the newest first. */
  auditActivity(options?: DashboardOptions): Promise<AuditActivityRow[]>
  /** Entries of the audit log of the last 30 days that matter to security, the newest first. */
  securityEvents(options?: DashboardOptions): Promise<SecurityEventRow[]>
  /** How the database is, one row a check, and what the tenant recorded in the last 24 hours. */
  databaseHealth(options?: { signal?: AbortSignal }): Promise<DatabaseCheckRow[]>
}

/** The rows as the views have them: their members are those of the row's type, in snake case. */
type Row = Record<string, unknown>

const WORKFLOW_DASHBOARD = readStatement<Row>(
  'delivery.workflow_dashboard',
  `select v.workflow_id, v.name, v.workflow_type, v.environment, v.status, v.priority, v.task_count,
    v.open_tasks, v.completed_tasks, v.failed_tasks, v.skipped_tasks, v.cancelled_tasks,
    v.progress_percent, v.created_at, v.started_at, v.ended_at, v.duration_ms, v.estimate_ms,
    v.variance_ms, v.is_overdue, v.sessions, v.live_sessions, v.pull_requests, v.merged_pull_requests
  from delivery.workflow_dashboard v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.workflow_id desc
  limit $1::integer`,
)
const WORKFLOW_PERFORMANCE_METRICS = readStatement<Row>(
  'delivery.workflow_performance_metrics',
  `select v.workflow_type, v.environment, v.workflows, v.unfinished, v.completed, v.failed, v.timed_out,
    v.cancelled, v.success_rate, v.mean_duration_ms, v.p50_duration_ms, v.p95_duration_ms,
    v.mean_estimate_error, v.success_rate_7d, v.success_rate_7d_before, v.success_rate_change
  from delivery.workflow_performance_metrics v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.workflows desc, v.workflow_type, v.environment
  limit $1::integer`,
)
const TASK_ANALYTICS = readStatement<Row>(
  'delivery.task_analytics',
  `select v.task_type, v.tasks, v.unfinished, v.completed, v.failed, v.skipped, v.cancelled, v.success_rate,
    v.retried, v.mean_attempts, v.mean_duration_ms, v.p50_duration_ms, v.p95_duration_ms
  from delivery.task_analytics v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.tasks desc, v.task_type
  limit $1::integer`,
)
const AGENT_PERFORMANCE_DASHBOARD = readStatement<Row>(
  'delivery.agent_performance_dashboard',
  `select v.agent_name, v.agent_type, v.sessions, v.live_sessions, v.requests, v.successes, v.success_rate,
    v.tokens, v.cost_usd, v.cost_per_request_usd, v.mean_response_ms, v.p50_response_ms,
    v.p95_response_ms, v.last_activity_at
  from delivery.agent_performance_dashboard v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.requests desc, v.agent_name, v.agent_type
  limit $1::integer`,
)
const AGENT_INTERACTION_PATTERNS = readStatement<Row>(
  'delivery.agent_interaction_patterns',
  `select v.agent_type, v.interaction_type, v.interactions, v.completed, v.not_completed, v.success_rate,
    v.mean_tokens, v.cost_usd, v.mean_duration_ms, v.p50_duration_ms, v.p95_duration_ms, v.busiest_hour,
    v.sessions
  from delivery.agent_interaction_patterns v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.interactions desc, v.agent_type, v.interaction_type
  limit $1::integer`,
)
const PR_QUALITY_DASHBOARD = readStatement<Row>(
  'delivery.pr_quality_dashboard',
  `select v.repository, v.pull_requests, v.draft, v.open, v.merged, v.closed, v.merge_rate, v.ready_to_merge,
    v.with_quality_issues, v.mean_coverage, v.mean_quality, v.ci_success_rate, v.mean_complexity,
    v.mean_hours_to_merge, v.p50_hours_to_merge
  from delivery.pr_quality_dashboard v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.pull_requests desc, v.repository
  limit $1::integer`,
)
const PR_WORKFLOW_INTEGRATION = readStatement<Row>(
  'delivery.pr_workflow_integration',
  `select v.pull_request_id, v.repository, v.number, v.title, v.status, v.ci_status, v.review_status,
    v.workflow_id, v.workflow_name, v.workflow_status, v.workflow_progress_percent, v.session_id,
    v.agent_name, v.session_status, v.hours_open
  from delivery.pr_workflow_integration v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.pull_request_id desc
  limit $1::integer`,
)
const SYSTEM_HEALTH_DASHBOARD = readStatement<Row>(
  'delivery.system_health_dashboard',
  `select v.category, v.name, v.series, v.points, v.mean, v.min, v.max, v.p50, v.p95, v.last, v.last_at
  from delivery.system_health_dashboard v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.category, v.name
  limit $1::integer`,
)
const PERFORMANCE_TRENDS = readStatement<Row>(
  'delivery.performance_trends',
  `select v.category, v.name, v.bucket, v.series, v.points, v.mean, v.min, v.max, v.p50, v.p95, v.change
  from delivery.performance_trends v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.bucket desc, v.category, v.name
  limit $1::integer`,
)
const AUDIT_ACTIVITY_SUMMARY = readStatement<Row>(
  'delivery.audit_activity_summary',
  `select v.day::timestamp at time zone 'UTC' as day, v.entity_type, v.action, v.actor_type, v.entries,
    v.succeeded, v.not_succeeded, v.of_high_security, v.actors, v.entities, v.first_at, v.last_at
  from delivery.audit_activity_summary v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.day desc, v.entries desc, v.entity_type, v.action, v.actor_type
  limit $1::integer`,
)
const SECURITY_EVENTS_VIEW = readStatement<Row>(
  'delivery.security_events_view',
  `select v.audit_id, v.recorded_at, v.entity_type, v.entity_id, v.action, v.result, v.security_level,
    v.actor_type, v.actor_id, v.correlation_id, v.changes, v.risk_score
  from delivery.security_events_view v
  where v.tenant_id = current_setting('pgfleet.tenant')
  order by v.audit_id desc
  limit $1::integer`,
)
const TASK_DEPENDENCY_ANALYSIS = readStatement<Row>(
  'delivery.task_dependency_analysis',
  `select v.workflow_id, v.task_number, v.name, v.task_type, v.status, v.depth, v.dependencies, v.dependents,
    v.unfinished_dependencies, v.is_blocked, v.is_critical, v.is_optional
  from delivery.task_dependency_analysis v
  where v.tenant_id = current_setting('pgfleet.tenant') and v.workflow_id = $2::uuid
  order by v.depth, v.task_number
  limit $1::integer`,
)
const DATABASE_HEALTH_CHECK = statement<Row>(
  'delivery.database_health_check',
  'select v.check_name, v.status, v.value, v.threshold, v.unit from delivery.database_health_check() v',
)

export const DASHBOARD_STATEMENTS: readonly Statement<unknown>[] = [
  WORKFLOW_DASHBOARD,
  WORKFLOW_PERFORMANCE_METRICS,
  TASK_ANALYTICS,
  AGENT_PERFORMANCE_DASHBOARD,
  AGENT_INTERACTION_PATTERNS,
  PR_QUALITY_DASHBOARD,
  PR_WORKFLOW_INTEGRATION,
  SYSTEM_HEALTH_DASHBOARD,
  PERFORMANCE_TRENDS,
  AUDIT_ACTIVITY_SUMMARY,
  SECURITY_EVENTS_VIEW,
  TASK_DEPENDENCY_ANALYSIS,
  DATABASE_HEALTH_CHECK,
]

const signal = z.instanceof(AbortSignal).optional()
const dashboardOptions = z.strictObject({ limit: z.int().min(1).max(1000).default(100), signal })
const healthOptions = z.strictObject({ signal })

export function createDashboards(session: Session): Dashboards {
  const read =
    <T>(view: Statement<Row>) =>
    async (options: DashboardOptions = {}): Promise<T[]> => {
      const { limit, signal } = check('options', dashboardOptions, options)
      return (await session.query(view, [limit], { idempotent: true, ...(signal && { signal }) })).map(toRow<T>)
    }
  return {
    workflows: read(WORKFLOW_DASHBOARD),
    workflowPerformance: read(WORKFLOW_PERFORMANCE_METRICS),
    tasks: read(TASK_ANALYTICS),
    async taskDependencies(workflowId, options = {}) {
      const id = check('workflowId', z.uuid(), workflowId)
      const { limit, signal } = check('options', dashboardOptions, options)
      const how = { idempotent: true, ...(signal && { signal }) }
      return (await session.query(TASK_DEPENDENCY_ANALYSIS, [limit, id], how)).map(toRow<TaskDependencyRow>)
    },
    agents: read(AGENT_PERFORMANCE_DASHBOARD),
    interactions: read(AGENT_INTERACTION_PATTERNS),
    pullRequestQuality: read(PR_QUALITY_DASHBOARD),
    pullRequestWorkflows: read(PR_WORKFLOW_INTEGRATION),
    systemHealth: read(SYSTEM_HEALTH_DASHBOARD),
    performanceTrends: read(PERFORMANCE_TRENDS),
    auditActivity: read(AUDIT_ACTIVITY_SUMMARY),
    securityEvents: read(SECURITY_EVENTS_VIEW),
    async databaseHealth(options = {}) {
      const { signal } = check('options', healthOptions, options)
      const rows = await session.query(DATABASE_HEALTH_CHECK, [], { idempotent: true, ...(signal && { signal }) })
      return rows.map(toRow<DatabaseCheckRow>)
    },
  }
}

function toRow<T>(row: Row): T {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name.replaceAll(/_([a-z0-9])/g, (_, first: string) => first.toUpperCase()),
      value,
    ]),
  ) as T
}
