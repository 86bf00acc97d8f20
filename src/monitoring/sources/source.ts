import type { MetricFamily, MetricGroup } from '../metrics/family.js'
import type { Sample } from '../snapshot.js'

/** How often a source is read: at every collection; or, where that grows with the server's files or memory, now and then by a connection of its own. */
export type Pace = 'fast' | 'slow'

/** A row as the driver gives it: whole numbers may be strings. */
export type Row = Readonly<Record<string, unknown>>

/** One statement to a server, with the meaning of its rows. All sources have this one shape. */
export interface Source {
  /** Kebab-case, never renamed: the label `source`. Also the name of its file. */
  readonly id: string
  /** What it reads, in a few words. */
  readonly title: string
  /** @default 'fast' */
  readonly pace?: Pace
  /** Majors that have what it reads. @default all that are supported */
  readonly versions?: { readonly from?: number; readonly to?: number }
  /** What not every server or login has. */
  readonly needs?: {
    /** An extension of the database; `{schema}` in the SQL is its schema. */
    readonly extension?: string
    /** A table of pgfleet, qualified: one of RELATIONS. */
    readonly relation?: string
    /** Its absence is a gap to be told, not a server to which the source does not apply. */
    readonly isExpected?: boolean
    /** A login that sees what others do: to any other the statement would tell less, as if there were no more. */
    readonly all?: boolean
    /** A right without which the statement is refused: told when it is. */
    readonly rights?: string
    /** Rows of all tenants: read by members of pgfleet_monitor, for whom there is a policy, and by who is held back by none. */
    readonly tenants?: boolean
  }
  /** The families that its rows hold, by column; a row belongs to a group when it has the columns of the group's labels. */
  readonly groups: readonly MetricGroup[]
  /**
   * Of a source with more series than may be told. Its statement takes two parameters, how many to tell and the keys of those
   * that were told last, and returns `key` and `is_top` with each row, and one row without key that sums all.
   */
  readonly isRanked?: boolean
  /** Takes one parameter: how many series of a kind to tell. */
  readonly isLimited?: boolean
  /**
   * Tells more of what an earlier, ranked source tells, by a column that both have. It takes one parameter, the values of that
   * column that are new: what it has told of the others goes on being told.
   */
  readonly follows?: { readonly source: string; readonly column: string }
  /** One static statement, or one for each major since which it reads so. Null is no value. */
  readonly sql: string | Readonly<Record<number, string>>
  /** What its rows tell. @default by the names of their columns */
  readonly samples?: (rows: readonly Row[]) => Sample[]
}

/** Tables of pgfleet that sources read and not every database has. */
export const RELATIONS = [
  'platform.migrations',
  'platform.tenants',
  'platform.maintenance_runs',
  'platform.erasures',
  'platform.archives',
  'delivery.jobs',
] as const

/** The source's statement for a major version, without the names that `place` puts in. */
export function statementFor(source: Source, major: number): string {
  if (typeof source.sql === 'string') return source.sql
  const since = Object.keys(source.sql)
    .map(Number)
    .filter((from) => from <= major)
  return source.sql[Math.max(...since)] ?? ''
}

/** The families of a source. */
export const familiesOf = ({ groups }: Pick<Source, 'groups'>): readonly MetricFamily[] =>
  groups.flatMap((group) => Object.values(group))

/** What rows tell, by the names of their columns. */
export function samplesOf(groups: readonly MetricGroup[], rows: readonly Row[]): Sample[] {
  const samples: Sample[] = []
  for (const row of rows) {
    for (const group of groups) {
      let labels: Record<string, string> | undefined
      for (const [column, { name, labels: names }] of Object.entries(group)) {
        const value = row[column]
        if (value === null || value === undefined) continue
        if (labels === undefined) {
          if (names.some((label) => row[label] === undefined)) break
          labels = Object.fromEntries(names.map((label) => [label, String(row[label] ?? '')]))
        }
        // What is told by a label alone is always 1.
        samples.push({ metric: name, labels, value: names.includes(column) ? 1 : Number(value) })
      }
    }
  }
  return samples
}
