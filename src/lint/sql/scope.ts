import type { Node, RangeVar } from 'libpg-query'
import type { Catalog, Table } from '../catalog/catalog.js'
import type { Statement } from './statement.js'
import { as, columnOf, type NodeKind, type Visited } from './tree.js'

/** A relation that a query reads, under the name by which its columns are called. */
export interface Relation {
  readonly name: string
  /** Undefined for subqueries, functions and common table expressions. */
  readonly range: RangeVar | undefined
  /** What is known of it. */
  readonly table: Table | undefined
}

const QUERIES: ReadonlySet<NodeKind> = new Set<NodeKind>([
  'SelectStmt',
  'UpdateStmt',
  'DeleteStmt',
  'InsertStmt',
  'MergeStmt',
])

/** The query in which a node lies. */
export function queryOf(visited: Visited): Visited | undefined {
  let at: Visited | undefined = visited
  while (at !== undefined && !QUERIES.has(at.kind)) at = at.parent
  return at
}

/** The names of common table expressions that are seen from a node. */
function commonNames(visited: Visited): Set<string> {
  const names = new Set<string>()
  for (let at: Visited | undefined = visited; at !== undefined; at = at.parent) {
    const clause = (at.node as { withClause?: { ctes?: Node[] } }).withClause
    for (const each of clause?.ctes ?? []) {
      const name = as(each, 'CommonTableExpr')?.ctename
      if (name !== undefined) names.add(name)
    }
  }
  return names
}

/** What a query itself reads and writes, subqueries inside it aside, under the names by which its columns are called. */
export function rangesOf(query: Visited): Pick<Relation, 'name' | 'range'>[] {
  const common = commonNames(query)
  const found: Pick<Relation, 'name' | 'range'>[] = []
  const range = (relation: RangeVar) => {
    const isCommon = relation.schemaname === undefined && common.has(relation.relname ?? '')
    found.push({
      name: relation.alias?.aliasname ?? relation.relname ?? '',
      range: isCommon ? undefined : relation,
    })
  }
  const item = (node: Node | undefined): void => {
    if (node === undefined) return
    const relation = as(node, 'RangeVar')
    if (relation !== undefined) {
      range(relation)
      return
    }
    const join = as(node, 'JoinExpr')
    if (join !== undefined) {
      item(join.larg)
      item(join.rarg)
      return
    }
    const [inner] = Object.values(node) as { alias?: { aliasname?: string } }[]
    found.push({ name: inner?.alias?.aliasname ?? '', range: undefined })
  }
  const node = query.node as { relation?: RangeVar; fromClause?: Node[]; usingClause?: Node[]; sourceRelation?: Node }
  if (node.relation !== undefined) range(node.relation)
  for (const each of [...(node.fromClause ?? []), ...(node.usingClause ?? [])]) item(each)
  item(node.sourceRelation)
  return found
}

/** The same with what the catalogue knows of each. */
export function relationsOf(query: Visited, catalog: Catalog): Relation[] {
  return rangesOf(query).map(({ name, range }) => ({
    name,
    range,
    table: range && catalog.find(range.schemaname, range.relname ?? ''),
  }))
}

/** The relation that a column reference means; undefined when it cannot be told. */
export function relationOfColumn(
  reference: { qualifier: string | undefined; name: string },
  relations: readonly Relation[],
  statement: Statement,
): Relation | undefined {
  if (reference.qualifier !== undefined) return relations.find((each) => each.name === reference.qualifier)
  if (statement.routine?.variables.has(reference.name)) return undefined
  const having = relations.filter((each) => each.table?.columns.has(reference.name))
  if (having.length === 1) return having[0]
  return relations.length === 1 && relations[0]?.table?.complete !== true ? relations[0] : undefined
}

/** The parts of a condition that all have to hold. */
export function conjuncts(node: Node | undefined): Node[] {
  if (node === undefined) return []
  const expression = as(node, 'BoolExpr')
  if (expression?.boolop !== 'AND_EXPR') return [node]
  return (expression.args ?? []).flatMap(conjuncts)
}

/** The conditions that a query's rows have to meet: WHERE, and those of its joins. */
export function conditionsOf(query: Visited): Node[] {
  const node = query.node as { whereClause?: Node; fromClause?: Node[]; usingClause?: Node[] }
  const joins = (each: Node): Node[] => {
    const join = as(each, 'JoinExpr')
    if (join === undefined) return []
    return [...conjuncts(join.quals), ...(join.larg ? joins(join.larg) : []), ...(join.rarg ? joins(join.rarg) : [])]
  }
  return [
    ...conjuncts(node.whereClause),
    ...(node.fromClause ?? []).flatMap(joins),
    ...(node.usingClause ?? []).flatMap(joins),
  ]
}

/** The columns that a condition compares with `=` to something. */
export function equalities(
  conditions: readonly Node[],
): { column: { qualifier: string | undefined; name: string }; other: Node | undefined }[] {
  return conditions.flatMap((condition) => {
    const expression = as(condition, 'A_Expr')
    if (expression?.kind !== 'AEXPR_OP' || as(expression.name?.[0], 'String')?.sval !== '=') return []
    const [left, right] = [columnOf(expression.lexpr), columnOf(expression.rexpr)]
    return [
      ...(left === undefined ? [] : [{ column: left, other: expression.rexpr }]),
      ...(right === undefined ? [] : [{ column: right, other: expression.lexpr }]),
    ]
  })
}
