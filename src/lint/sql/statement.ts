import type { Source } from '../source.js'
import { descend, type NodeKind, type NodeOf, type Visited } from './tree.js'

/** The routine or DO statement in whose body a statement lies. */
export interface Routine {
  readonly kind: 'function' | 'procedure' | 'do'
  readonly language: string
  /** `schema.name` as written; empty for DO. */
  readonly name: string
  /** Parameters and variables, which a bare name may mean as well as a column. */
  readonly variables: ReadonlySet<string>
  /** The text comes from `execute`: its identifiers may stand for others. */
  readonly dynamic: boolean
}

/** How a statement is run as far as the file tells: in a transaction, by itself, or as the caller chooses. */
export type Transaction = 'inside' | 'outside' | 'unknown'

/** One SQL statement in its place. */
export class Statement {
  readonly source: Source
  readonly kind: NodeKind
  /** Offsets in the source. */
  readonly start: number
  readonly end: number
  /** Its place among the top-level statements of its file. */
  readonly index: number
  readonly transaction: Transaction
  readonly routine: Routine | undefined
  /** True in a file that a migration tool runs. */
  readonly migration: boolean
  /** The text as SQL: in TypeScript with parameters in place of interpolations. */
  readonly sql: string
  /** True for a text that a program puts together: what it fills in may be more than a value. */
  readonly composed: boolean
  readonly #node: Record<string, unknown>
  #byKind: Map<string, Visited[]> | undefined

  constructor(content: {
    source: Source
    kind: string
    node: Record<string, unknown>
    start: number
    end: number
    index: number
    transaction: Transaction
    routine?: Routine
    migration: boolean
    sql: string
    composed?: boolean
  }) {
    this.source = content.source
    this.kind = content.kind as NodeKind
    this.start = content.start
    this.end = content.end
    this.index = content.index
    this.transaction = content.transaction
    this.routine = content.routine
    this.migration = content.migration
    this.sql = content.sql
    this.composed = content.composed ?? false
    this.#node = content.node
  }

  /** Every node of the kind, in the order of the text. */
  all<K extends NodeKind>(kind: K): readonly Visited<K>[] {
    this.#byKind ??= visitedByKind(this.kind, this.#node)
    return (this.#byKind.get(kind) ?? []) as unknown as Visited<K>[]
  }

  /** The statement itself, when it is of the kind. */
  is<K extends NodeKind>(kind: K): NodeOf<K> | undefined {
    return this.kind === kind ? (this.#node as NodeOf<K>) : undefined
  }

  /** Forgets the index of the nodes until somebody asks again: it is larger than the tree, and few are asked for twice. */
  forget(): void {
    this.#byKind = undefined
  }

  /** True at the top of a file or in a DO statement of one: it runs when the file does. */
  get runsWithFile(): boolean {
    return this.source.kind === 'sql' && (this.routine === undefined || this.routine.kind === 'do')
  }
}

function visitedByKind(kind: string, node: Record<string, unknown>): Map<string, Visited[]> {
  const found = new Map<string, Visited[]>()
  for (const each of descend(kind, node)) {
    const same = found.get(each.kind)
    if (same === undefined) found.set(each.kind, [each])
    else same.push(each)
  }
  return found
}
