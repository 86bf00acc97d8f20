import type { ServerFacts } from './server.js'
import type { ThresholdName, Thresholds } from './thresholds.js'

/** How much a finding matters: `error` loses data or service, `warning` will cost either, `info` is worth knowing. */
export type Level = 'error' | 'warning' | 'info'

/** All levels, the gravest first. */
export const LEVELS: readonly Level[] = ['error', 'warning', 'info']

/** The parts of a database that checks are about; also the folders of src/doctor/checks. */
export const AREAS = [
  'settings',
  'connections',
  'vacuum',
  'indexes',
  'statements',
  'replication',
  'security',
  'partitions',
  'vectors',
  'operations',
] as const

/** One of the areas. */
export type Area = (typeof AREAS)[number]

/**
 * What a check costs: `catalog` reads catalogue and statistics, `sample` watches the server for a while, `deep` reads
 * tables and indexes.
 */
export type Depth = 'catalog' | 'sample' | 'deep'

/**
 * When a fix has its turn: what endangers data comes first, then what blocks others, then space and statistics, then
 * indexes, then settings, and at last what can wait.
 */
export const ORDER = {
  data: 10,
  blocking: 20,
  security: 30,
  vacuum: 40,
  statistics: 50,
  structure: 60,
  indexes: 70,
  settings: 80,
  advice: 90,
} as const

/** How to be rid of a finding. */
export interface Remedy {
  /** What to do, in words; says what has to be considered first. */
  readonly text: string
  /** Statements that do it, one by one and outside a transaction. Absent where it takes a decision or no SQL. */
  readonly sql?: readonly string[]
  /** The lock that it takes, or what else others notice of it. */
  readonly lock: string
  /** How it is taken back. */
  readonly undo: string
}

/** What a check finds, before it has a fingerprint. */
export interface Draft {
  /** What it is about: stable from run to run, so never a count or a time. The fingerprint is made of it. */
  readonly object: string
  /** @default the check's level */
  readonly level?: Level
  /** One sentence with the figures. */
  readonly summary: string
  /** Further facts, a line each. Statements among them have to be redacted. */
  readonly evidence?: readonly string[]
  /** How to be rid of it. */
  readonly remedy: Remedy
}

/** What a check is given besides its rows. */
export interface CheckContext {
  /** The server, the database and the login. */
  readonly server: ServerFacts
  /** The values to compare with. */
  readonly thresholds: Thresholds
  /** Of a check that samples: the rows of the first look. Empty for others. */
  readonly before: readonly unknown[]
  /** Of a check that samples: seconds between the first look and the last. 0 for others. */
  readonly seconds: number
  /** Of a check that samples: how many looks the rows come from. 1 for others. */
  readonly looks: number
  /** The pooler was asked, and pools transactions: what a session sets reaches others. */
  readonly transactionPooling: boolean
  /** The server on an earlier day, from the baseline file. Undefined without one. */
  readonly baseline: EarlierDay | undefined
  /** What the disk of the server has free, in bytes. Undefined where nobody has told: SQL cannot see it. */
  readonly diskFreeBytes: number | undefined
}

/** What a baseline keeps of the server, to compare with. */
export interface EarlierDay {
  readonly writtenAt: Date
  readonly settings: Readonly<Record<string, string>>
  /** Size of all databases; undefined in baselines that were written without it. */
  readonly bytes: number | undefined
}

/** What one statement of a deep check reads of one candidate. */
export interface Probe {
  /** One statement, its names quoted by the server. */
  readonly text: string
  /** Its parameters. */
  readonly values: readonly unknown[]
  /** Settings for its transaction. @default none */
  readonly settings?: Readonly<Record<string, string>>
  /** Statements before it, in its transaction. @default none */
  readonly before?: readonly string[]
  /** Statements after it, in its transaction, also when it failed. @default none */
  readonly after?: readonly string[]
}

/**
 * Asks one thing after another about a candidate: the first row, and how many milliseconds it took with the way to the server
 * and back. Undefined when the server refuses the statement; throws when the time is over.
 */
export type Ask = <Answer extends object>(
  probe: Probe,
) => Promise<(Answer & { readonly milliseconds: number }) | undefined>

/** One question to a database, with its answer's meaning. All checks have this one shape. */
export interface Check<Row = unknown> {
  /** Kebab-case, never renamed. Also the name of its file and of its page, docs/doctor/ID.md. */
  readonly id: string
  /** What it finds, in a few words. */
  readonly title: string
  /** The folder that it is in. */
  readonly area: Area
  /** The gravest level of its findings. */
  readonly level: Level
  /** When the fix has its turn, one of ORDER. */
  readonly order: number
  /** Who is asked: the server, or the console of PgBouncer, whose answers are its rows. @default 'server' */
  readonly source?: 'server' | 'pooler'
  /** @default 'catalog' */
  readonly depth?: Depth
  /** Of a check that samples: look at both ends and compare, or look every second. @default 'ends' */
  readonly sampling?: 'ends' | 'ticks'
  /** Majors that have what it reads. @default all that are supported */
  readonly versions?: { readonly from?: number; readonly to?: number }
  /** What not every server or login has. */
  readonly needs?: {
    /** An extension of the database; `{schema}` in the SQL is its schema. */
    readonly extension?: string
    /** A second one, for what is asked of a candidate. */
    readonly also?: string
    /** A right without which the statement is refused: told when it is. */
    readonly rights?: string
    /** A table that not every database has, qualified; one of RELATIONS. */
    readonly relation?: string
    /** Facts that not every server gives: its memory, or what it was on an earlier day. */
    readonly fact?: 'memory' | 'baseline'
  }
  /** What it looks at, as a plural: examined 7 of 9 `tables`. */
  readonly scope: string
  /** The reason of "not applicable", for a server that has nothing of the kind. */
  readonly absent: string
  /** The reason of "could not look", when the login may see none of them. */
  readonly blind?: string
  /** Why it matters; whole sentences. */
  readonly why: string
  /** When it finds something; whole sentences. The thresholds are named below it. */
  readonly when: string
  /** What to do about it in general; whole sentences. */
  readonly advice: string
  /** The thresholds that it uses. */
  readonly uses?: readonly ThresholdName[]
  /**
   * One static statement, or one for each major since which it reads so. It returns one row: `total` things there are,
   * `examined` that this login could look at, and `found`, a JSON array of candidates.
   */
  readonly sql: string | Readonly<Record<number, string>>
  /** Of a deep check: what to read of a candidate. Its first row is merged into the candidate. */
  readonly probe?: (row: Row, server: ServerFacts) => Probe
  /** Of a deep check, in place of `probe`: where one answer leads to the next question. What it returns is merged. */
  readonly explore?: (row: Row, ask: Ask, server: ServerFacts) => Promise<object>
  /** Tells which candidates are findings. */
  evaluate(rows: readonly Row[], context: CheckContext): readonly Draft[]
}

/** Declares a check; its rows have the shape that its statement gives them. */
export function defineCheck<Row>(check: Check<Row>): Check {
  return Object.freeze(check) as Check
}

/** The check's statement for a major version. */
export function statementFor(check: Check, major: number): string {
  if (typeof check.sql === 'string') return check.sql
  const since = Object.keys(check.sql)
    .map(Number)
    .filter((from) => from <= major)
  return check.sql[Math.max(...since)] ?? ''
}
