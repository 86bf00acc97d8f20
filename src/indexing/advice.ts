import type { DropKind } from './drops.js'
import type { HotBreak, WriteCost } from './write-load.js'

/** A statement that an index helps; literals are struck out. */
export interface HelpedStatement {
  readonly statement: string
  readonly calls: number | null
  /** Costs in units of the planner; null by a rule, which has none. */
  readonly before: number | null
  readonly after: number | null
}

/** An index to create. */
export interface CreateAdvice {
  readonly table: string
  /** `schema.table (keys) …`, which tells it from all others. */
  readonly index: string
  /** Statements that create it, one by one, outside a transaction. */
  readonly sql: readonly string[]
  /** How it was found: the planner was asked with it, statistics were, or a rule says so. */
  readonly by: 'planner' | 'statistics' | 'rule'
  /** What has to be known; empty where the figures say all. */
  readonly why: string
  /** Estimated; null where nobody can tell. */
  readonly bytes: number | null
  readonly helps: readonly HelpedStatement[]
  /** The share of the workload's time that all advised up to this one saves with it; null by a rule. */
  readonly savedShare: number | null
  readonly writes: WriteCost
  /** Of use only beside these: an alternative of OR each. */
  readonly beside: readonly string[]
  /** Existing indexes that it serves, to look at once it is there. */
  readonly replaces: readonly string[]
}

/** An index that would help, and is not advised. */
export interface RejectedAdvice {
  readonly index: string
  readonly reason: string
}

/** An index that may go, or why it stays. */
export interface DropAdvice {
  readonly table: string
  readonly index: string
  readonly definition: string
  readonly bytes: number
  readonly scans: number
  readonly kind: DropKind
  /** The index that does the same; null for one that nobody uses. */
  readonly by: string | null
  /** Why it stays; null when it may go. */
  readonly keptBecause: string | null
  /** Statements that were planned without it. */
  readonly planned: number
  readonly sql: readonly string[]
  /** How it is made again. */
  readonly undo: string
}

/** An index that a build has left behind. */
export interface InvalidIndex {
  readonly table: string
  readonly index: string
  readonly bytes: number
  readonly sql: readonly string[]
  readonly why: string
}

/** All advice on the indexes of a database. */
export interface IndexAdvice {
  readonly database: string
  readonly version: string
  readonly at: Date
  /** Indexes were imagined by hypopg; else statistics had to do. */
  readonly imagined: boolean
  readonly workload: {
    readonly source: 'pg_stat_statements' | 'file'
    readonly since: Date | null
    /** Statements that were looked at, those of them with a plan, and why others have none. */
    readonly statements: number
    readonly planned: number
    readonly unplanned: readonly { readonly statement: string; readonly reason: string }[]
    /** Statements that the login may not see, and those called too seldom. */
    readonly hidden: number
    readonly seldom: number
    /** The share of its time, or of its cost where no time is known, that the advised indexes save. */
    readonly savedShare: number
  }
  readonly observation: {
    /** Seconds for which servers and workload were counted, and those that dropping an index asks for. */
    readonly seconds: number
    readonly wanted: number
    readonly standbys: number
    readonly replicas: number
  }
  readonly create: readonly CreateAdvice[]
  readonly rejected: readonly RejectedAdvice[]
  readonly drop: readonly DropAdvice[]
  readonly invalid: readonly InvalidIndex[]
  readonly hot: readonly HotBreak[]
  readonly notes: readonly string[]
}
