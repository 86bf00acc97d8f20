import type { AuditAction, AuditResult, SecurityLevel } from '../audit/audit-entry.js'
import type { MetricCategory } from '../metrics/metric.js'

// Shares and rates are from 0 to 1, and null where there is nothing to divide by. Members that end in Ms are milliseconds.

/** A workflow, and what works on it. */
export interface WorkflowDashboardRow {
  readonly workflowId: string
  readonly name: string
  readonly workflowType: string
  readonly environment: string
  readonly status: string
  readonly priority: number
  readonly taskCount: number
  /** Tasks that have not ended. */
  readonly openTasks: number
  readonly completedTasks: number
  readonly failedTasks: number
  readonly skippedTasks: number
  readonly cancelledTasks: number
  /** 0 to 100: the share of its tasks that have ended. */
  readonly progressPercent: number
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly endedAt: Date | null
  /** From its start to its end, or to now; null when it never started. */
  readonly durationMs: number | null
  readonly estimateMs: number | null
  /** The duration less the estimate. */
  readonly varianceMs: number | null
  /** It takes, or took, more than 1.2 times its estimate. */
  readonly isOverdue: boolean
  readonly sessions: number
  readonly liveSessions: number
  readonly pullRequests: number
  readonly mergedPullRequests: number
}

/** How workflows of a type do in an environment. */
export interface WorkflowPerformanceRow {
  readonly workflowType: string
  readonly environment: string
  readonly workflows: number
  readonly unfinished: number
  readonly completed: number
  readonly failed: number
  readonly timedOut: number
  readonly cancelled: number
  /** Of those that completed, failed or timed out. */
  readonly successRate: number | null
  /** Durations are of completed ones. */
  readonly meanDurationMs: number | null
  readonly p50DurationMs: number | null
  readonly p95DurationMs: number | null
  /** Mean of the difference between duration and estimate, as a share of the estimate. */
  readonly meanEstimateError: number | null
  /** Of the last seven days, and of the seven before. */
  readonly successRate7d: number | null
  readonly successRate7dBefore: number | null
  /** The former less the latter. */
  readonly successRateChange: number | null
}

/** How tasks of a type do. */
export interface TaskAnalyticsRow {
  readonly taskType: string
  readonly tasks: number
  readonly unfinished: number
  readonly completed: number
  readonly failed: number
  readonly skipped: number
  readonly cancelled: number
  /** Of those that completed or failed. */
  readonly successRate: number | null
  /** Tasks that took more than one attempt. */
  readonly retried: number
  readonly meanAttempts: number | null
  readonly meanDurationMs: number | null
  readonly p50DurationMs: number | null
  readonly p95DurationMs: number | null
}

/** Where a task lies in its workflow. */
export interface TaskDependencyRow {
  readonly workflowId: string
  readonly taskNumber: number
  readonly name: string
  readonly taskType: string
  readonly status: string
  /** The longest way to it from a task that depends on none, in steps. */
  readonly depth: number
  readonly dependencies: number
  readonly dependents: number
  readonly unfinishedDependencies: number
  readonly isBlocked: boolean
  readonly isCritical: boolean
  readonly isOptional: boolean
}

/** What an agent did. */
export interface AgentPerformanceRow {
  readonly agentName: string
  readonly agentType: string
  readonly sessions: number
  readonly liveSessions: number
  readonly requests: number
  readonly successes: number
  readonly successRate: number | null
  readonly tokens: number
  readonly costUsd: number
  readonly costPerRequestUsd: number | null
  readonly meanResponseMs: number | null
  /** Within 1 %. */
  readonly p50ResponseMs: number | null
  readonly p95ResponseMs: number | null
  readonly lastActivityAt: Date
}

/** How interactions of a kind go, over the last 30 days. */
export interface InteractionPatternRow {
  readonly agentType: string
  readonly interactionType: string
  readonly interactions: number
  readonly completed: number
  readonly notCompleted: number
  readonly successRate: number
  readonly meanTokens: number
  readonly costUsd: number
  readonly meanDurationMs: number
  readonly p50DurationMs: number
  readonly p95DurationMs: number
  /** The hour of the day with the most, in UTC: 0 to 23. */
  readonly busiestHour: number
  readonly sessions: number
}

