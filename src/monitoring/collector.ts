import { isLoss, reasonOf } from '../doctor/refusal.js'
import { MAJORS } from '../doctor/server.js'
import { FleetError, isFleetError } from '../errors.js'
import type { MonitorConnection } from './connection.js'
import { blindLook, failuresOf, type Look, lookOf } from './look.js'
import { MONITOR_METRICS } from './metrics/monitor.js'
import { SERVER_METRICS } from './metrics/server.js'
import { Ranking } from './ranking.js'
import type { Reader } from './readers/reader.js'
import {
  IDENTITY,
  REPLICA_TIMELINE,
  RESET_REASONS,
  type ResetReason,
  resetBetween,
  type ServerAnswer,
  STATE,
  toServerAnswer,
} from './server-state.js'
import type { Sample, Snapshot, SourceFailure } from './snapshot.js'
import { SOURCES } from './sources/index.js'
import { type Row, type Source, samplesOf, statementFor } from './sources/source.js'

/** What a collector needs. */
export interface CollectorOptions {
  /** Opens a connection; called again after a loss, and for each round of the slow pace. Errors: DATABASE_UNEXAMINED. */
  readonly open: () => Promise<MonitorConnection>
  /** How many series of a kind are told, 1 to 1000; the rest is told as one. @default 50 */
  readonly top?: number
  /** How long one source may take, in milliseconds. @default 2000 */
  readonly timeoutMs?: number
  /** How long one source of the slow pace may take, in milliseconds. @default 20,000 */
  readonly slowTimeoutMs?: number
  /** Sources that are left out, by id. @default none */
  readonly without?: readonly string[]
  /** Tell the texts of statements too, their literals taken out. @default false */
  readonly queryTexts?: boolean
  /** What else is read. @default none */
  readonly readers?: readonly Reader[]
  /** The rest's counters begin with what was counted before the first look: for one look alone. @default false */
  readonly isSingle?: boolean
}

/** Longest pause between two attempts to connect, in milliseconds. */
const BACKOFF_MAX_MS = 60_000

/** Statements that are sent before the answer of the one before was worked at: so the server does not wait for this process. */
const AHEAD = 1

