import type { Node } from 'libpg-query'
import { parse, parseExpression } from '../lint/sql/parser.js'
import { conjuncts } from '../lint/sql/scope.js'
import { as, descend, lastWord, type Visited } from '../lint/sql/tree.js'
import type { Catalog, Table } from './catalog.js'
import { type Comparison, type Condition, readConditions } from './condition.js'
import { columnKey, type IndexKey } from './definition.js'
import { indexExpression } from './expression.js'
import { columnsRead, ownersOf, type QueryScope, type ScopedTable, scopeOf } from './query-scope.js'
import type { WorkloadStatement } from './workload.js'

/** What one query of a statement wants of one table. */
export interface Demand {
  readonly table: Table
  /** What its rows have to meet, all of it. */
  readonly conditions: readonly Condition[]
  /** Conditions of which one has to be met, by alternative; empty without OR. */
  readonly alternatives: readonly (readonly Condition[])[]
  /** The order that is asked for, where it is of this table's columns alone. */
  readonly sort: readonly IndexKey[]
  /** Only the first rows are wanted. */
  readonly isLimited: boolean
  /** The columns that are read; undefined for all. */
  readonly read: ReadonlySet<string> | undefined
}

/** A statement, understood as far as indexes go. */
export interface StatementDemand {
  readonly demands: readonly Demand[]
  /** Tables that it touches. */
  readonly tables: ReadonlySet<Table>
  /** Columns that it sets, by table. */
  readonly sets: readonly { readonly table: Table; readonly columns: readonly string[] }[]
  /** The columns that it orders by the distance to something: `embedding <=> $1`. */
  readonly distances: readonly {
    readonly table: Table
    readonly column: string
    readonly operator: string
    readonly conditions: readonly Condition[]
    readonly isLimited: boolean
  }[]
  /** Policies limit what it sees. */
  readonly secured: ReadonlySet<Table>
}

/** The names of tables in a text, to look them up; undefined when it does not parse. */
export function relationNames(query: string): readonly string[] | undefined {
  const parsed = parse(query)
  if ('problem' in parsed) return undefined
  return parsed.statements.flatMap(({ kind, node }) =>
    descend(kind, node).flatMap(({ kind: each, node: inner }) =>
      each === 'RangeVar' ? [(inner as { relname?: string }).relname ?? ''] : [],
    ),
  )
}

/** Reads what a statement wants. `user` is the login, for statements of nobody. The parser must be loaded. */
export function demandOf(statement: WorkloadStatement, catalog: Catalog, user: string): StatementDemand {
  const parsed = parse(statement.query)
  const demands: Demand[] = []
  const tables = new Set<Table>()
  const secured = new Set<Table>()
  const sets: StatementDemand['sets'][number][] = []
  const distances: StatementDemand['distances'][number][] = []
  const role = statement.role ?? user
  for (const { kind, node } of 'problem' in parsed ? [] : parsed.statements) {
    for (const visited of descend(kind, node)) {
      if (!/^(SelectStmt|UpdateStmt|DeleteStmt|InsertStmt)$/.test(visited.kind)) continue
      const scope = scopeOf(visited, catalog)
      for (const each of scope.tables) tables.add(each.table)
      const target = scope.tables[0]
      const columns = columnsSet(visited)
      if (target !== undefined && columns.length > 0) sets.push({ table: target.table, columns })
      if (visited.kind === 'InsertStmt') continue
      const sort = sortOf(scope)
      for (const each of scope.tables) {
        const policy = isSubject(each.table, role, catalog) ? policyConditions(each, scope) : undefined
        if (policy !== undefined) secured.add(each.table)
        const { conditions, alternatives } = readConditions(scope, each)
        const all = [...conditions, ...(policy ?? [])]
        demands.push({
          table: each.table,
          conditions: all,
          alternatives,
          sort: sort.of === each ? sort.keys : [],
          isLimited: sort.isLimited,
          read: visited.kind === 'SelectStmt' ? columnsRead(each, scope) : undefined,
        })
        if (sort.distance?.of === each)
          distances.push({
            table: each.table,
            column: sort.distance.column,
            operator: sort.distance.operator,
            conditions: all,
            isLimited: sort.isLimited,
          })
      }
    }
  }
  return { demands, tables, sets, distances, secured }
}

/** Policies hold for a role on a table. */
function isSubject({ security, owner }: Table, role: string, { privileged }: Catalog): boolean {
  return security !== 'none' && !privileged.has(role) && (security === 'forced' || owner !== role)
}

/** What the one policy of a table says; several are alternatives, of which nothing follows. */
function policyConditions(of: ScopedTable, scope: QueryScope): readonly Condition[] {
  const [policy, ...others] = of.table.policies
  if (policy === undefined || others.length > 0) return []
  const select = as(parseExpression(policy), 'SelectStmt')
  const condition = as(select?.targetList?.[0], 'ResTarget')?.val
  const alone = { ...scope, tables: [of], others: new Set<string>(), conditions: conjuncts(condition) }
  return readConditions(alone, of).conditions.map((each) => ({ ...each, isPolicy: true }))
}

