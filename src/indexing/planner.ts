import type { Connection } from '../doctor/connection.js'
import { isLoss, reasonOf } from '../doctor/refusal.js'
import { FleetError } from '../errors.js'
import { createText, type IndexDefinition, titleOf } from './definition.js'
import { type PlanText, planText } from './plan-text.js'
import type { WorkloadStatement } from './workload.js'

/** A node of EXPLAIN (FORMAT JSON), as far as costs and indexes go. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Total Cost': number
  readonly 'Relation Name'?: string
  readonly Schema?: string
  readonly 'Index Name'?: string
  readonly Plans?: readonly PlanNode[]
}

/** What a statement costs, in units of the planner. */
export interface Planned {
  readonly cost: number
  /** Which of the imagined indexes it uses, by title. */
  readonly uses: ReadonlySet<string>
  readonly plan: PlanNode
}

/** Something else than what exists, for the planner of one session. */
export interface WhatIf {
  /** Indexes that it imagines. */
  readonly indexes?: readonly IndexDefinition[]
  /** Existing indexes that it does not see, by oid. */
  readonly hidden?: readonly number[]
}

/** How statements are planned. */
export interface PlannerOptions {
  /** The schema of hypopg, quoted; undefined without it: then nothing can be imagined. */
  readonly hypopg: string | undefined
  readonly major: number
  /** The search path of the workload, as SET takes it. */
  readonly searchPath: string
  /** Settings that policies read, with a value that is in the table. */
  readonly settings: Readonly<Record<string, string>>
  /** Milliseconds that planning one statement may take. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** Why a statement has no plan. */
export interface Unplanned {
  readonly reason: string
}

/** How long a lock may be waited for, in milliseconds. */
const LOCK_TIMEOUT_MS = 200

/** Plans statements without running them, in read-only transactions; what is imagined ends with each of them. */
export class Planner {
  readonly #connection: Connection
  readonly #options: PlannerOptions
  readonly #texts = new Map<WorkloadStatement, PlanText | undefined>()
  readonly #bytes = new Map<string, number>()
  readonly #refused = new Map<string, string>()

  constructor(connection: Connection, options: PlannerOptions) {
    this.#connection = connection
    this.#options = options
  }

  /** Indexes can be imagined and hidden. */
  get imagines(): boolean {
    return this.#options.hypopg !== undefined
  }

  /** The bytes that an imagined index would take; undefined before it was imagined. */
  bytesOf(definition: IndexDefinition): number | undefined {
    return this.#bytes.get(titleOf(definition))
  }

  /** Why the server refused to imagine an index. */
  refusalOf(definition: IndexDefinition): string | undefined {
    return this.#refused.get(titleOf(definition))
  }

