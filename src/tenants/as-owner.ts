import type { Database } from '../database/database.js'
import { type Statement, statement } from '../database/statement.js'

/** Works as the owner for this transaction, who alone administers tenants. */
export const AS_OWNER = statement<unknown>('platform.as_owner', `select set_config('role', 'pgfleet_owner', true)`)

/** One statement as the owner. Errors: PERMISSION_DENIED for a login that may not act as pgfleet_owner. */
export function runAsOwner<Row>(database: Database, work: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
  return database.transaction('begin', [{ statement: AS_OWNER, values: [] }], (run) => run(work, values))
}
