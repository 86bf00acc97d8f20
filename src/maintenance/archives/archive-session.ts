import type { Readable, Writable } from 'node:stream'
import { from, to } from 'pg-copy-streams'
import { toFleetError } from '../../database/failure.js'
import { type Statement, statement } from '../../database/statement.js'
import { FleetError, isFleetError } from '../../errors.js'
import { DirectConnection } from '../direct-connection.js'

// pgfleet-lint ignore session-setting: a connection of its own past the pooler, closed after its work
const AS_OWNER = statement<unknown>('platform.archive_as_owner', `select set_config('role', 'pgfleet_owner', false)`)
// A login may have limits of its own, which rows that are read for hours would meet.
// pgfleet-lint ignore session-setting: a connection of its own past the pooler, closed after its work
const UNLIMITED = statement<unknown>(
  'platform.archive_without_limits',
  `select set_config(s.name, '0', false) from pg_settings s
  where s.name in ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`,
)
// pgfleet-lint ignore session-setting: a connection of its own past the pooler, closed after its work
const LOCK_TIMEOUT = statement<unknown>(
  'platform.archive_lock_timeout',
  `select set_config('lock_timeout', $1::text, false)`,
)
// Held until the connection ends: whoever was stalled or lost holds it no longer than its connection.
const LOCK = statement<unknown>(
  'platform.lock_archive',
  `select pg_advisory_lock(hashtextextended('pgfleet.archive ' || $1::text, 0))`,
)
// What decides how COPY writes values: the same rows are the same bytes, whatever the server's settings.
const FORMAT = statement<unknown>(
  'platform.archive_format',
  `select set_config('datestyle', 'ISO, YMD', true), set_config('intervalstyle', 'postgres', true), set_config('timezone', 'UTC', true),
    set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true), set_config('client_encoding', 'UTF8', true)`,
)

export const ARCHIVE_SESSION_STATEMENTS: readonly Statement<unknown>[] = [
  AS_OWNER,
  UNLIMITED,
  LOCK_TIMEOUT,
  LOCK,
  FORMAT,
]

/** Longest wait for another who archives or restores the same partition, in milliseconds; no longer than for other locks. */
const BUSY_MS = 15_000

/** A connection past the pooler, as pgfleet_owner, that alone works on the archives of one partition. */
export class ArchiveSession {
  readonly direct: DirectConnection

  private constructor(direct: DirectConnection) {
    this.direct = direct
  }

  /**
   * Lends a session to the work. Locks time out after `lockTimeoutMs`. With a partition (`memory.events_p202601`) nobody else works on
   * its archives meanwhile. Errors: PERMISSION_DENIED, which names the role; OPTIONS_INVALID for a pooler; ARCHIVE_BUSY,
   * CONNECTION_FAILED, and those of the work.
   */
  static async lend<T>(
    url: string,
    { partition, lockTimeoutMs }: { readonly partition?: string; readonly lockTimeoutMs: number },
    work: (session: ArchiveSession) => Promise<T>,
  ): Promise<T> {
    return await DirectConnection.lend(
      url,
      async (direct) => {
        await direct.query(AS_OWNER, []).catch((error: unknown) => {
          if (!isFleetError(error, 'PERMISSION_DENIED')) throw error
          throw new FleetError('PERMISSION_DENIED', {
            message:
              'this login may not act as pgfleet_owner, which archives need: it detaches partitions and reads rows of all tenants',
            hint: 'As an administrator: grant pgfleet_owner to the login of the direct url.',
            cause: error,
            details: { role: 'pgfleet_owner' },
          })
        })
        await direct.query(UNLIMITED, [])
        if (partition !== undefined) {
          await direct.query(LOCK_TIMEOUT, [String(Math.min(BUSY_MS, lockTimeoutMs))])
          await direct.query(LOCK, [partition]).catch((error: unknown) => {
            if (!isFleetError(error, 'CONFLICT')) throw error
            throw new FleetError('ARCHIVE_BUSY', {
              message: `another process archives or restores ${partition}`,
              cause: error,
            })
          })
        }
        await direct.query(LOCK_TIMEOUT, [String(lockTimeoutMs)])
        return await work(new ArchiveSession(direct))
      },
      { isSession: true },
    )
  }

  async query<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
    return await this.direct.query(statement, values)
  }

  /** A statement whose text names a table; the name comes from the catalogue, quoted. */
  async run(text: string): Promise<void> {
    await this.direct.query({ name: 'platform.archive_statement', text }, [])
  }

  /** One transaction, in the format of archives: committed when the work resolves. With `undo` it is rolled back all the same. */
  async transaction<T>(work: () => Promise<T>, { undo = false }: { readonly undo?: boolean } = {}): Promise<T> {
    await this.run('begin')
    await this.query(FORMAT, [])
    // When it fails in the middle of a COPY the connection is of no use any more: whoever lent it closes it.
    const result = await work()
    await this.run(undo ? 'rollback' : 'commit')
    return result
  }

  /** The rows of a select as COPY writes them, in text format. What it fails with is for `serverFailure`. */
  copyOut(select: string): Readable {
    return this.direct.stream(to(`copy (${select}) to stdout`))
  }

  /** Takes rows as COPY wrote them. What it fails with is for `serverFailure`. */
  copyIn(table: string, columns: string): Writable {
    return this.direct.stream(from(`copy ${table} (${columns}) from stdin`))
  }
}

/**
 * What the server or the driver said of a COPY, as an error of the catalogue; undefined for what failed elsewhere: of streams that are
 * joined, the one that fails takes the others with it.
 */
export function serverFailure(error: unknown): FleetError | undefined {
  if (typeof error !== 'object' || error === null || isFleetError(error)) return undefined
  const { severity, message } = error as { severity?: unknown; message?: string }
  const isOfServer = severity !== undefined || /Connection terminated|connection error/i.test(message ?? '')
  return isOfServer ? toFleetError(error, true) : undefined
}
