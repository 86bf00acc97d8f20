import type { Socket } from 'node:net'
import pg from 'pg'
import { primaryUrl } from '../database/primary/primary-url.js'
import { FleetError } from '../errors.js'

/** The one connection that an examination works with. */
export interface Connection {
  /** Runs a statement, or without values several; rejects with the driver's error. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /**
   * Runs several statements in one message, and resolves to the rows of the one that has columns: one way to the server and
   * back in place of three. Absent where the driver does not tell them apart.
   */
  script?<Row>(text: string): Promise<Row[]>
  /** Ends it. */
  close(): Promise<void>
}

/** How long a login may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Connects to a server or a pooler, of several to the primary, without parameters that a pooler would refuse. `callTimeoutMs` is a guard against a
 * server that never answers; the server's own time-outs come first. Errors:
 * DATABASE_UNEXAMINED, PRIMARY_UNAVAILABLE.
 */
export async function connect(url: string, callTimeoutMs: number): Promise<Connection> {
  const client = createClient(await primaryUrl(url), callTimeoutMs)
  // It may end while nobody asks it anything; the next question then tells.
  client.on('error', () => {})
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer in the protocol of PostgreSQL within ${CONNECT_TIMEOUT_MS / 1000} s`)),
      CONNECT_TIMEOUT_MS,
    )
  })
  try {
    await Promise.race([client.connect(), late])
  } catch (error) {
    // Not `end`, which waits for the other side to close: what is no PostgreSQL may never do so.
    ;(client as unknown as { connection: { stream: Socket } }).connection.stream.destroy()
    throw unreachable(error)
  } finally {
    clearTimeout(timer)
  }
  return {
    query: async <Row>(text: string, values?: readonly unknown[]) =>
      (await client.query(text, values as unknown[] | undefined)).rows as Row[],
    script: async <Row>(text: string) => {
      const results = (await client.query(text)) as unknown as pg.QueryResult | pg.QueryResult[]
      return ([results].flat().find(({ fields }) => fields.length > 0)?.rows ?? []) as Row[]
    },
    close: () => client.end(),
  }
}

function createClient(connectionString: string, callTimeoutMs: number): pg.Client {
  if (!/^postgres(ql)?:\/\//.test(connectionString)) {
    throw new FleetError('OPTIONS_INVALID', { message: 'a url begins with postgres:// or postgresql://', field: 'url' })
  }
  try {
    return new pg.Client({
      connectionString,
      application_name: 'pgfleet doctor',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: callTimeoutMs,
    })
  } catch (error) {
    throw new FleetError('OPTIONS_INVALID', {
      message: `the url cannot be understood: ${(error as Error).message}`,
      field: 'url',
      cause: error,
    })
  }
}

/** What to do when a login fails, by SQLSTATE or the code of the operating system. */
const HINTS: Readonly<Record<string, string>> = {
  '28P01': 'The password or the name of the role is wrong.',
  '28000': 'The server has no rule that lets this role in (pg_hba.conf), or the role may not log in.',
  '3D000': 'There is no database of that name: name it at the end of the url.',
  '53300': 'All connections are taken: end some, or use one reserved for pg_use_reserved_connections or superusers.',
  '42501': 'The role may not connect to this database: grant connect on database ... to it.',
  ECONNREFUSED: 'Nothing listens there: check host and port, and that the server runs.',
  ENOTFOUND: 'There is no such host: check its name.',
  EAI_AGAIN: 'The name of the host cannot be looked up now.',
  ENOENT: 'There is no such socket or directory: check the path, or give host and port.',
}

/** The error of a login that failed. */
export function unreachable(error: unknown): FleetError {
  if (error instanceof FleetError) return error
  const { code, message, errors } = error as { code?: string; message?: string; errors?: Error[] }
  const said = message || errors?.map((one) => one.message).join('; ') || code || 'the connection failed'
  const hint =
    HINTS[code ?? ''] ??
    'Check that a PostgreSQL server or a pooler listens there, and the parameters of the url (such as sslmode=require).'
  return new FleetError('DATABASE_UNEXAMINED', { message: `no connection: ${said}`, hint, cause: error })
}
