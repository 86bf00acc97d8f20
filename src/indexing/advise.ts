import type { Connection } from '../doctor/connection.js'
import { redact } from '../doctor/redact.js'
import { isLoss, reasonOf } from '../doctor/refusal.js'
import { assertSupported, FACTS, type ServerFacts, VERSION } from '../doctor/server.js'
import { FleetError } from '../errors.js'
import { loadParser } from '../lint/sql/parser.js'
import type { IndexAdvice } from './advice.js'
import { candidatesOf } from './candidates.js'
import { type Catalog, readCatalog } from './catalog.js'
import { demandOf, relationNames, type StatementDemand } from './demand.js'
import { judgeDrops, type PlannedStatement, type Watched } from './drops.js'
import { foreignKeyChecks } from './foreign-keys.js'
import { writeAdvice } from './outcome.js'
import { isPlanned, Planner } from './planner.js'
import { policySettings } from './policy-settings.js'
import { OBSERVATION, type Observation, type ReplicaScans, readReplica, SYSTEM } from './replicas.js'
import { ruled } from './rules.js'
import { type SelectionLimits, selectIndexes } from './selection.js'
import { createModel } from './selection-model.js'
import { readWorkload, type Workload, type WorkloadStatement } from './workload.js'
import { WriteLoad } from './write-load.js'

/** How indexes are looked for. */
export interface AdviseIndexesOptions {
  /** The workload; without it that of pg_stat_statements. */
  readonly workload?: Workload
  /** Statements called less often are left out. @default 20 */
  readonly minCalls?: number
  /** So many statements, those that took the most time. Maximum: 2000. @default 200 */
  readonly top?: number
  /** Only tables and indexes of these schemas, which are also the search path. @default all, and the login's path */
  readonly schemas?: readonly string[]
  /** What all advised indexes may take: bytes, or a share of the tables. @default no limit */
  readonly sizeBudget?: { readonly bytes: number } | { readonly share: number }
  /** How much more work writing to a table may become: 1 for twice as much. @default 1 */
  readonly writeBudget?: number
  /** Indexes that are advised at most. @default 20 */
  readonly indexes?: number
  /** For how long servers must have been watched before an index is called unused, in seconds. @default 7 days */
  readonly windowSeconds?: number
  /** Replicas, to ask what they have scanned: how to connect, and what to call them. */
  readonly replicas?: readonly { readonly name: string; open(): Promise<Connection> }[]
  /** Milliseconds that planning one statement may take. @default 5000 */
  readonly timeoutMs?: number
  /** Milliseconds after which no further candidate is tried. @default 300000 */
  readonly budgetMs?: number
  readonly signal?: AbortSignal
  /** Told what is being done, now and then. */
  readonly progress?: (text: string) => void
}

const DEFAULTS = {
  minCalls: 20,
  top: 200,
  writeBudget: 1,
  indexes: 20,
  windowSeconds: 7 * 86_400,
  timeoutMs: 5000,
  budgetMs: 300_000,
}

/**
 * Advises on the indexes of a database: which to create and which to drop, by what its statements cost with and without them. No
 * statement of the workload is run, and nothing is changed. Errors: DATABASE_UNEXAMINED, OPTIONS_INVALID, ABORTED.
 */
export async function adviseIndexes(
  open: () => Promise<Connection>,
  options: AdviseIndexesOptions = {},
): Promise<IndexAdvice> {
  const resolved = { ...DEFAULTS, ...options }
  const until = performance.now() + resolved.budgetMs
  await loadParser()
  const connection = await open()
  try {
    return await advise(connection, resolved, until)
  } catch (error) {
    if (!isLoss(error) || error instanceof FleetError) throw error
    throw new FleetError('DATABASE_UNEXAMINED', { message: reasonOf(error), cause: error })
  } finally {
    await connection.close().catch(() => {})
  }
}

type Resolved = AdviseIndexesOptions & typeof DEFAULTS