/** The pull requests of a repository. */
export interface PullRequestQualityRow {
  readonly repository: string
  readonly pullRequests: number
  readonly draft: number
  readonly open: number
  readonly merged: number
  readonly closed: number
  /** Of those that are merged or closed. */
  readonly mergeRate: number | null
  /** Open, mergeable, approved, CI a success, the security scan passed. */
  readonly readyToMerge: number
  /** Coverage below 80, quality below 70, CI or the security scan failed. */
  readonly withQualityIssues: number
  readonly meanCoverage: number | null
  readonly meanQuality: number | null
  /** Of those whose CI succeeded or failed. */
  readonly ciSuccessRate: number | null
  /** 0 to 1: 0.4 for 10 files, 0.6 for 1000 lines, less in proportion. */
  readonly meanComplexity: number
  readonly meanHoursToMerge: number | null
  readonly p50HoursToMerge: number | null
}

/** A pull request, and the workflow and session that it came from. */
export interface PullRequestWorkflowRow {
  readonly pullRequestId: string
  readonly repository: string
  readonly number: number
  readonly title: string
  readonly status: string
  readonly ciStatus: string
  readonly reviewStatus: string
  readonly workflowId: string | null
  readonly workflowName: string | null
  readonly workflowStatus: string | null
  /** 0 to 100. */
  readonly workflowProgressPercent: number | null
  readonly sessionId: string | null
  readonly agentName: string | null
  readonly sessionStatus: string | null
  /** From its opening to its end, or to now. */
  readonly hoursOpen: number
}

/** The numbers of a name over the last 24 hours. */
export interface SystemHealthRow {
  readonly category: MetricCategory
  readonly name: string
  /** Different dimensions that the points had. */
  readonly series: number
  readonly points: number
  readonly mean: number
  readonly min: number
  readonly max: number
  /** Within 1 %. */
  readonly p50: number
  readonly p95: number
  readonly last: number
  readonly lastAt: Date
}

/** The numbers of a name in an hour. */
export interface PerformanceTrendRow {
  readonly category: MetricCategory
  readonly name: string
  /** When the hour begins. */
  readonly bucket: Date
  readonly series: number
  readonly points: number
  readonly mean: number
  readonly min: number
  readonly max: number
  /** Within 1 %. */
  readonly p50: number
  readonly p95: number
  /** The mean less that of the hour before that has points; null for the first. */
  readonly change: number | null
}

/** What was done on a day to a kind of entity, by a kind of actor. */
export interface AuditActivityRow {
  /** The beginning of the day, in UTC. */
  readonly day: Date
  readonly entityType: string
  readonly action: AuditAction
  readonly actorType: string | null
  readonly entries: number
  readonly succeeded: number
  readonly notSucceeded: number
  readonly ofHighSecurity: number
  /** Different actors, and different entities. */
  readonly actors: number
  readonly entities: number
  readonly firstAt: Date
  readonly lastAt: Date
}

/** An entry of the audit log that matters to security. */
export interface SecurityEventRow {
  readonly auditId: string
  readonly recordedAt: Date
  readonly entityType: string
  readonly entityId: string
  readonly action: AuditAction
  readonly result: AuditResult
  readonly securityLevel: SecurityLevel
  readonly actorType: string | null
  readonly actorId: string | null
  readonly correlationId: string | null
  readonly changes: Readonly<Record<string, unknown>>
  /** 10 critical, 7 high, 5 a failure, 4 a deletion or execution, else 1. */
  readonly riskScore: number
}

/** One check of the database. */
export interface DatabaseCheckRow {
  readonly checkName: string
  /** `unknown` where the login may not see it, or there is nothing to tell from. */
  readonly status: 'ok' | 'warning' | 'unknown'
  readonly value: number | null
  /** Where a warning begins; null when there is none. */
  readonly threshold: number | null
  readonly unit: string
}