/** Reads all sources of one server, over and over, and remembers what it needs in between. One collection at a time. */
export class Collector {
  readonly #options: Required<Omit<CollectorOptions, 'open' | 'readers' | 'without'>> & {
    open: () => Promise<MonitorConnection>
  }
  readonly #readers: readonly Reader[]
  readonly #sources: readonly Source[]
  readonly #rankings = new Map<string, Ranking>()
  readonly #followed = new Map<string, Map<string, readonly Sample[]>>()
  readonly #slow = new Map<string, Look>()
  readonly #resets = new Map<ResetReason, number>()
  #connection: MonitorConnection | undefined
  /** Of `collectAll`, which is kept for the next one. */
  #second: MonitorConnection | undefined
  #identity = ''
  #server: ServerAnswer | undefined
  #lastUp: number | undefined
  #collections = 0
  #failures = 0
  #opened = 0
  #attempts = 0
  #nextAttemptAt = 0
  #lostFor = ''

  constructor({ open, readers = [], without = [], ...options }: CollectorOptions) {
    const known = new Set([...SOURCES.map(({ id }) => id), ...readers.map(({ id }) => id)])
    for (const id of without) {
      if (!known.has(id))
        throw new FleetError('OPTIONS_INVALID', {
          message: `there is no source '${id}'; there are ${[...known].join(', ')}`,
          field: 'without',
        })
    }
    this.#options = {
      open,
      top: 50,
      timeoutMs: 2000,
      slowTimeoutMs: 20_000,
      queryTexts: false,
      isSingle: false,
      ...options,
    }
    const left = new Set(this.#options.queryTexts ? without : [...without, 'statement-texts'])
    this.#sources = SOURCES.filter(({ id }) => !left.has(id))
    this.#readers = readers.filter(({ id }) => !left.has(id))
  }

  /** The server as it last answered. */
  get server(): ServerAnswer | undefined {
    return this.#server
  }

  /** Looks once at what has the fast pace. A server that does not answer makes a snapshot that says so. Errors: OPTIONS_INVALID, ABORTED. */
  async collect(signal: AbortSignal): Promise<Snapshot> {
    return await this.#collect(signal, false)
  }

  /** The same for all sources and readers, whatever their pace, in one go; those of the slow pace beside the others, on a second connection. */
  async collectAll(signal: AbortSignal): Promise<Snapshot> {
    return await this.#collect(signal, true)
  }

  async #collect(signal: AbortSignal, isAll: boolean): Promise<Snapshot> {
    const at = new Date()
    const started = performance.now()
    this.#collections++
    const fast = new Map<string, Look>()
    let lost: string | undefined
    const waitsMs = this.#connection === undefined ? this.#nextAttemptAt - performance.now() : 0
    try {
      if (waitsMs > 0) throw new Error(`${this.#lostFor}; the next attempt is in ${Math.ceil(waitsMs / 1000)} s`)
      const connection = await this.#connect()
      const server = await this.#ask(connection)
      await Promise.all([
        this.#readFast(fast, connection, server, signal),
        isAll ? this.#readSlow(server, signal) : undefined,
      ])
      this.#lastUp = performance.now()
      this.#attempts = 0
      this.#nextAttemptAt = 0
    } catch (error) {
      if (signal.aborted) throw new FleetError('ABORTED', { message: 'interrupted' })
      if (isFleetError(error) && error.code === 'OPTIONS_INVALID') throw error
      lost = reasonOf(error)
      this.#failures++
      if (waitsMs <= 0) await this.#lose(lost)
    }
    for (const reader of this.#readers.filter(({ everyMs }) => isAll || everyMs === 0)) {
      const look = await lookOf(async () => await reader.read(signal))
      if (reader.everyMs > 0) this.#keep(reader.id, look)
      else if (look !== undefined) fast.set(reader.id, look)
    }
    const isUp = lost === undefined
    const looks = new Map([
      ...fast,
      ...(isUp ? this.#slow : [...this.#slow].filter(([id]) => this.#readers.some((reader) => reader.id === id))),
    ])
    const failures = failuresOf(looks, lost)
    const milliseconds = performance.now() - started
    const told = [...looks.values()].flatMap(({ samples }) => samples)
    const samples = [...this.#serverSamples(isUp), ...told, ...this.#ownSamples(looks, failures, milliseconds)]
    return { at, server: this.#server, isUp, samples, failures, milliseconds }
  }

  /** Reads what is due of the slow pace, on a connection of its own; the next snapshots tell it. Never rejects but when aborted. */
  async collectSlow(everyMs: number, signal: AbortSignal): Promise<void> {
    const server = this.#server
    const isDue = (id: string, ms: number) => performance.now() - (this.#slow.get(id)?.at ?? -ms) >= ms
    const due = this.#sources.filter(({ id, pace }) => pace === 'slow' && isDue(id, everyMs))
    if (server !== undefined && due.length > 0) {
      let connection: MonitorConnection | undefined
      try {
        connection = await this.#options.open()
        await this.#lookSlowly(due, server, connection, signal)
      } catch (error) {
        this.#keepFailure(due, error)
      } finally {
        await connection?.close().catch(() => {})
      }
    }
    for (const reader of this.#readers.filter(({ id, everyMs: ms }) => ms > 0 && isDue(id, ms))) {
      if (signal.aborted) return
      this.#keep(reader.id, await lookOf(async () => await reader.read(signal)))
    }
  }

  /** Ends its connection and what its readers hold. */
  async close(): Promise<void> {
    for (const reader of this.#readers) await reader.close()
    await this.#connection?.close().catch(() => {})
    this.#connection = undefined
    await this.#second?.close().catch(() => {})
    this.#second = undefined
  }

  /** Reads all of the slow pace on the second connection. Never rejects: what cannot be read tells why. */
  async #readSlow(server: ServerAnswer, signal: AbortSignal): Promise<void> {
    const sources = this.#sources.filter(({ pace }) => pace === 'slow')
    if (sources.length === 0) return
    try {
      this.#second ??= await this.#options.open()
      await this.#lookSlowly(sources, server, this.#second, signal)
    } catch (error) {
      this.#keepFailure(sources, error)
      const second = this.#second
      this.#second = undefined
      await second?.close().catch(() => {})
    }
  }

  async #lookSlowly(
    sources: readonly Source[],
    server: ServerAnswer,
    connection: MonitorConnection,
    signal: AbortSignal,
  ): Promise<void> {
    for (const source of sources) {
      if (signal.aborted) return
      this.#keep(source.id, await this.#look(source, server, connection, this.#options.slowTimeoutMs))
    }
  }

  #keepFailure(sources: readonly Source[], error: unknown): void {
    const failure = reasonOf(error)
    for (const { id } of sources) this.#keep(id, blindLook(failure))
  }

  async #readFast(
    fast: Map<string, Look>,
    connection: MonitorConnection,
    server: ServerAnswer,
    signal: AbortSignal,
  ): Promise<void> {
    let freeAt = performance.now()
    const end = async ({ id, looking }: (typeof sent)[number]) => {
      const look = await looking
      if (look === undefined) return
      // What was sent ahead has waited for its turn.
      fast.set(id, { ...look, seconds: Math.max(0, Math.min(look.seconds, (look.at - freeAt) / 1000)) })
      freeAt = Math.max(freeAt, look.at)
    }
    const sent: { id: string; looking: Promise<Look | undefined> }[] = []
    for (const source of this.#sources) {
      if (source.pace === 'slow') continue
      signal.throwIfAborted()
      const looking = this.#look(source, server, connection, this.#options.timeoutMs)
      // Told when it is its turn, if none before it was lost.
      looking.catch(() => {})
      sent.push({ id: source.id, looking })
      if (sent.length > AHEAD) await end(sent.shift() as (typeof sent)[number])
    }
    for (const last of sent) await end(last)
  }

  async #connect(): Promise<MonitorConnection> {
    if (this.#connection !== undefined) return this.#connection
    this.#connection = await this.#options.open()
    this.#opened++
    this.#identity = await this.#connection
      .read(IDENTITY, [], this.#options.timeoutMs)
      .then(([row]) => String(row?.systemIdentifier ?? ''))
      .catch((error: unknown) => {
        if (isLoss(error)) throw error
        return ''
      })
    return this.#connection
  }

  /** Gives the connection up; attempts follow each other at growing distances. */
  async #lose(reason: string): Promise<void> {
    this.#lostFor = reason
    const connection = this.#connection
    this.#connection = undefined
    this.#nextAttemptAt = performance.now() + Math.min(BACKOFF_MAX_MS, 500 * 2 ** Math.min(this.#attempts++, 10))
    await connection?.close().catch(() => {})
  }

  async #ask(connection: MonitorConnection): Promise<ServerAnswer> {
    const [row] = await connection.read(STATE, [], this.#options.timeoutMs)
    if (row === undefined) throw new Error('the server did not tell what it is')
    const major = Number(row.major)
    if (major < MAJORS.oldest)
      throw new FleetError('OPTIONS_INVALID', {
        message: `PostgreSQL ${major} is too old: ${MAJORS.oldest} to ${MAJORS.newest} are known`,
        field: 'url',
      })
    let timeline = this.#server?.timeline ?? 0
    if (row.inRecovery === true) {
      const answer = await connection.read(REPLICA_TIMELINE, [], this.#options.timeoutMs).catch((error: unknown) => {
        if (isLoss(error)) throw error
        return []
      })
      timeline = Number(answer[0]?.timeline ?? timeline)
    }
    const server = toServerAnswer(row, this.#identity, timeline)
    const reset = this.#server && resetBetween(this.#server, server)
    if (reset !== undefined) {
      this.#resets.set(reset, (this.#resets.get(reset) ?? 0) + 1)
      this.#followed.clear()
    }
    this.#server = server
    return server
  }

  /** What a source sees; undefined where it does not apply. Throws when the connection is lost. */
  async #look(
    source: Source,
    server: ServerAnswer,
    connection: MonitorConnection,
    timeoutMs: number,
  ): Promise<Look | undefined> {
    const { versions, needs, groups, id } = source
    if (server.major < (versions?.from ?? 0) || server.major > (versions?.to ?? server.major)) return undefined
    if (needs?.relation !== undefined && !server.relations.includes(needs.relation)) return undefined
    const schema = needs?.extension === undefined ? '' : server.extensions[needs.extension]
    if (schema === undefined && !needs?.isExpected) return undefined
    if (schema === undefined) return blindLook(`the extension ${needs?.extension} is not installed in this database`)
    if (needs?.all && !server.seesAll) return blindLook(`the login may not see what others do; needs ${needs.rights}`)
    const byPolicy = needs?.tenants ?? false
    if (byPolicy && !server.seesTenants)
      return blindLook(`the login sees no rows of tenants, which are counted; needs ${needs?.rights}`)
    // A function, so that a dollar in the name stays one.
    const text = statementFor(source, server.major).replaceAll('{schema}', () => schema)
    const { top } = this.#options
    return await lookOf(
      async () => {
        if (source.follows !== undefined)
          return await this.#follow(source, (keys) => connection.read(text, [keys], timeoutMs))
        if (!source.isRanked)
          return tell(source, await connection.read(text, source.isLimited ? [top] : [], timeoutMs, byPolicy))
        const ranking = this.#rankings.get(id) ?? new Ranking(this.#options.isSingle)
        this.#rankings.set(id, ranking)
        const rows: readonly Row[] = await connection.read(text, [top, ranking.keys], timeoutMs)
        return samplesOf(groups, ranking.apply(groups, rows, top))
      },
      { rights: needs?.rights, endsByLoss: true },
    )
  }

  /** What a source tells of the rows that another one tells: `read` gives the rows of those that are new. */
  async #follow(
    source: Source,
    read: (keys: readonly string[]) => Promise<readonly Row[]>,
  ): Promise<readonly Sample[]> {
    const { source: followed = '', column = '' } = source.follows ?? {}
    const wanted = Array.from(this.#rankings.get(followed)?.members ?? [], (row) => String(row[column]))
    const known = this.#followed.get(source.id) ?? new Map<string, readonly Sample[]>()
    const missing = wanted.filter((key) => !known.has(key))
    const rows = missing.length === 0 ? [] : await read(missing)
    for (const row of rows) known.set(String(row[column]), tell(source, [row]))
    const told = new Map(wanted.map((key) => [key, known.get(key) ?? []]))
    this.#followed.set(source.id, new Map([...told].filter(([, samples]) => samples.length > 0)))
    return [...told.values()].flat()
  }

  #keep(id: string, look: Look | undefined): void {
    if (look === undefined) this.#slow.delete(id)
    // What it saw before is told no longer, so that nothing old passes for new.
    else this.#slow.set(id, look)
  }

  #serverSamples(isUp: boolean): Sample[] {
    const server = this.#server
    const { up, info, state } = SERVER_METRICS
    return samplesOf(
      [up, ...(server === undefined ? [] : [info, state])],
      [
        { up: Number(isUp) },
        {
          info: 1,
          version: server?.version,
          major: server?.major,
          system_identifier: server?.systemIdentifier,
          database: server?.database,
          role: server?.inRecovery ? 'replica' : 'primary',
        },
        { start_time_seconds: (server?.startedAt.getTime() ?? 0) / 1000, timeline: server?.timeline },
      ],
    )
  }

  #ownSamples(looks: ReadonlyMap<string, Look>, failures: readonly SourceFailure[], milliseconds: number): Sample[] {
    const now = performance.now()
    const { sources, failures: reasons, collection, resets } = MONITOR_METRICS
    const slow = new Set(this.#slow.keys())
    return samplesOf(
      [sources, reasons, collection, resets],
      [
        ...[...looks].map(([source, { failure, seconds, at }]) => ({
          source,
          source_up: Number(failure === undefined),
          source_duration_seconds: seconds,
          source_age_seconds: slow.has(source) ? (now - at) / 1000 : null,
        })),
        ...failures.map((failure) => ({ ...failure, source_failure: 1 })),
        ...RESET_REASONS.map((reason) => ({ reason, resets_total: this.#resets.get(reason) ?? 0 })),
        {
          collection_duration_seconds: milliseconds / 1000,
          last_up_seconds: this.#lastUp === undefined ? null : (now - this.#lastUp) / 1000,
          collections_total: this.#collections,
          collection_failures_total: this.#failures,
          reconnects_total: Math.max(0, this.#opened - 1),
          series: [...looks.values()].reduce((count, { samples }) => count + samples.length, 0),
        },
      ],
    )
  }
}

/** What the rows of a source tell. */
const tell = ({ samples, groups }: Source, rows: readonly Row[]) => samples?.(rows) ?? samplesOf(groups, rows)
