import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError } from '../errors.js'
import type { Ask, Check, CheckContext, Depth, EarlierDay, Level, Probe } from './check.js'
import { LEVELS, statementFor } from './check.js'
import { type Connection, unreachable } from './connection.js'
import { type CheckResult, toFinding } from './finding.js'
import { blindness, inapplicable, isFatal, isLoss, isRefused, type Refusal, reasonOf } from './refusal.js'
import { assertSupported, CLOCK, FACTS, MEMORY, memoryOf, type ServerFacts, SIZE, VERSION } from './server.js'
import type { Thresholds } from './thresholds.js'

/** What an examination looks at, and how long it may take. */
export interface ExamineOptions {
  /** The checks, already chosen. Those of a depth that is not asked for are left out. */
  readonly checks: readonly Check[]
  readonly thresholds: Thresholds
  /** Level of all findings of a check, by its id, in place of its own. */
  readonly levels?: Readonly<Record<string, Level | 'off'>>
  /** How long to watch the server, in milliseconds. 0 leaves out the checks that sample. @default 0 */
  readonly sampleMs?: number
  /** How long deep checks may read tables, in milliseconds, all together. 0 leaves them out. @default 0 */
  readonly budgetMs?: number
  /** How long one statement may take, in milliseconds. @default 5000 */
  readonly timeoutMs?: number
  /** Memory of the machine, in bytes, where the server cannot tell. */
  readonly memoryBytes?: number
  /** What the server's disk has free, in bytes: no server can tell. */
  readonly diskFreeBytes?: number
  /** The server on an earlier day, to compare with. */
  readonly baseline?: EarlierDay
  /** Opens the console of PgBouncer; without it the checks of the pooler are left out. */
  readonly openPooler?: () => Promise<Connection>
  /** Called before each check. */
  readonly progress?: (check: Check, index: number, total: number) => void
  readonly signal?: AbortSignal
}

/** What an examination found out. */
export interface Examination {
  readonly server: ServerFacts
  readonly results: readonly CheckResult[]
  readonly milliseconds: number
}

/** How long a statement may wait for a lock: it must never queue behind others for long. */
const LOCK_TIMEOUT_MS = 200
/** Between two looks of a check that looks again and again. */
const TICK_MS = 1000

interface Answer {
  readonly examined: number
  readonly total: number
  readonly found: readonly unknown[] | null
}

/**
 * Examines a database with all checks, one after the other over one connection, each in a read-only transaction with
 * time-outs of its own: it blocks nobody, and a check that fails leaves the others. `open` is called again when the
 * connection is lost, once in a row. Errors: DATABASE_UNEXAMINED, ABORTED.
 */
export async function examine(open: () => Promise<Connection>, options: ExamineOptions): Promise<Examination> {
  const examiner = new Examiner(open, options)
  try {
    return await examiner.run()
  } finally {
    await examiner.close()
  }
}

class Examiner {
  readonly #open: () => Promise<Connection>
  readonly #options: ExamineOptions
  readonly #timeoutMs: number
  #connection: Connection | undefined
  #losses = 0
  #transactionPooling = false

  constructor(open: () => Promise<Connection>, options: ExamineOptions) {
    this.#open = open
    this.#options = options
    this.#timeoutMs = options.timeoutMs ?? 5000
  }

