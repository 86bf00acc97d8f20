import { type Statement, statement } from '../../database/statement.js'
import type { ArchiveSession } from './archive-session.js'

/** A column, as a manifest has it. */
export interface ArchivedColumn {
  readonly name: string
  /** Like `timestamp with time zone`. */
  readonly type: string
}

/** How rows of a table are written: which columns, in which order. */
export interface TableShape {
  /** Those that are stored; what is computed from others is left out. */
  readonly columns: readonly (ArchivedColumn & {
    /** Quoted. */
    readonly sql: string
    /** It takes neither null nor a default: every row has to bring it. */
    readonly isRequired: boolean
  })[]
  /** The columns of the primary key. */
  readonly order: readonly string[]
  /** The same as SQL; texts by their bytes, which is the same everywhere. */
  readonly orderSql: string
}

const SHAPE = statement<{
  name: string
  type: string
  sql: string
  is_required: boolean
  key_place: number | null
  key_sql: string
}>(
  'platform.archive_shape',
  `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, quote_ident(a.attname) as sql,
    a.attnotnull and not a.atthasdef and a.attidentity = '' as is_required,
    array_position(i.indkey::smallint[], a.attnum) as key_place,
    quote_ident(a.attname) || case when a.attcollation <> 0 then ' collate "C"' else '' end as key_sql
  from pg_attribute a
  left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
  where a.attrelid = to_regclass($1::text) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
  order by a.attnum`,
)
export const ARCHIVED_TABLE_STATEMENTS: readonly Statement<unknown>[] = [SHAPE]

/** The shape of a table or partition by its quoted name; without columns when there is none. */
export async function shapeOf(session: ArchiveSession, table: string): Promise<TableShape> {
  const rows = await session.query(SHAPE, [table])
  const key = rows
    .filter(({ key_place }) => key_place !== null)
    .sort((a, b) => (a.key_place as number) - (b.key_place as number))
  return {
    columns: rows.map(({ name, type, sql, is_required }) => ({ name, type, sql, isRequired: is_required })),
    order: key.map(({ name }) => name),
    orderSql: key.map(({ key_sql }) => key_sql).join(', '),
  }
}

/** The select that reads rows as they are archived. */
export function selectOf(shape: Pick<TableShape, 'columns' | 'orderSql'>, table: string): string {
  return `select ${columnsOf(shape)} from ${table} order by ${shape.orderSql}`
}

/** The columns in their order, as SQL. */
export function columnsOf({ columns }: Pick<TableShape, 'columns'>): string {
  return columns.map(({ sql }) => sql).join(', ')
}
