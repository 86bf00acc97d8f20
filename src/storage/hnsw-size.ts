import { align, ITEM_POINTER_BYTES, PAGE_BYTES, PAGE_HEADER_BYTES } from './page.js'

/** What ends a page of an HNSW index. */
const SPECIAL_BYTES = 8
/** What stands before the vector of an element: its kind and level, ten places of rows, and where its neighbours are. */
const ELEMENT_BYTES = 72
/** What stands before the places of neighbours. */
const NEIGHBOURS_BYTES = 4
/** A place of a neighbour. */
const PLACE_BYTES = 6

/**
 * Bytes of an HNSW index of pgvector a vector, by its layout: an element with the whole vector and, on the same page, the
 * places of its neighbours, 2 × m on the lowest level and m on each above. What is left of a page when the next vector does not
 * fit stays empty, so `m` often costs nothing.
 * @param vectorBytes of the vector, its header included.
 */
export function hnswSize(vectorBytes: number, m: number): number {
  const room = PAGE_BYTES - PAGE_HEADER_BYTES - SPECIAL_BYTES
  const element = align(ELEMENT_BYTES + vectorBytes, 8) + ITEM_POINTER_BYTES
  const neighbours = (level: number) => align(NEIGHBOURS_BYTES + (level + 2) * m * PLACE_BYTES, 8) + ITEM_POINTER_BYTES
  // A vector is on a level with a chance of 1 to m to the power of the level.
  const above = 1 / (m - 1)
  const mean = element + neighbours(0) + above * m * PLACE_BYTES
  const fits = Math.floor(room / (element + neighbours(0)))
  if (fits < 1) return 2 * PAGE_BYTES
  // On pages of few vectors the rest is what decides; the few of higher levels find room in it.
  return fits < 16 ? PAGE_BYTES / fits : (PAGE_BYTES / room) * mean
}
