/** Rows that a sample of a table should hold about. */
const ROWS = 5000

/** Per cent of a table's pages that hold a few thousand rows, for TABLESAMPLE SYSTEM. */
export function pageSample(rows: number): string {
  return Math.min(100, (100 * ROWS) / Math.max(rows, 1)).toFixed(4)
}
