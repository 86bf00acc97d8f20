import { type Connection, unreachable } from '../doctor/connection.js'
import { isLoss, reasonOf } from '../doctor/refusal.js'
import { assertSupported, VERSION } from '../doctor/server.js'
import { FleetError } from '../errors.js'
import type { Look } from './look.js'
import { type Panel, type Source, statementFor } from './panel.js'
import { SERVER, type TopServer } from './server.js'

/** Milliseconds that a statement may take, and may wait for a lock: a look must never stand in anybody's way. */
export const STATEMENT_TIMEOUT_MS = 5000
const LOCK_TIMEOUT_MS = 200

/** In the text of every statement that is sent, so that the panels can leave them out. */
export const MARK = '/* pgfleet top */'

/** A source's statement as it is sent: its rows as one JSON value, with the time and who answers. */
export function lookStatement(statement: string): string {
  return `select ${MARK} extract(epoch from clock_timestamp())::float8 as at, extract(epoch from pg_postmaster_start_time())::float8 as "startedAt",
    pg_is_in_recovery() as "inRecovery", coalesce((select json_agg(r) from (${statement}) r), '[]') as rows`
}

/** Reads panels over one connection, which it makes again when it was lost. */
export class Reader {
  readonly #open: () => Promise<Connection>
  #connection: Connection | undefined
  #server: TopServer | undefined

  /** `open` is called whenever a connection is needed and there is none. */
  constructor(open: () => Promise<Connection>) {
    this.#open = open
  }

  /** The server, as it was when the connection was made. Errors: DATABASE_UNEXAMINED. */
  async server(): Promise<TopServer> {
    await this.#connected()
    return this.#server as TopServer
  }

  /** Reads the panel. Errors: DATABASE_UNEXAMINED when the connection is lost, or none can be made. */
  async look(panel: Panel): Promise<Look> {
    const server = await this.server()
    const refused: string[] = []
    let look: Look | undefined
    if (panel.blind !== undefined && !server.monitor) refused.push(panel.blind)
    for (const source of panel.sources) {
      if (source.unless !== undefined && server.extensions[source.unless] !== undefined) continue
      if (isMissing(source, server)) {
        if (source.absent !== undefined) refused.push(source.absent)
        continue
      }
      try {
        const schema = server.extensions[source.needs?.extension ?? '']
        const [read] = await this.read<Omit<Look, 'refused'>>(lookStatement(statementFor(source, server.major, schema)))
        if (read !== undefined) look = { ...read, rows: [...(look?.rows ?? []), ...read.rows], refused }
      } catch (error) {
        if (error instanceof FleetError) throw error
        refused.push(`${source.name}: ${reasonOf(error)}${source.grant === undefined ? '' : `; ${source.grant}`}`)
      }
    }
    if (look !== undefined) return look
    const [read] = await this.read<Look>(lookStatement('select 1 where false'))
    return { ...(read as Look), refused }
  }

  /** Reads texts of a panel by their keys. Errors: DATABASE_UNEXAMINED. */
  async texts({ texts }: Panel, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const server = await this.server()
    if (texts === undefined || keys.length === 0 || isMissing(texts.source, server)) return new Map()
    const schema = server.extensions[texts.source.needs?.extension ?? '']
    const statement = `select ${MARK} t.* from (${statementFor(texts.source, server.major, schema)}) t`
    const rows = await this.read<{ key: string; text: string }>(statement, [keys])
    return new Map(rows.map(({ key, text }) => [key, text]))
  }

  /** One statement in a read-only transaction of its own. Errors: DATABASE_UNEXAMINED for a lost connection; those of the server. */
  async read<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    const connection = await this.#connected()
    const begin = `begin ${MARK} isolation level read committed read only; set local ${MARK} statement_timeout = ${STATEMENT_TIMEOUT_MS};
      set local ${MARK} lock_timeout = ${LOCK_TIMEOUT_MS}; set local ${MARK} search_path = pg_catalog, pg_temp; set local ${MARK} jit = off`
    let isOpen = true
    try {
      if (values === undefined && connection.script !== undefined) {
        const rows = await connection.script<Row>(`${begin};\n${text}\n; commit`)
        isOpen = false
        return rows
      }
      await connection.query(begin)
      return await connection.query<Row>(text, values)
    } catch (error) {
      if (!isLoss(error)) throw error
      this.#drop()
      throw unreachable(error)
    } finally {
      if (isOpen && this.#connection === connection) await connection.query('commit').catch(() => this.#drop())
    }
  }

  /** Lends the connection for what opens transactions itself. Errors: DATABASE_UNEXAMINED for a lost connection; those of the work. */
  async lend<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#connected()
    try {
      return await work(connection)
    } catch (error) {
      if (error instanceof FleetError || !isLoss(error)) throw error
      this.#drop()
      throw unreachable(error)
    }
  }

  /** Ends the connection; waits no longer than a second for a server that does not answer. */
  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    if (connection === undefined) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 1000)
    })
    await Promise.race([connection.close().catch(() => {}), late])
    clearTimeout(timer)
  }

  async #connected(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection
    try {
      this.#connection = await this.#open()
      assertSupported(await this.read(VERSION))
      const [server] = await this.read<TopServer>(SERVER)
      this.#server = server as TopServer
      return this.#connection
    } catch (error) {
      this.#drop()
      throw unreachable(error)
    }
  }

  #drop(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.close().catch(() => {})
  }
}

const isMissing = ({ needs }: Source, { extensions, relations }: TopServer) =>
  (needs?.extension !== undefined && extensions[needs.extension] === undefined) ||
  (needs?.relation !== undefined && !relations.includes(needs.relation))
