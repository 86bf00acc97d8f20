import { align, ITEM_POINTER_BYTES, PAGE_BYTES, PAGE_HEADER_BYTES } from './page.js'
import { placed, valueBytes, type Widths } from './row-size.js'
import type { IndexShape, TableShape } from './table-shape.js'

/** What ends a page of a B-tree: the pages beside it, and its height. */
const SPECIAL_BYTES = 16
/** What begins a row of an index. */
const HEADER_BYTES = 8
/** A place of a row of the table. */
const PLACE_BYTES = 6
/** The most of a page that one key with many places may take. */
const POSTING_BYTES_MAX = 1344
/** How full a split leaves a page whose keys come in order. */
const ORDERED_FILL = 0.9
/** How full the pages are between splits in the middle, when keys come in no order: ln 2, the mean over time. */
const SCATTERED_FILL = Math.LN2

/**
 * How full pages stay when keys come in order within a group, and groups come in turn: pages inside the tree are split in half,
 * and the first half is never written again. Measured, of events of eight types: 0.53. Keys that fall leave pages the same.
 */
const GROUPED_FILL = 0.53

/** How the keys of a table come. */
export interface KeyOrder {
  /** Columns whose values come in no order: hashes, names, random ids. */
  readonly scattered: readonly string[]
  /** Columns of a few values that come in turn (kinds, agents, series), with the number of values. */
  readonly grouped: Readonly<Record<string, number>>
  /** Columns of which so many rows share a value, whatever comes before them in an index. */
  readonly repeated: Readonly<Record<string, number>>
}

/** A B-tree. */
export interface IndexSize {
  /** Of one row of the table, all pages of the tree counted. */
  readonly bytesPerRow: number
  /** Keys come in order: new ones go to the same few pages. */
  readonly ordered: boolean
}

/** The size of a B-tree of so many rows, a row that it holds. */
export function btreeSize(
  shape: TableShape,
  index: IndexShape,
  widths: Widths,
  order: KeyOrder,
  rows: number,
): IndexSize {
  let key = HEADER_BYTES
  let hasNull = false
  for (const name of index.columns) {
    const column = shape.columns.find((each) => each.name === name)
    const bytes = column === undefined ? 8 : valueBytes(shape.table, column, widths)
    if (bytes === null) hasNull = true
    else key = column === undefined ? align(key, 8) + 8 : placed(key, column, bytes)
  }
  // The map of nulls is as long as the header, wherever there is one.
  const single = align(key + (hasNull ? 8 : 0), 8)
  const room = PAGE_BYTES - PAGE_HEADER_BYTES - SPECIAL_BYTES
  const names = index.columns.filter((name) => name !== null)
  const groups = Math.max(1, ...names.map((name) => order.grouped[name] ?? 1))
  // Groups of less than a page share pages, and new keys go to any of them.
  const isSmall = groups > 1 && rows / groups < room / (single + ITEM_POINTER_BYTES)
  const ordered = !isSmall && !names.some((name) => order.scattered.includes(name))
  const falls = names.some((name) => index.descending.includes(name))
  const inOrder = groups > 1 || falls ? GROUPED_FILL : ORDERED_FILL
  const fill = ordered ? inOrder : SCATTERED_FILL
  const others = index.columns.filter((name) => name !== 'tenant_id')
  const shared = index.unique ? 1 : Math.min(...others.map((name) => order.repeated[name ?? ''] ?? 1))
  const places = Math.min(shared, Math.floor((POSTING_BYTES_MAX - single) / PLACE_BYTES))
  const perKey = places > 1 ? align(single + places * PLACE_BYTES, 8) : single
  const leaf = (perKey + ITEM_POINTER_BYTES) / Math.max(1, places)
  const leafPages = leaf / (room * fill)
  // Pages above the leaves hold a key of each page below them.
  const fanOut = (room * fill) / (single + ITEM_POINTER_BYTES)
  return { bytesPerRow: (leafPages * PAGE_BYTES * fanOut) / (fanOut - 1), ordered }
}
