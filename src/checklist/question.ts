import type { SchemaStatus } from '../database/migrate.js'
import type { Level } from '../doctor/check.js'
import type { CheckResult } from '../doctor/finding.js'
import type { ServerFacts } from '../doctor/server.js'

/** The parts of running a database that questions are about; also the folders of src/checklist/questions. */
export const CONCERNS = ['recovery', 'isolation', 'connections', 'upkeep', 'performance', 'observation'] as const

/** One of them. */
export type Concern = (typeof CONCERNS)[number]

/** How a question is answered: `no` is to be mended; `cannot tell` names what has to be given to know. */
export type Answer = 'yes' | 'no' | 'cannot tell' | 'not applicable'

/** An answer with what it stands on. */
export interface Verdict {
  readonly answer: Answer
  /** Facts, a line each; at least one. */
  readonly evidence: readonly string[]
  /** The command that mends it, where it is more exact than the question's. */
  readonly mend?: string
}

/** What a question may look at. */
export interface Asked {
  readonly server: ServerFacts
  /** The results of the doctor's checks, by their ids. */
  readonly results: ReadonlyMap<string, CheckResult>
  /** The state of pgfleet's schema; undefined where the login may not see it. */
  readonly schema: SchemaStatus | undefined
  /** Runs one statement in a read-only transaction of its own. */
  query<Row>(text: string): Promise<readonly Row[]>
  /** The folder of the backups; undefined where none was named. */
  readonly backups: string | undefined
  /** Oldest that the newest backup, and the last run of a service, may be, in milliseconds. */
  readonly ageMaxMs: number
  /** Restores the newest backup into a scratch database and tells its rows; undefined where no server was named for it. */
  readonly rehearse: (() => Promise<number>) | undefined
}

/** A line of the checklist. All have this one shape. */
export interface Question {
  /** Kebab-case, never renamed. Also the name of its file. */
  readonly id: string
  /** The folder that it is in. */
  readonly concern: Concern
  /** What has to be so; answered by yes. */
  readonly question: string
  /** Why it matters; whole sentences. */
  readonly why: string
  /** How it is found out, besides the checks; whole sentences. */
  readonly how?: string
  /** The command that mends it, or what to do. */
  readonly mend: string
  /** The checks of the doctor that answer it: a finding means no. */
  readonly checks?: readonly string[]
  /** The level from which their findings count. @default 'warning' */
  readonly level?: Level
  /** Looks at what no check sees, before the checks: its no or not applicable stands, undefined leaves it to them. */
  ask?(asked: Asked): Promise<Verdict | undefined>
}

/** Declares a question. */
export function defineQuestion(question: Question): Question {
  return Object.freeze(question)
}
