import type { Command } from 'commander'
import type { Connection } from '../database/connections.js'
import type { Database } from '../database/database.js'
import { type ErrorCode, FleetError, isFleetError } from '../errors.js'
import type { Fleet } from '../fleet.js'
import type { FleetOptions } from '../options.js'
import type { Terminal } from './terminal.js'
import { createTerminal } from './terminal.js'
import { assertThere, resolveWhere, type Where } from './where.js'

/** Options that every command takes. */
export interface GlobalOptions {
  readonly url?: string
  readonly dataDir?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly debug?: boolean
}

/** What a command works with. */
export interface Context {
  readonly where: Where
  readonly terminal: Terminal
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal
  /** Opens the fleet for the callback, and closes it whatever happens. */
  withFleet<T>(work: (fleet: Fleet) => Promise<T>, options?: FleetOptions): Promise<T>
  /** The same with the database alone, whatever its schema. */
  withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T>
  /**
   * Lends a connection to look at a database with, which need not be one of pgfleet. Errors: DATABASE_UNEXAMINED when it
   * cannot be reached.
   */
  examining<T>(work: (connection: Connection) => Promise<T>): Promise<T>
}

/** A command's work; returns the exit code, or nothing for 0. */
export type Work<Options> = (context: Context, options: Options, ...operands: string[]) => Promise<number | undefined>

/** What a login that fails ends with: nobody answers, or the server refuses it. */
const UNREACHED: ReadonlySet<ErrorCode> = new Set([
  'CONNECTION_FAILED',
  'DATABASE_ERROR',
  'PERMISSION_DENIED',
  'TIMEOUT',
])

/** Where the commands hang: told the exit code of the one that ran. */
export interface Shell {
  readonly signal: AbortSignal
  exit(code: number): void
}

/** Makes commander's action of a command's work. */
export function action<Options>(shell: Shell, work: Work<Options>): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const command = parameters.at(-1) as Command
    const operands = parameters.slice(0, -2).filter((operand): operand is string => operand !== undefined)
    const options = command.optsWithGlobals() as GlobalOptions & Options
    const context = createContext(options, shell.signal)
    shell.exit((await work(context, options, ...operands)) ?? 0)
  }
}

/** How long a server may take to answer when it is first asked. */
const EXAMINING_TIMEOUT_MS = 30_000

function createContext(options: GlobalOptions, signal: AbortSignal): Context {
  const where = resolveWhere(options)
  const lend = async <R extends { close(): Promise<void> }, T>(open: Promise<R>, work: (opened: R) => Promise<T>) => {
    const opened = await open
    try {
      if (signal.aborted) throw new FleetError('ABORTED', { message: 'interrupted before it began' })
      return await work(opened)
    } finally {
      await opened.close()
    }
  }
  const withDatabase = <T>(work: (database: Database) => Promise<T>) =>
    lend(
      import('../fleet.js').then((fleet) => fleet.openDatabase(where)),
      work,
    )
  return {
    where,
    signal,
    terminal: createTerminal({ json: options.json ?? false, quiet: options.quiet ?? false }),
    // What opens a database is loaded by the commands that need one: others start sooner and take less memory.
    withFleet: (work, more = {}) =>
      lend(
        import('../fleet.js').then((fleet) => fleet.openFleet({ ...where, ...more })),
        work,
      ),
    withDatabase,
    examining: async (work) => {
      assertThere(where)
      // Tells what answers there, and gives up where nothing does; a pool would try again until its time is over.
      if (where.url !== undefined) {
        const { connect } = await import('../doctor/connection.js')
        const { assertSupported, VERSION } = await import('../doctor/server.js')
        await lend(connect(where.url, EXAMINING_TIMEOUT_MS), async (server) => {
          assertSupported(await server.query<{ number: string; text: string }>(VERSION))
        })
      }
      let lent = false
      try {
        return await withDatabase((database) =>
          database.lend(async (connection) => {
            // The first question shows whether somebody answers.
            await connection.query('select 1')
            lent = true
            return await work(connection)
          }),
        )
      } catch (error) {
        if (lent || !isFleetError(error) || !UNREACHED.has(error.code)) throw error
        throw new FleetError('DATABASE_UNEXAMINED', { message: error.message, cause: error })
      }
    },
  }
}
