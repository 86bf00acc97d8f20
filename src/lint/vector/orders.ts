import type { Node, SelectStmt, SortBy } from 'libpg-query'
import type { Surroundings } from '../rule.js'
import { type Relation, relationOfColumn, relationsOf } from '../sql/scope.js'
import type { Statement } from '../sql/statement.js'
import { as, columnOf, typeName, under, type Visited } from '../sql/tree.js'
import { distanceOf, isVector } from './distance.js'

/** A query that orders by the distance of vectors. */
export interface VectorOrder {
  readonly place: Visited<'SelectStmt'>
  readonly select: SelectStmt
  readonly sort: SortBy
  /** The expression with the operator. */
  readonly distance: Node
  /** True when the order is by the operator alone. */
  readonly isBare: boolean
  readonly relations: readonly Relation[]
}

/** The type of an expression, where a cast or the catalogue tells it. */
export function vectorTypeOf(
  node: Node | undefined,
  relations: readonly Relation[],
  statement: Statement,
): string | undefined {
  const cast = as(node, 'TypeCast')
  if (cast !== undefined) return typeName(cast.typeName)
  const column = columnOf(node)
  return column === undefined
    ? undefined
    : relationOfColumn(column, relations, statement)?.table?.columns.get(column.name)?.type
}

/** The orders by distance of a statement. */
export function vectorOrders(statement: Statement, { catalog }: Surroundings): VectorOrder[] {
  if (statement.routine?.dynamic === true) return []
  return statement.all('SelectStmt').flatMap((place) => {
    const select = place.node
    const relations = relationsOf(place, catalog)
    if (!relations.some(({ range }) => range !== undefined)) return []
    return (select.sortClause ?? []).slice(0, 1).flatMap((each) => {
      const sort = as(each, 'SortBy') ?? {}
      const expression = aliased(sort.node, select)
      const type = (node: Node | undefined) => vectorTypeOf(node, relations, statement)
      const inner = under(expression, 'A_Expr')
        .map((one): Node => ({ A_Expr: one }))
        .find((one) => distanceOf(one) !== undefined && isVector(one, type))
      if (inner === undefined) return []
      return [{ place, select, sort, distance: inner, isBare: distanceOf(expression) !== undefined, relations }]
    })
  })
}

/** The expression behind a name of the select list. */
function aliased(node: Node | undefined, select: SelectStmt): Node | undefined {
  const column = columnOf(node)
  if (column === undefined || column.qualifier !== undefined) return node
  const target = (select.targetList ?? [])
    .map((each) => as(each, 'ResTarget'))
    .find((each) => each?.name === column.name)
  return target?.val ?? node
}
