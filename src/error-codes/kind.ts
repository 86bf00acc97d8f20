/** What a code means: the default hint says the way out; `retryable` says whether the same call may succeed later. */
export interface ErrorKind {
  readonly retryable: boolean
  readonly summary: string
  readonly hint: string
  /** The SQLSTATE by which the SQL functions raise it, where they do. */
  readonly sqlstate?: string
}
