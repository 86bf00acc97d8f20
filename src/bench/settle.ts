import { setTimeout as sleep } from 'node:timers/promises'
import { throwIfAborted } from './abort.js'
import type { Queryable } from './machine.js'

/** Longest wait, in milliseconds: a vacuum of a large table is not worth more. */
const WAIT_MS = 20_000
const POLL_MS = 100

const WORKERS = `select count(*)::integer as workers from pg_stat_activity
  where backend_type = 'autovacuum worker' and datname = current_database()`

/**
 * Waits until autovacuum is done with what the contestant before has left behind: with a core or two it would be measured
 * along with whoever comes next. A login that may not see other sessions does not wait.
 */
export async function settle(database: Queryable | undefined, signal: AbortSignal): Promise<void> {
  if (database === undefined) return
  for (const end = performance.now() + WAIT_MS; performance.now() < end; ) {
    const { rows } = await database.query(WORKERS)
    if (rows[0]?.workers === 0) return
    await sleep(POLL_MS)
    throwIfAborted(signal)
  }
}
