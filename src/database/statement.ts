/**
 * One static SQL statement. `Row` is what it returns, `name` is what it is prepared under: unique in the package, so
 * that pooled and embedded connections can keep it prepared.
 */
export interface Statement<Row> {
  readonly name: string
  readonly text: string
  /** Carries the row type; never set. */
  readonly row?: Row
}

/** Declares a statement. The text is static: values travel as `$1::type`, never by interpolation. */
export function statement<Row>(name: string, text: string): Statement<Row> {
  return Object.freeze({ name, text })
}
