/** Bytes of a page of PostgreSQL, as it is built everywhere but by hand. */
export const PAGE_BYTES = 8192
/** What begins a page. */
export const PAGE_HEADER_BYTES = 24
/** What points to a row within its page. */
export const ITEM_POINTER_BYTES = 4

/** The next multiple of `to` that is not below the size. */
export function align(size: number, to: number): number {
  return Math.ceil(size / to) * to
}