async function advise(connection: Connection, options: Resolved, until: number): Promise<IndexAdvice> {
  const { signal, progress = () => {}, schemas } = options
  assertSupported(await connection.query<{ number: string; text: string }>(VERSION))
  const searchPath =
    schemas === undefined
      ? undefined
      : [...schemas, 'public'].map((name) => `"${name.replaceAll('"', '""')}"`).join(', ')
  const read = await reading(connection, options.timeoutMs * 4, searchPath, async () => {
    const [facts] = await connection.query<ServerFacts>(FACTS)
    if (facts === undefined)
      throw new FleetError('DATABASE_UNEXAMINED', { message: 'the server told nothing of itself' })
    if (facts.tables === 0) progress('the database has no table')
    const workload =
      options.workload ?? (await readWorkload(connection, facts.extensions.pg_stat_statements?.schema, options))
    const [missing] = await connection.query<{ name: string }>(
      'select s.name from unnest($1::text[]) s (name) where not exists (select from pg_namespace n where n.nspname = s.name) limit 1',
      [schemas ?? []],
    )
    if (missing !== undefined)
      throw new FleetError('OPTIONS_INVALID', {
        message: `schema: there is no schema ${missing.name} in ${facts.database}`,
        field: 'schema',
      })
    const names = [...new Set(workload.statements.flatMap(({ query }) => relationNames(query) ?? []))]
    const catalog = await readCatalog(connection, { names, schemas, major: facts.major })
    const [observed] = await connection.query<Observation>(OBSERVATION)
    return { facts, workload, catalog, observed: observed ?? { seconds: 0, standbys: 0 } }
  })
  const { facts, workload, catalog, observed } = read
  const [system] = await connection.query<{ system: string }>(SYSTEM).catch(() => [])
  const replicas = await askReplicas(options, { system: system?.system, database: facts.database })
  const hypopg = facts.extensions.hypopg
  const planner = new Planner(connection, {
    hypopg: hypopg !== undefined && atLeast(hypopg.version, [1, 4]) ? hypopg.schema : undefined,
    major: facts.major,
    searchPath: searchPath ?? facts.settings.search_path ?? 'public',
    settings: policySettings(catalog),
    timeoutMs: options.timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  })
  const since = workload.since === undefined ? undefined : (facts.now.getTime() - workload.since.getTime()) / 1000
  const scale = since === undefined ? 1 : since / Math.max(observed.seconds, 1)
  const statements = [...workload.statements, ...foreignKeyChecks(catalog, scale)]
  progress(`planning ${statements.length} statements`)
  const demands = statements.map((statement) => ({ statement, demand: demandOf(statement, catalog, facts.user) }))
  const touching = demands.filter(({ demand }) => demand.tables.size > 0)
  const plans = await planner.plan(touching.map(({ statement }) => statement))
  const planned = touching.flatMap(({ statement, demand }, n): PlannedStatement[] => {
    const plan = plans[n]
    return plan !== undefined && isPlanned(plan) ? [{ statement, demand, planned: plan }] : []
  })
  const refused = touching.flatMap(({ statement }, n) => {
    const plan = plans[n]
    return plan === undefined || isPlanned(plan) ? [] : [{ statement: redact(statement.query), reason: plan.reason }]
  })
  const unplanned = [...refused, ...demands.flatMap(({ statement, demand }) => unseen(statement, demand))]
  const writeLoad = new WriteLoad(catalog, demands, scale)
  const rules = ruled(
    planned.map(({ demand }) => demand),
    catalog,
    { trigram: facts.extensions.pg_trgm !== undefined },
  )
  const wanted = candidatesOf(
    planned.flatMap(({ demand }) => demand.demands),
    catalog,
  )
    .filter((candidate) => candidate.every(({ schema }) => schemas?.includes(schema) ?? true))
    .filter((candidate) => !rules.indexes.some(({ definition }) => isDoneByRange(candidate, definition, planned)))
  const model = createModel({ planned, catalog, planner, writeLoad, until })
  progress(`trying ${wanted.length} indexes`)
  const selection = await selectIndexes(
    wanted,
    planned.map(({ planned: plan }) => plan),
    model,
    limitsOf(options, catalog),
  )
  const watched: Watched = {
    seconds: Math.min(observed.seconds, since ?? Number.POSITIVE_INFINITY, ...replicas.map(({ seconds }) => seconds)),
    wanted: options.windowSeconds,
    blind: blindnessOf(facts, observed, replicas),
    replicas,
    now: facts.now,
  }
  const drops = await judgeDrops(inScope(catalog, schemas), planned, planner, watched, (done, total) => {
    if (done % 20 === 0) progress(`hiding index ${done + 1} of ${total}`)
  })
  return writeAdvice({
    facts,
    workload,
    catalog: inScope(catalog, schemas),
    planner,
    model,
    planned,
    unplanned,
    selection,
    rules,
    drops,
    watched,
    observed,
    writeLoad,
    replicas,
    schemas,
  })
}

