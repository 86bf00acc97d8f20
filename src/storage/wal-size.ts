import { PAGE_BYTES } from './page.js'
import type { RowCost } from './table-size.js'

/** What a record of the WAL has beside the row or key that it tells of. */
const RECORD_BYTES = 50
/** What is left of the image of a page, without the room in its middle that is free. */
const IMAGE_BYTES = PAGE_BYTES * 0.75
/** Pages of an HNSW index that one new vector changes: those of the neighbours that take it in. */
const HNSW_PAGES = 12

/** What happens to a table in a day. */
export interface Writes {
  /** Rows of the table when it is written. */
  readonly rows: number
  readonly inserted: number
  /** In place, without a new key. */
  readonly updated: number
  /** Seconds from one checkpoint to the next. */
  readonly checkpointS: number
}

/**
 * Bytes of WAL that a day's writes leave: a record for each row and key, and after each checkpoint the whole image of each
 * page that is changed for the first time. Without wal_compression, which takes off most of the images.
 */
export function walSize(cost: RowCost, { rows, inserted, updated, checkpointS }: Writes): number {
  const intervals = 86_400 / checkpointS
  const images = (bytesPerRow: number, touches: number) => {
    const pages = Math.max(1, (rows * bytesPerRow) / PAGE_BYTES)
    // Of so many touches of pages at random, those that are the first of their page since the checkpoint.
    return intervals * pages * (1 - Math.exp(-touches / intervals / pages)) * IMAGE_BYTES
  }
  const row = cost.heapBytes + RECORD_BYTES
  let bytes = (inserted + updated) * row + inserted * cost.toastBytes + images(cost.heapBytes, updated)
  for (const { method, bytesPerRow, ordered } of cost.indexes) {
    if (bytesPerRow === 0) continue
    bytes += inserted * (bytesPerRow + RECORD_BYTES)
    if (!ordered) bytes += images(bytesPerRow, inserted * (method === 'hnsw' ? HNSW_PAGES : 1))
  }
  return bytes
}
