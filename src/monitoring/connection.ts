import pg from 'pg'
import { unreachable } from '../doctor/connection.js'
import { FleetError } from '../errors.js'
import type { Row } from './sources/source.js'

/** The connection that a monitor reads with. */
export interface MonitorConnection {
  /**
   * One statement in a read-only transaction of its own; rejects with the driver's error. Where policies keep rows from the login it is
   * refused, and tells no less; `byPolicy` reads what they let through. Those that are read before another has ended wait for their turn.
   */
  read(text: string, values: readonly unknown[], timeoutMs: number, byPolicy?: boolean): Promise<Row[]>
  /** Ends it. */
  close(): Promise<void>
}

/** How long a login may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000

/** How long a statement may wait for a lock: a table that is being altered costs its source one look, and nobody else. */
const LOCK_TIMEOUT_MS = 200

/** A prepared statement that another session has, or that this one has already: a pooler stands in between. */
const LOST_STATEMENT = new Set(['26000', '42P05'])

/** What begins each transaction. */
const begin = (timeoutMs: number, byPolicy: boolean) => `begin isolation level read committed read only;
  set local statement_timeout = ${Math.max(1, Math.round(timeoutMs))}; set local lock_timeout = ${LOCK_TIMEOUT_MS};
  set local search_path = pg_catalog, pg_temp; set local jit = off; set local row_security = ${byPolicy ? 'on' : 'off'}; set local "TimeZone" = 'UTC'`

/**
 * Connects to a server, or a pooler in front of it: nothing is set that outlives a transaction. The transaction, its statement
 * and its end leave in one flight. Errors: DATABASE_UNEXAMINED, OPTIONS_INVALID (`url`).
 */
export async function connectMonitor(url: string, guardMs: number): Promise<MonitorConnection> {
  const client = createClient(url, guardMs)
  // It may end while nobody asks it anything; the next question then tells.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => {})
    throw unreachable(error)
  }
  // Planning costs as much as most of the statements themselves, so they are prepared; not behind a pooler that loses them.
  let isPrepared = true
  const names = new Map<string, string>()
  const nameOf = (text: string) => {
    const name = names.get(text) ?? `monitor_${names.size + 1}`
    names.set(text, name)
    return name
  }
  const connection: MonitorConnection = {
    async read(text, values, timeoutMs, byPolicy = false) {
      const began = client.query(begin(timeoutMs, byPolicy))
      const name = isPrepared ? { name: nameOf(text) } : {}
      const read = client.query<Row & pg.QueryResultRow>({ ...name, text, values: [...values] })
      const ended = client.query('commit')
      const [first, second, third] = await Promise.allSettled([began, read, ended])
      if (first.status === 'rejected') throw first.reason
      if (second.status === 'rejected') {
        if (isPrepared && LOST_STATEMENT.has((second.reason as { code?: string }).code ?? '')) {
          isPrepared = false
          return await connection.read(text, values, timeoutMs, byPolicy)
        }
        throw second.reason
      }
      if (third.status === 'rejected') throw third.reason
      return second.value.rows
    },
    close: () => client.end(),
  }
  return connection
}

/** Reads by what can only run one statement after the other, such as the embedded database. */
export function lendMonitor(
  query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>,
): MonitorConnection {
  const readNow: MonitorConnection['read'] = async (text, values, timeoutMs, byPolicy = false) => {
    for (const statement of begin(timeoutMs, byPolicy).split(';')) await query(statement)
    try {
      return (await query(text, [...values])).rows as Row[]
    } finally {
      await query('commit').catch(() => {})
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    read(...parameters) {
      // Their statements may not come between each other.
      const reading = last.then(() => readNow(...parameters))
      last = reading.catch(() => {})
      return reading
    },
    close: async () => {},
  }
}

function createClient(connectionString: string, guardMs: number): pg.Client {
  if (!/^postgres(ql)?:\/\//.test(connectionString))
    throw new FleetError('OPTIONS_INVALID', { message: 'a url begins with postgres:// or postgresql://', field: 'url' })
  try {
    return new pg.Client({
      connectionString,
      application_name: 'pgfleet monitor',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: guardMs,
      pipeline: true,
      keepAlive: true,
    })
  } catch (cause) {
    const message = `the url cannot be understood: ${(cause as Error).message}`
    throw new FleetError('OPTIONS_INVALID', { message, field: 'url', cause })
  }
}
