/**
 * One static SQL statement. `Row` is what it returns, `name` is what it is prepared under: unique in the package, so
 * that pooled and embedded connections can keep it prepared.
 */
export interface Statement<Row> {
  readonly name: string
  readonly text: string
  /** True when it only reads, and what it reads a replica has too: a read that may be stale may go to one. @default false */
  readonly reads?: boolean
  /** True when it changes what may be cached of its store, nobody knows which part: all of it is dropped. @default false */
  readonly changesStore?: boolean
  /** Carries the row type; never set. */
  readonly row?: Row
}

/** Declares a statement. The text is static: values travel as `$1::type`, never by interpolation. */
export function statement<Row>(name: string, text: string): Statement<Row> {
  return Object.freeze({ name, text })
}

/** Declares a statement that a replica answers as well as the primary: it writes nothing, and needs no unlogged table. */
export function readStatement<Row>(name: string, text: string): Statement<Row> {
  return Object.freeze({ name, text, reads: true })
}

/** Declares a statement that may change any of the rows that are cached of its store: rights, many rows at once. */
export function changingStatement<Row>(name: string, text: string): Statement<Row> {
  return Object.freeze({ name, text, changesStore: true })
}

/** What an operation's statement gives its function first: the tenant. */
const TENANT = '$1::text'
const asyncForms = new WeakMap<Statement<unknown>, Statement<unknown>>()

/**
 * The statement of an operation, with a commit that does not wait for the disk. It says so itself, before its function is
 * called, which may still ask for more: in statements of its own that would be a transaction of four messages instead of one.
 */
export function asyncForm<Row>(of: Statement<Row>): Statement<Row> {
  let form = asyncForms.get(of)
  if (form === undefined) {
    const [before, after, ...further] = of.text.split(TENANT)
    if (after === undefined || further.length > 0) throw new Error(`${of.name} is no statement of an operation`)
    form = Object.freeze({
      ...of,
      name: `${of.name} async`,
      text: `${before}case set_config('synchronous_commit', 'off', true) when 'off' then ${TENANT} end${after}`,
    })
    asyncForms.set(of, form)
  }
  return form as Statement<Row>
}
