import type { Catalog } from './catalog/catalog.js'
import type { SettingsFile } from './settings/settings-file.js'
import type { Source } from './source.js'
import type { Statement } from './sql/statement.js'
import type { Program } from './typescript/program.js'

/** How bad: error fails, loses or shows data; warning will hurt; info is worth knowing. */
export const LEVELS = ['error', 'warning', 'info'] as const
export type Level = (typeof LEVELS)[number]

/** The majors that are known; the last is the default. */
export const PG_VERSIONS = [15, 16, 17, 18] as const
export type PgVersion = (typeof PG_VERSIONS)[number]

/** A replacement that mends a problem without changing what the text means otherwise. */
export interface Fix {
  /** Offsets in the source. */
  readonly start: number
  readonly end: number
  readonly text: string
}

/** What a rule found. */
export interface Problem {
  /** Where, as an offset in the source; the statement's start when absent. */
  readonly at?: number | undefined
  /** What is wrong here, in one sentence without a full stop at its end. */
  readonly message: string
  /** Graver or milder than the rule usually is. */
  readonly level?: Level
  /** More exact than the rule's. */
  readonly remedy?: string
  readonly fix?: Fix
}

/** How the application's connections are pooled: decides what a session may keep. */
export type Pooling = 'transaction' | 'session'

/** What is known while a file is linted. */
export interface Surroundings {
  /** Tables, indexes and functions: of the database when one is given, and of all files. */
  readonly catalog: Catalog
  readonly version: PgVersion
  /** Undefined when nobody said. */
  readonly pooling: Pooling | undefined
  /** Columns that updates of the linted files compute anew, as `table.column`. */
  readonly counted: ReadonlySet<string>
  /** Every statement of the file, in order. */
  readonly statements: readonly Statement[]
}

interface RuleText {
  /** Its name, in kebab case; never renamed. */
  readonly id: string
  readonly level: Level
  /** What it finds, in one line. */
  readonly summary: string
  /** Why that is bad. */
  readonly why: string
  /** What to do. */
  readonly remedy: string
}

/** A rule on SQL statements. */
export interface StatementRule extends RuleText {
  readonly on: 'sql'
  check(statement: Statement, surroundings: Surroundings): Iterable<Problem>
}

/** A rule on the lines of postgresql.conf (and ALTER SYSTEM) or pgbouncer.ini. */
export interface SettingsRule extends RuleText {
  readonly on: 'postgresql.conf' | 'pgbouncer.ini'
  check(file: SettingsFile, surroundings: Surroundings): Iterable<Problem>
}

/** A rule on TypeScript around the SQL. */
export interface ProgramRule extends RuleText {
  readonly on: 'ts'
  check(program: Program, surroundings: Surroundings): Iterable<Problem>
}

/** One rule, of one shape each. */
export type Rule = StatementRule | SettingsRule | ProgramRule

/** A problem in its place. */
export interface Finding {
  readonly rule: string
  readonly level: Level
  readonly path: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly remedy: string
  /** The line of the source. */
  readonly excerpt: string
  readonly fixable: boolean
  /** The reason of the suppression, for one that is suppressed. */
  readonly suppressed?: string
}

/** The source of a finding, for those who need the whole text. */
export interface Located {
  readonly finding: Finding
  readonly source: Source
  readonly fix: Fix | undefined
  readonly offset: number
}
