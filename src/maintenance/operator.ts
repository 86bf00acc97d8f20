import type { Database } from '../database/database.js'
import { type Statement, statement } from '../database/statement.js'
import { FleetError, isFleetError } from '../errors.js'

/** How long a batch may wait and work. */
export interface BatchLimits {
  /** Longest wait for a lock, in milliseconds. */
  readonly lockTimeoutMs: number
  /** Longest time of one statement, and longest rest between two, in milliseconds. The embedded database knows none. */
  readonly batchTimeoutMs: number
}

/** The statements of one batch; `run` sends them one after the other, in its transaction. */
export type BatchWork<T> = (
  run: <Row>(statement: Statement<Row>, values: readonly unknown[]) => Promise<Row[]>,
) => Promise<T>

const AS_OPERATOR = statement<unknown>('platform.as_operator', `select set_config('role', 'pgfleet_operator', true)`)
const BEGIN_BATCH = statement<unknown>(
  'platform.begin_maintenance_batch',
  'select platform.begin_maintenance_batch($1::bigint, $2::integer, $3::integer)',
)

export const OPERATOR_STATEMENTS: readonly Statement<unknown>[] = [AS_OPERATOR, BEGIN_BATCH]

/** Carries the result out of a transaction that is rolled back on purpose. */
class RolledBack<T> {
  constructor(readonly result: T) {}
}

/** The database, as pgfleet_operator: the role is set for each transaction, so any connection of the pool will do. */
export class Operator {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  get isEmbedded(): boolean {
    return this.#database.isEmbedded
  }

  /** One statement in a transaction of its own. Errors: PERMISSION_DENIED, which names the right that the login lacks. */
  async run<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
    const enter = [{ statement: AS_OPERATOR, values: [] }]
    return await named(this.#database.transaction('begin', enter, (run) => run(statement, values)))
  }

  /**
   * One batch: a transaction that begins under the lease with this token, or not at all, and waits and works no longer than
   * its limits. A dry run is rolled back when it has done its work. Errors: MAINTENANCE_LEASE_LOST, TIMEOUT, CONFLICT
   * (a lock was not to be had in time), PERMISSION_DENIED, and those of the work.
   */
  async batch<T>(token: number, limits: BatchLimits, dryRun: boolean, work: BatchWork<T>): Promise<T> {
    const enter = [
      { statement: AS_OPERATOR, values: [] },
      { statement: BEGIN_BATCH, values: [token, limits.lockTimeoutMs, limits.batchTimeoutMs] },
    ]
    try {
      return await named(
        this.#database.transaction('begin', enter, async (run) => {
          const result = await work(run)
          if (dryRun) throw new RolledBack(result)
          return result
        }),
      )
    } catch (error) {
      if (error instanceof RolledBack) return error.result as T
      throw error
    }
  }
}

/** Says which role the login would have to be a member of. */
async function named<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    const role = isFleetError(error, 'PERMISSION_DENIED') && /set role "(\w+)"/.exec(error.message)?.[1]
    if (!role) throw error
    throw new FleetError('PERMISSION_DENIED', {
      message: `this login may not act as ${role}, which maintenance needs`,
      hint: 'As an administrator: grant pgfleet_operator to the login that maintains.',
      cause: error,
      details: { role },
    })
  }
}
