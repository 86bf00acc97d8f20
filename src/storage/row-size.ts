import { FleetError } from '../errors.js'
import { align, ITEM_POINTER_BYTES, PAGE_BYTES, PAGE_HEADER_BYTES } from './page.js'
import type { ColumnShape, TableShape } from './table-shape.js'
import { toastSize } from './toast-size.js'

/** Bytes of the values of varying width, by column, without the header of a value; null where rows have none. */
export type Widths = Readonly<Record<string, number | null>>

/** What begins a row, before the map of its nulls. */
const ROW_HEADER_BYTES = 23
/** What stands in a row for a value that was moved out. */
const POINTER_BYTES = 18
/** The longest value, header included, that has a header of one byte and no alignment. */
const SHORT_BYTES = 127
/** A larger row has values compressed and moved out, until it is below the table's target. */
const TOAST_THRESHOLD_BYTES = 2032
/**
 * What compression is taken to leave of a value of JSON or text of more than two thousand bytes. An assumption: it depends on how
 * much a value repeats, and a running installation tells.
 */
const COMPRESSED_SHARE = 0.35

/** A row of a table. */
export interface RowSize {
  /** In the table itself, with what points to it. */
  readonly heapBytes: number
  /** Of the values that were moved out, with their index. */
  readonly toastBytes: number
  /** Rows that inserts put on a page, a fraction when they are many. */
  readonly perPage: number
}

/** The bytes of a column's value, header included; null for none. Errors: INPUT_INVALID for a width that nobody gave. */
export function valueBytes(table: string, column: ColumnShape, widths: Widths): number | null {
  const given = widths[column.name]
  if (given === null) return null
  if (given === undefined && column.width !== undefined) return column.width
  if (given === undefined && column.nullable) return null
  if (given === undefined)
    throw new FleetError('INPUT_INVALID', {
      message: `widths: ${table}.${column.name} has no width of its own, and none was given`,
      field: `widths.${column.name}`,
    })
  if (column.width !== undefined) return column.width
  return given + 1 < SHORT_BYTES ? given + 1 : given + 4
}

/** Where a value ends that begins behind so many bytes. */
export function placed(offset: number, column: ColumnShape, bytes: number): number {
  const isShort = column.width === undefined && bytes < SHORT_BYTES
  return (isShort ? offset : align(offset, column.align)) + bytes
}

/** The size of a row. Columns that may be null and have a fixed width are taken to have a value unless `widths` says null. */
export function rowSize(shape: TableShape, widths: Widths): RowSize {
  const values = shape.columns.map((column) => ({ column, bytes: valueBytes(shape.table, column, widths) }))
  const hasNull = values.some(({ bytes }) => bytes === null)
  const header = align(ROW_HEADER_BYTES + (hasNull ? Math.ceil(values.length / 8) : 0), 8)
  const length = () =>
    header + values.reduce((end, { column, bytes }) => (bytes === null ? end : placed(end, column, bytes)), 0)
  let toastBytes = 0
  const largest = (storages: readonly string[]) =>
    values
      .filter(({ column, bytes }) => (bytes ?? 0) > POINTER_BYTES * 2 && storages.includes(column.storage))
      .sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0))[0]
  const moveOut = (value: (typeof values)[number]) => {
    toastBytes += toastSize((value.bytes ?? 0) - 4)
    value.bytes = POINTER_BYTES
  }
  if (length() > Math.max(TOAST_THRESHOLD_BYTES, shape.toastTarget)) {
    const tried = new Set<string>()
    for (;;) {
      const value = largest(['extended', 'external'])
      if (value === undefined || length() <= shape.toastTarget) break
      if (value.column.storage === 'extended' && !tried.has(value.column.name)) {
        tried.add(value.column.name)
        value.bytes = (value.bytes ?? 0) * COMPRESSED_SHARE
      } else moveOut(value)
    }
  }
  const bytes = align(length(), 8) + ITEM_POINTER_BYTES
  const kept = (PAGE_BYTES * (100 - shape.fillfactor)) / 100
  const perPage = Math.max(1, Math.floor((PAGE_BYTES - PAGE_HEADER_BYTES - kept) / bytes))
  return { heapBytes: bytes, toastBytes, perPage }
}