  async run(): Promise<Examination> {
    const started = performance.now()
    const server = await this.#facts().catch((error: unknown) => {
      throw unreachable(error)
    })
    const { checks, sampleMs = 0, budgetMs = 0, levels = {} } = this.#options
    const wanted = checks.filter(({ id }) => levels[id] !== 'off')
    const of = (depth: Depth) =>
      wanted.filter((check) => (check.depth ?? 'catalog') === depth && check.source !== 'pooler')
    const results = new Map<string, CheckResult>()
    // First, because what the pooler does decides how grave other findings are.
    for (const result of await this.#askPooler(wanted, server)) results.set(result.check, result)
    for (const [index, check] of of('catalog').entries()) {
      this.#options.progress?.(check, index, wanted.length)
      results.set(check.id, await this.#look(check, server))
    }
    if (sampleMs > 0) {
      for (const result of await this.#sample(of('sample'), server, sampleMs)) results.set(result.check, result)
    }
    if (budgetMs > 0) {
      const until = performance.now() + budgetMs
      for (const [index, check] of of('deep').entries()) {
        this.#options.progress?.(check, wanted.length - of('deep').length + index, wanted.length)
        results.set(check.id, await this.#look(check, server, until))
      }
    }
    return {
      server,
      results: wanted.flatMap(({ id }) => results.get(id) ?? []),
      milliseconds: Math.round(performance.now() - started),
    }
  }

  async close(): Promise<void> {
    await this.#connection?.close().catch(() => {})
  }

  async #facts(): Promise<ServerFacts> {
    assertSupported(await this.#read(VERSION))
    const [read] = await this.#read<Omit<ServerFacts, 'memoryBytes' | 'databaseBytes' | 'clock'>>(FACTS)
    if (read === undefined)
      throw new FleetError('DATABASE_UNEXAMINED', { message: 'the server tells nothing of itself' })
    const [size] = await this.#read<{ bytes: number }>(SIZE).catch(() => [])
    const facts = { ...read, databaseBytes: size?.bytes, clock: await this.#clock() }
    const { memoryBytes } = this.#options
    if (memoryBytes !== undefined) return { ...facts, memoryBytes }
    const [files] = await this.#read<Parameters<typeof memoryOf>[0]>(MEMORY).catch(() => [])
    return { ...facts, memoryBytes: files === undefined ? undefined : memoryOf(files) }
  }

  /** The way there and back bounds the error: the shortest of three tells most. */
  async #clock(): Promise<ServerFacts['clock']> {
    let best = { ahead: 0, within: Number.POSITIVE_INFINITY }
    for (let look = 0; look < 3; look++) {
      const before = Date.now()
      const [answer] = await this.#read<{ now: number }>(CLOCK)
      const after = Date.now()
      const within = (after - before) / 2000
      if (within < best.within && answer !== undefined)
        best = { ahead: (answer.now - (before + after) / 2) / 1000, within }
    }
    return best
  }

  /** One statement in a read-only transaction of its own, on a pooler too. */
  async #read<Row>(
    text: string,
    values?: readonly unknown[],
    timeoutMs = this.#timeoutMs,
    { settings = {}, before = [], after = [] }: Omit<Probe, 'text' | 'values'> = {},
  ): Promise<Row[]> {
    const { signal } = this.#options
    if (signal?.aborted) throw new FleetError('ABORTED', { message: 'interrupted' })
    const connection = await this.#connect()
    const begin = `begin isolation level read committed read only;
      set local statement_timeout = ${Math.max(1, Math.round(timeoutMs))}; set local lock_timeout = ${LOCK_TIMEOUT_MS};
      set local search_path = pg_catalog, pg_temp; set local jit = off`
    const isPlain =
      values === undefined && before.length === 0 && after.length === 0 && Object.keys(settings).length === 0
    let isOpen = true
    try {
      if (isPlain && connection.script !== undefined) {
        const rows = await connection.script<Row>(`${begin};\n${text}\n; commit`)
        isOpen = false
        this.#losses = 0
        return rows
      }
      await connection.query(begin)
      for (const [name, value] of Object.entries(settings))
        await connection.query('select set_config($1, $2, true)', [name, value])
      for (const statement of before) await connection.query(statement)
      if (after.length > 0) await connection.query('savepoint before')
      try {
        const rows = await connection.query<Row>(text, values)
        this.#losses = 0
        return rows
      } finally {
        if (after.length > 0) await connection.query('rollback to before').catch(() => {})
        for (const statement of after) await connection.query(statement).catch(() => {})
      }
    } catch (error) {
      if (isLoss(error)) this.#connection = undefined
      throw error
    } finally {
      // Committed, so that statistics do not count it as a transaction that failed; it has only read.
      if (isOpen)
        await this.#connection?.query('commit').catch(() => {
          this.#connection = undefined
        })
    }
  }

  async #connect(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection
    // A pooler or a server that restarts ends one check; one that is gone ends the examination.
    if (this.#losses > 1)
      throw new FleetError('DATABASE_UNEXAMINED', { message: 'the connection was lost twice in a row' })
    this.#losses++
    this.#connection = await this.#open()
    return this.#connection
  }

  async #askPooler(wanted: readonly Check[], server: ServerFacts): Promise<CheckResult[]> {
    const { openPooler } = this.#options
    const checks = wanted.filter(({ source }) => source === 'pooler')
    if (openPooler === undefined || checks.length === 0) return []
    let pooler: Connection | undefined
    const results: CheckResult[] = []
    for (const check of checks) {
      const started = performance.now()
      try {
        pooler ??= await openPooler()
        const rows = await pooler.query<{ key?: string; value?: string }>(statementFor(check, server.major))
        this.#transactionPooling ||= rows.some(({ key, value }) => key === 'pool_mode' && value !== 'session')
        results.push(
          this.#judge(check, started, { examined: rows.length, total: rows.length, found: rows }, server, {}),
        )
      } catch (error) {
        results.push(settled(check, started, { outcome: 'could-not-look', reason: `the pooler: ${reasonOf(error)}` }))
      }
    }
    await pooler?.close().catch(() => {})
    return results
  }

  async #look(check: Check, server: ServerFacts, until?: number): Promise<CheckResult> {
    const started = performance.now()
    const refusal = inapplicable(check, server, this.#options.baseline !== undefined)
    if (refusal !== undefined) return settled(check, started, refusal)
    try {
      const answer = await this.#ask(check, server, until)
      const probed = until === undefined ? undefined : await this.#probe(check, answer, server, until)
      return this.#judge(check, started, probed?.answer ?? answer, server, { reason: probed?.reason })
    } catch (error) {
      return settled(check, started, blindness(check, error))
    }
  }

  async #ask(check: Check, server: ServerFacts, until?: number): Promise<Answer> {
    const left = until === undefined ? this.#timeoutMs : Math.min(this.#timeoutMs * 4, until - performance.now())
    const [answer] = await this.#read<Answer>(statementOf(check, server), undefined, left)
    if (answer === undefined) throw new Error(`${check.id} returned no row`)
    return answer
  }

  /** Reads the candidates of a deep check one after the other, the largest first, until the budget is used up. */
  async #probe(check: Check, answer: Answer, server: ServerFacts, until: number) {
    const found = answer.found ?? []
    if (check.probe === undefined && check.explore === undefined) return undefined
    const read: unknown[] = []
    let failed = ''
    for (const row of found) {
      const left = until - performance.now()
      if (left < 50) break
      const ask: Ask = (probe) => this.#asked(probe, until)
      try {
        const { probe, explore } = check
        const measured =
          explore === undefined
            ? await this.#probed(probe?.(row, server) as Probe, left)
            : await explore(row, ask, server)
        read.push({ ...(row as object), ...measured })
      } catch (error) {
        if (isFatal(error)) throw error
        failed = reasonOf(error)
      }
    }
    const missing = found.length - read.length
    const reason = missing === 0 ? undefined : failed || 'the budget was used up: give more with --budget'
    return { answer: { ...answer, examined: Math.max(0, answer.examined - missing), found: read }, reason }
  }

  async #probed({ text, values, ...more }: Probe, timeoutMs: number): Promise<object | undefined> {
    const [measured] = await this.#read<object>(text, values, timeoutMs, more)
    return measured
  }

  async #asked<Answer extends object>(probe: Probe, until: number) {
    const started = performance.now()
    try {
      const answer = (await this.#probed(probe, Math.max(1, until - started))) as Answer | undefined
      return answer && { ...answer, milliseconds: performance.now() - started }
    } catch (error) {
      if (!isRefused(error)) throw error
      return undefined
    }
  }

  async #sample(checks: readonly Check[], server: ServerFacts, sampleMs: number): Promise<CheckResult[]> {
    const results: CheckResult[] = []
    const begun: { check: Check; started: number; rows: unknown[]; looks: number; first: Answer }[] = []
    for (const check of checks) {
      const started = performance.now()
      const refusal = inapplicable(check, server, this.#options.baseline !== undefined)
      if (refusal !== undefined) results.push(settled(check, started, refusal))
      else {
        try {
          const first = await this.#ask(check, server)
          begun.push({ check, started, rows: [...(first.found ?? [])], looks: 1, first })
        } catch (error) {
          results.push(settled(check, started, blindness(check, error)))
        }
      }
    }
    const until = performance.now() + sampleMs
    const { signal } = this.#options
    while (begun.length > 0 && performance.now() < until) {
      await sleep(Math.min(TICK_MS, Math.max(1, until - performance.now())), undefined, signal && { signal }).catch(
        () => {
          throw new FleetError('ABORTED', { message: 'interrupted' })
        },
      )
      for (const one of begun.filter(({ check }) => check.sampling === 'ticks')) {
        try {
          one.rows.push(...((await this.#ask(one.check, server)).found ?? []))
          one.looks++
        } catch (error) {
          if (isFatal(error)) throw error
          // A look that fails is a look less.
        }
      }
    }
    for (const { check, started, rows, looks, first } of begun) {
      const seconds = (performance.now() - started) / 1000
      try {
        const last = check.sampling === 'ticks' ? { ...first, found: rows } : await this.#ask(check, server)
        results.push(this.#judge(check, started, last, server, { before: first.found ?? [], seconds, looks }))
      } catch (error) {
        results.push(settled(check, started, blindness(check, error)))
      }
    }
    return results
  }

  #judge(
    check: Check,
    started: number,
    { examined, total, found }: Answer,
    server: ServerFacts,
    more: { before?: readonly unknown[]; seconds?: number; looks?: number; reason?: string | undefined },
  ): CheckResult {
    const { thresholds, levels = {}, baseline, diskFreeBytes } = this.#options
    if (total === 0) return settled(check, started, { outcome: 'not-applicable', reason: check.absent })
    if (examined === 0) {
      const reason = more.reason ?? check.blind ?? `the login may see none of the ${check.scope}`
      return { ...settled(check, started, { outcome: 'could-not-look', reason }), total }
    }
    const context: CheckContext = {
      server,
      thresholds,
      before: more.before ?? [],
      seconds: more.seconds ?? 0,
      looks: more.looks ?? 1,
      transactionPooling: this.#transactionPooling,
      baseline,
      diskFreeBytes,
    }
    const level = levels[check.id]
    const findings = check
      .evaluate(found ?? [], context)
      .map((draft) => toFinding(check, draft, level === 'off' ? undefined : level, server.provider))
      .toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level))
    const reason = examined < total ? (more.reason ?? check.blind ?? 'the login may not see the others') : undefined
    return {
      check: check.id,
      outcome: findings.length > 0 ? 'finding' : 'ok',
      examined,
      total,
      scope: check.scope,
      ...(reason === undefined ? {} : { reason }),
      findings,
      milliseconds: Math.round(performance.now() - started),
    }
  }
}

function statementOf(check: Check, server: ServerFacts): string {
  const schema = check.needs?.extension === undefined ? '' : server.extensions[check.needs.extension]?.schema
  // A function, so that a dollar in the name stays one.
  return statementFor(check, server.major).replaceAll('{schema}', () => schema ?? '')
}

function settled(check: Check, started: number, { outcome, reason }: Refusal): CheckResult {
  const milliseconds = Math.round(performance.now() - started)
  return { check: check.id, outcome, examined: 0, total: 0, scope: check.scope, reason, findings: [], milliseconds }
}