  /** Plans statements as if. Errors: ABORTED, DATABASE_UNEXAMINED when the connection is lost. */
  async plan(statements: readonly WorkloadStatement[], what: WhatIf = {}): Promise<(Planned | Unplanned)[]> {
    const { signal, hypopg } = this.#options
    await this.#begin()
    const names = new Map<string, string>()
    try {
      for (const definition of what.indexes ?? []) await this.#imagine(definition, names)
      for (const oid of what.hidden ?? []) await this.#query(`select ${hypopg}.hypopg_hide_index(${oid}::oid)`)
      const planned: (Planned | Unplanned)[] = []
      for (const statement of statements) {
        if (signal?.aborted) throw new FleetError('ABORTED', { message: 'interrupted' })
        planned.push(await this.#planOne(statement, names))
      }
      return planned
    } catch (error) {
      throw this.#fatal(error)
    } finally {
      // They belong to the session, which a pooler may lend to somebody else after this transaction.
      await this.#connection.query('rollback to savepoint all_imagined').catch(() => {})
      if (what.indexes?.length) await this.#connection.query(`select ${hypopg}.hypopg_reset()`).catch(() => {})
      if (what.hidden?.length)
        await this.#connection.query(`select ${hypopg}.hypopg_unhide_all_indexes()`).catch(() => {})
      await this.#connection.query('commit').catch(() => {})
    }
  }

  async #begin(): Promise<void> {
    const { timeoutMs, searchPath, settings } = this.#options
    await this.#query(`begin isolation level read committed read only;
      set local statement_timeout = ${Math.max(1, Math.round(timeoutMs))}; set local lock_timeout = ${LOCK_TIMEOUT_MS};
      set local jit = off; set local plan_cache_mode = force_generic_plan`)
    await this.#query('select set_config($1, $2, true)', ['search_path', searchPath])
    for (const [name, value] of Object.entries(settings))
      await this.#query('select set_config($1, $2, true)', [name, value])
    await this.#query('savepoint all_imagined')
  }

  async #imagine(definition: IndexDefinition, names: Map<string, string>): Promise<void> {
    const title = titleOf(definition)
    if (this.#refused.has(title)) return
    const { hypopg } = this.#options
    await this.#query('savepoint one')
    try {
      const [made] = await this.#query<{ name: string; bytes: number }>(
        `select h.indexname as name, ${hypopg}.hypopg_relation_size(h.indexrelid)::float8 as bytes from ${hypopg}.hypopg_create_index($1) h`,
        [createText(definition)],
      )
      if (made === undefined) throw new Error('hypopg made no index of it')
      names.set(made.name, title)
      this.#bytes.set(title, made.bytes)
    } catch (error) {
      if (isLoss(error)) throw error
      this.#refused.set(title, reasonOf(error))
      await this.#query('rollback to savepoint one')
    }
  }

  async #planOne(statement: WorkloadStatement, names: ReadonlyMap<string, string>): Promise<Planned | Unplanned> {
    if (!this.#texts.has(statement)) this.#texts.set(statement, planText(statement))
    const planned = this.#texts.get(statement)
    if (planned === undefined) return { reason: 'it does not parse' }
    await this.#query('savepoint one')
    try {
      if (statement.role !== undefined) await this.#become(statement.role)
      const plan = await this.#explain(planned)
      if (plan === undefined) return { reason: 'the server gave no plan' }
      const uses = new Set(nodesBelow(plan).flatMap((node) => names.get(node['Index Name'] ?? '') ?? []))
      return { cost: plan['Total Cost'], uses, plan }
    } catch (error) {
      if (isLoss(error)) throw error
      return { reason: withoutValues(error) }
    } finally {
      await this.#connection.query('rollback to savepoint one').catch(() => {})
    }
  }

  /** Plans as the role, so that its policies count; as this login where that is not allowed. */
  async #become(role: string): Promise<void> {
    await this.#query('savepoint role')
    await this.#connection.query("select set_config('role', $1, true)", [role]).catch(async (error: unknown) => {
      if (isLoss(error)) throw error
      await this.#query('rollback to savepoint role')
    })
  }

  async #explain({ text, parameters }: PlanText): Promise<PlanNode | undefined> {
    const { major } = this.#options
    const words = 'verbose, format json'
    if (parameters === 0 || major >= 16) {
      const generic = parameters === 0 ? '' : 'generic_plan, '
      return rootOf(await this.#query(`explain (${generic}${words}) ${text}`))
    }
    await this.#query(`prepare pgfleet_planned as ${text}`)
    try {
      const values = Array.from({ length: parameters }, () => 'null').join(', ')
      return rootOf(await this.#query(`explain (${words}) execute pgfleet_planned (${values})`))
    } finally {
      // A prepared statement outlives the transaction; where that has failed, the name goes after the way back to the savepoint.
      await this.#connection.query('rollback to savepoint one').catch(() => {})
      await this.#connection.query('deallocate pgfleet_planned').catch(() => {})
    }
  }

  async #query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    return await this.#connection.query<Row>(text, values)
  }

  #fatal(error: unknown): unknown {
    if (!isLoss(error)) return error
    return new FleetError('DATABASE_UNEXAMINED', { message: reasonOf(error), cause: error })
  }
}

/** What a value is refused for may show the value: it ends at the colon. */
function withoutValues(error: unknown): string {
  const { code = '' } = error as { code?: string }
  return code.startsWith('22') ? reasonOf(error).replace(/:.*$/s, '') : reasonOf(error)
}

const rootOf = (rows: readonly unknown[]) =>
  (rows[0] as { 'QUERY PLAN'?: readonly { Plan?: PlanNode }[] } | undefined)?.['QUERY PLAN']?.[0]?.Plan

/** The node and all below it. */
export function nodesBelow(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesBelow)]
}

/** There is a plan. */
export const isPlanned = (each: Planned | Unplanned): each is Planned => 'cost' in each
