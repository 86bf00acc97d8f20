import type { Look } from './look.js'

/** The panels, in the order of their tabs; each is a file of src/top/panels. */
export const PANEL_IDS = [
  'overview',
  'queries',
  'activity',
  'waits',
  'locks',
  'tables',
  'jobs',
  'partitions',
  'replicas',
  'progress',
] as const

/** One of the panels. */
export type PanelId = (typeof PANEL_IDS)[number]

/** A statement of a panel. A panel of several shows what it may read, and says what it may not. */
export interface Source {
  /** Where the rows come from, as it is named when it cannot be read. */
  readonly name: string
  /** One static statement of any columns, or one for each major since which it reads so; `{schema}` is the extension's. */
  readonly sql: string | Readonly<Record<number, string>>
  /** Read only where the database has it. */
  readonly needs?: { readonly extension?: string; readonly relation?: string }
  /** Read only where the database lacks this extension. */
  readonly unless?: string
  /** Told where `needs` is not met. @default nothing */
  readonly absent?: string
  /** Told behind the server's refusal: how the login may read it. */
  readonly grant?: string
}

/** What every row that is shown has. */
export interface ShownRow {
  /** The same from look to look: the selection follows it. */
  readonly key: string
  /** How far it is indented, in a tree. @default 0 */
  readonly depth?: number
  /** What deserves a look. @default 'none' */
  readonly mark?: 'none' | 'dim' | 'warning' | 'critical'
}

/** A column of a panel. */
export interface Column<Shown> {
  /** Lower-case; also the name by which it is sorted. */
  readonly id: string
  /** Its head. */
  readonly title: string
  /** Cells on the screen. Of the column that grows: the least. */
  readonly width: number
  /** Numbers stand to the right. @default 'left' */
  readonly align?: 'left' | 'right'
  /** Takes what the others leave; one column of a panel does. @default false */
  readonly grows?: boolean
  /** Columns with the largest number go first when the screen is narrow; those without never go. */
  readonly drop?: number
  /** What is drawn. */
  cell(row: Shown): string
  /** What it is sorted by; absent: it is not. Null sorts last whatever the direction. */
  sort?(row: Shown): number | string | null
}

/** What a panel makes its rows of. */
export interface Looks<Row> {
  /** The latest. */
  readonly now: Look<Row>
  /** The one before, of the same server since; undefined for the first. */
  readonly before: Look<Row> | undefined
  /** All of the last minute, the oldest first, `now` among them. */
  readonly minute: readonly Look<Row>[]
  /** Texts by the keys that `missing` asked for. */
  readonly texts: ReadonlyMap<string, string>
}

/** What a panel shows. */
export interface View<Shown> {
  readonly rows: readonly Shown[]
  /** What has to be known with them, a line each. */
  readonly notes: readonly string[]
}

/** One view of a server. All panels have this one shape. */
export interface Panel<Row = unknown, Shown extends ShownRow = ShownRow> {
  /** Also the name of its file and of its heading in docs/top.md. */
  readonly id: PanelId
  /** The key that shows it, a letter of its name. */
  readonly key: string
  /** What it shows, in a few words. */
  readonly title: string
  /** What it reads. */
  readonly sources: readonly Source[]
  readonly columns: readonly Column<Shown>[]
  /** The column that it is sorted by at first, and whether from the largest; absent for a tree, which has its own order. */
  readonly sorted?: { readonly by: string; readonly descending: boolean }
  /** Read between two drawings as well, so many milliseconds apart. @default only when it is drawn */
  readonly sampleMs?: number
  /** Not read more often than so, in milliseconds: what it shows changes slowly. @default the interval */
  readonly paceMs?: number
  /** Of rows that others have a part in: told to a login without pg_monitor. */
  readonly blind?: string
  /** What is told when there are no rows. */
  readonly empty: string
  /** Makes the rows of the looks. Pure. */
  view(looks: Looks<Row>): View<Shown>
  /** Texts that are read once and kept, by a statement of one parameter, the keys: columns `key` and `text`. */
  readonly texts?: { readonly source: Source; missing(looks: Looks<Row>): readonly string[] }
  /** What Enter leads to. */
  target?(row: Shown): Target | undefined
}

/** What a row leads to. */
export type Target =
  | { readonly kind: 'statement'; readonly key: string; readonly fields: readonly Field[]; readonly text: string }
  | { readonly kind: 'session'; readonly pid: number; readonly begun: string | null }
  | { readonly kind: 'table'; readonly oid: number; readonly name: string }
  | { readonly kind: 'waiters'; readonly event: string }

/** A name with its value. */
export type Field = readonly [name: string, value: string]

/** Declares a panel; its rows have the shape that its statements give them. */
export function definePanel<Row, Shown extends ShownRow>(panel: Panel<Row, Shown>): Panel {
  return Object.freeze(panel) as unknown as Panel
}

/** A source's statement for a major version; `schema` is where its extension is, quoted. */
export function statementFor({ sql }: Source, major: number, schema = ''): string {
  if (typeof sql === 'string') return sql.replaceAll('{schema}', () => schema)
  const since = Object.keys(sql)
    .map(Number)
    .filter((from) => from <= major)
  return (sql[Math.max(...since)] ?? '').replaceAll('{schema}', () => schema)
}