/** The columns that a statement changes in rows that are there. */
function columnsSet({ kind, node }: Visited): string[] {
  const targets =
    kind === 'UpdateStmt'
      ? (node as { targetList?: Node[] }).targetList
      : (node as { onConflictClause?: { targetList?: Node[] } }).onConflictClause?.targetList
  return kind === 'UpdateStmt' || kind === 'InsertStmt'
    ? (targets ?? []).flatMap((each) => as(each, 'ResTarget')?.name ?? [])
    : []
}

interface Sort {
  readonly of: ScopedTable | undefined
  readonly keys: readonly IndexKey[]
  readonly isLimited: boolean
  readonly distance?: { readonly of: ScopedTable; readonly column: string; readonly operator: string }
}

/** The order of a query. `min` and `max` are an order with a limit of one. */
function sortOf(scope: QueryScope): Sort {
  const none = { of: undefined, keys: [], isLimited: false }
  if (scope.visited.kind !== 'SelectStmt') return none
  const query = scope.visited.node as {
    sortClause?: Node[]
    targetList?: Node[]
    groupClause?: Node[]
    limitCount?: Node
  }
  const isLimited = query.limitCount !== undefined
  const extreme =
    query.groupClause === undefined && query.targetList?.length === 1 ? extremeOf(query.targetList[0]) : undefined
  const sorted = query.sortClause ?? []
  if (extreme !== undefined && sorted.length === 0) {
    const of = ownersOf(extreme, scope)
    const key = keyOf(extreme)
    return typeof of === 'object' && key !== undefined ? { of, keys: [key], isLimited: true } : none
  }
  if (query.groupClause !== undefined) return { ...none, isLimited }
  const keys: IndexKey[] = []
  let of: ScopedTable | undefined
  for (const each of sorted) {
    const sort = as(each, 'SortBy')
    const node = meant(sort?.node, query.targetList ?? [])
    const owner = ownersOf(node, scope)
    if (typeof owner !== 'object' || (of !== undefined && owner !== of)) return { ...none, isLimited }
    of = owner
    const distance = as(node, 'A_Expr')
    if (keys.length === 0 && /^<.{1,2}>$/.test(lastWord(distance?.name)) && lastWord(distance?.name) !== '<>') {
      const column = keyOf(distance?.lexpr)?.columns[0]
      return column === undefined
        ? { ...none, isLimited }
        : { ...none, isLimited, distance: { of, column, operator: lastWord(distance?.name) } }
    }
    const key = keyOf(node)
    if (key === undefined) return { ...none, isLimited }
    const descending = sort?.sortby_dir === 'SORTBY_DESC'
    const nullsFirst =
      sort?.sortby_nulls === 'SORTBY_NULLS_FIRST' || (sort?.sortby_nulls !== 'SORTBY_NULLS_LAST' && descending)
    keys.push({
      ...key,
      ...(descending ? { descending } : {}),
      // Where there are no NULLs their place does not matter, and the planner does not know that.
      ...(nullsFirst === descending ? {} : { nullsFirst }),
    })
  }
  return { of, keys, isLimited }
}

/** `2` and names of what is selected stand for that. */
function meant(node: Node | undefined, targets: readonly Node[]): Node | undefined {
  const place = as(node, 'A_Const')?.ival?.ival
  if (place !== undefined) return as(targets[place - 1], 'ResTarget')?.val
  const fields = as(node, 'ColumnRef')?.fields ?? []
  if (fields.length !== 1) return node
  const named = targets.map((each) => as(each, 'ResTarget')).find((each) => each?.name === lastWord(fields))
  return named?.val ?? node
}

function extremeOf(target: Node | undefined): Node | undefined {
  const call = as(as(target, 'ResTarget')?.val, 'FuncCall')
  if (call === undefined || !/^(min|max)$/.test(lastWord(call.funcname)) || call.args?.length !== 1) return undefined
  return call.agg_filter === undefined && call.over === undefined ? call.args[0] : undefined
}

/** A column or an expression as a key. */
export function keyOf(node: Node | undefined): IndexKey | undefined {
  const expression = indexExpression(node)
  if (expression === undefined) return undefined
  const [column] = expression.columns
  if (as(node, 'ColumnRef') !== undefined && column !== undefined) return columnKey(column)
  return { text: `(${expression.text})`, columns: expression.columns }
}

/** Comparisons by what they want of an index. */
export const comparisonsOf = (conditions: readonly Condition[], kinds: readonly Comparison[]) =>
  conditions.filter(({ comparison }) => kinds.includes(comparison))
