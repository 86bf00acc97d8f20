import { ITEM_POINTER_BYTES, PAGE_BYTES, PAGE_HEADER_BYTES } from './page.js'

/** Bytes of a value that one row of a TOAST table holds. */
const CHUNK_BYTES = 1996
/** Header of a row of a TOAST table, the value's number and the part's, and the length of the part; and what points to it. */
const ROW_BYTES = 24 + 8 + 4 + ITEM_POINTER_BYTES
/** A row of the index on a TOAST table: its header, two numbers, and what points to it; a page is filled to 90 %. */
const INDEX_BYTES = 20 / 0.9
/** So many equal values are laid onto pages, to see what stays empty. */
const VALUES = 100

/** Bytes that a value takes in the TOAST table and its index, what stays empty on its pages included. */
export function toastSize(valueBytes: number): number {
  const whole = Math.floor(valueBytes / CHUNK_BYTES)
  const rest = valueBytes % CHUNK_BYTES
  const chunks = whole + (rest > 0 ? 1 : 0)
  return (pagesOf(whole, rest) * PAGE_BYTES) / VALUES + chunks * INDEX_BYTES
}

/** Pages of the values, each of whose parts goes to the last page where there is room for it. */
function pagesOf(whole: number, rest: number): number {
  const room = PAGE_BYTES - PAGE_HEADER_BYTES
  let pages = 1
  let free = room
  const lay = (bytes: number) => {
    if (free < bytes) {
      pages++
      free = room
    }
    free -= bytes
  }
  for (let value = 0; value < VALUES; value++) {
    // A long value fills whole pages for the most part; a short one is laid part by part.
    const filled = Math.max(0, Math.floor(whole / 4) - 1)
    pages += filled
    for (let part = filled * 4; part < whole; part++) lay(CHUNK_BYTES + ROW_BYTES)
    if (rest > 0) lay(Math.ceil((rest + ROW_BYTES) / 8) * 8)
  }
  return pages - free / room
}
