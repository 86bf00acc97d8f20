import { btreeSize } from './btree-size.js'
import type { Footprint } from './footprint.js'
import { hnswSize } from './hnsw-size.js'
import { PAGE_BYTES } from './page.js'
import { rowSize, valueBytes } from './row-size.js'
import type { IndexShape, TableShape } from './table-shape.js'
import type { Workload } from './workload.js'

/** What an index takes, of one row of its table. */
export interface IndexCost {
  readonly name: string
  readonly method: string
  readonly bytesPerRow: number
  /** Its new keys go to the same few pages; else each may go to any. */
  readonly ordered: boolean
}

/** What a row takes, with all that belongs to it. */
export interface RowCost {
  /** Of pages of the table. */
  readonly heapBytes: number
  readonly toastBytes: number
  readonly indexes: readonly IndexCost[]
}

/** What a row of a table of so many rows takes, by the catalogue and the widths of its values. */
export function rowCost(shape: TableShape, footprint: Footprint, workload: Workload, rows: number): RowCost {
  const widths = footprint.widths(workload)
  const row = rowSize(shape, widths)
  return {
    heapBytes: PAGE_BYTES / row.perPage,
    toastBytes: row.toastBytes,
    indexes: shape.indexes.map((index) => indexCost(shape, index, footprint, workload, rows)),
  }
}

function indexCost(
  shape: TableShape,
  index: IndexShape,
  footprint: Footprint,
  workload: Workload,
  rows: number,
): IndexCost {
  const { name, method } = index
  const widths = footprint.widths(workload)
  if (method === 'hnsw') {
    const column = shape.columns.find((each) => each.name === index.columns[0])
    const bytes = column === undefined ? 0 : (valueBytes(shape.table, column, widths) ?? 0)
    return { name, method, bytesPerRow: hnswSize(bytes, index.m), ordered: false }
  }
  const held = Object.entries(footprint.partial ?? {}).find(([ending]) => name.endsWith(ending))?.[1] ?? 0
  const part = index.partial ? held : 1
  // BRIN: a page or three whatever the table holds. GIN: of what this workload does not have.
  if (method !== 'btree' || part === 0) return { name, method, bytesPerRow: 0, ordered: true }
  const order = {
    scattered: footprint.scattered ?? [],
    grouped: footprint.grouped?.(workload) ?? {},
    repeated: footprint.repeated?.(workload) ?? {},
  }
  const size = btreeSize(shape, index, widths, order, rows)
  return { name, method, bytesPerRow: size.bytesPerRow * part, ordered: size.ordered }
}
