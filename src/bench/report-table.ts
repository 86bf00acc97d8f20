/** A table of a report beside those of contestants and targets. */
export interface ReportTable {
  readonly title: string
  readonly head: readonly string[]
  /** As many cells in each as the head has. */
  readonly rows: readonly (readonly string[])[]
}