/** A statement that names relations, none of which is a table here: it is told of, not passed over. */
function unseen(
  { query }: WorkloadStatement,
  { tables }: StatementDemand,
): { readonly statement: string; readonly reason: string }[] {
  const isOfCatalogs = /\b(information_schema|pg_\w+)\b/i.test(query)
  const names = tables.size > 0 || isOfCatalogs ? [] : (relationNames(query) ?? [])
  return names.length === 0
    ? []
    : [{ statement: redact(query), reason: `no table here is ${names.join(' or ')}; views are not looked into` }]
}

/** Reads in one read-only transaction with limits of its own. */
async function reading<T>(
  connection: Connection,
  timeoutMs: number,
  searchPath: string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await connection.query(`begin isolation level read committed read only;
    set local statement_timeout = ${Math.max(1, Math.round(timeoutMs))}; set local lock_timeout = 200; set local jit = off`)
  try {
    if (searchPath !== undefined) await connection.query('select set_config($1, $2, true)', ['search_path', searchPath])
    return await work()
  } finally {
    await connection.query('rollback').catch(() => {})
  }
}

async function askReplicas(
  { replicas = [], signal }: Resolved,
  of: { system: string | undefined; database: string },
): Promise<ReplicaScans[]> {
  const asked = new Map<string, ReplicaScans>()
  for (const { name, open } of replicas) {
    if (signal?.aborted) throw new FleetError('ABORTED', { message: 'interrupted' })
    const connection = await open()
    try {
      const scans = await readReplica(connection, of, name)
      asked.set(scans.identity, scans)
    } finally {
      await connection.close().catch(() => {})
    }
  }
  return [...asked.values()]
}

/** Why nothing can be said of what is unused. */
function blindnessOf(
  { inRecovery }: ServerFacts,
  { standbys }: Observation,
  replicas: readonly ReplicaScans[],
): string | undefined {
  if (inRecovery) return 'this is a standby: ask the primary, and name this one with --replica'
  if (standbys <= replicas.length) return undefined
  const told =
    replicas.length === 0
      ? 'none of them was named'
      : `${replicas.length} of them ${replicas.length === 1 ? 'was' : 'were'} named`
  return `${standbys} ${standbys === 1 ? 'replica streams' : 'replicas stream'} from here and ${told} with --replica: what they scan is not known`
}

const inScope = (catalog: Catalog, schemas: readonly string[] | undefined): Catalog =>
  schemas === undefined
    ? catalog
    : { ...catalog, indexes: catalog.indexes.filter(({ schema }) => schemas.includes(schema)) }

function limitsOf({ sizeBudget, writeBudget, indexes }: Resolved, { tableBytes }: Catalog): SelectionLimits {
  const bytes =
    sizeBudget === undefined
      ? Number.POSITIVE_INFINITY
      : 'bytes' in sizeBudget
        ? sizeBudget.bytes
        : sizeBudget.share * tableBytes
  return { bytes, writes: writeBudget, indexes }
}

/** A B-tree on the one column that a BRIN index of a thousandth of its size serves, and that no order asks for. */
function isDoneByRange(
  candidate: readonly {
    readonly schema: string
    readonly table: string
    readonly keys: readonly { readonly text: string }[]
  }[],
  brin: {
    readonly method: string
    readonly schema: string
    readonly table: string
    readonly keys: readonly { readonly text: string }[]
  },
  planned: readonly PlannedStatement[],
): boolean {
  const [only] = candidate
  if (brin.method !== 'brin' || only?.keys[0]?.text !== brin.keys[0]?.text) return false
  if (only?.schema !== brin.schema || only.table !== brin.table) return false
  return !planned.some(({ demand }) =>
    demand.demands.some(
      ({ table, sort, isLimited }) =>
        table.name === brin.table && table.schema === brin.schema && isLimited && sort[0]?.text === brin.keys[0]?.text,
    ),
  )
}

function atLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [n, want] of wanted.entries()) {
    const part = parts[n] ?? 0
    if (part !== want) return part > want
  }
  return true
}
