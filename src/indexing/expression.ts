import type { Node } from 'libpg-query'
import { as, columnOf, lastWord, operatorOf, stringOf, words } from '../lint/sql/tree.js'
import { quoted } from './definition.js'

/** An expression as an index may hold it. */
export interface IndexExpression {
  /** As SQL writes it, without the relation's name before columns. */
  readonly text: string
  readonly columns: readonly string[]
  /** Functions that have to be immutable for it, unqualified. */
  readonly functions: readonly string[]
}

/** Operators of expressions that may be indexed, if their arguments are. */
const OPERATORS = new Set(['->', '->>', '#>', '#>>', '||', '+', '-', '*', '/', '%'])

/** Deeper ones are no index. */
const DEPTH_MAX = 8

/**
 * Writes an expression over columns and constants as SQL; undefined for what has parameters, subqueries, no column, or is not
 * made of functions, operators, casts and coalesce.
 */
export function indexExpression(node: Node | undefined): IndexExpression | undefined {
  const columns = new Set<string>()
  const functions = new Set<string>()
  const text = write(node, columns, functions, 0)
  return text === undefined || columns.size === 0
    ? undefined
    : { text, columns: [...columns], functions: [...functions] }
}

function write(
  node: Node | undefined,
  columns: Set<string>,
  functions: Set<string>,
  depth: number,
): string | undefined {
  if (node === undefined || depth > DEPTH_MAX) return undefined
  const inner = (each: Node | undefined) => write(each, columns, functions, depth + 1)
  const list = (nodes: readonly Node[] | undefined) => {
    const texts = (nodes ?? []).map(inner)
    return texts.every((each) => each !== undefined) ? texts.join(', ') : undefined
  }
  const column = columnOf(node)
  if (column !== undefined) {
    columns.add(column.name)
    return quoted(column.name)
  }
  if (as(node, 'A_Const') !== undefined) return literal(node)
  const cast = as(node, 'TypeCast')
  if (cast !== undefined) {
    const value = inner(cast.arg)
    const type = typeText(cast.typeName)
    return value === undefined || type === undefined ? undefined : `(${value})::${type}`
  }
  const call = as(node, 'FuncCall')
  if (call !== undefined) {
    if (call.agg_star || call.agg_distinct || call.over !== undefined || call.agg_filter !== undefined) return undefined
    const values = list(call.args)
    if (values === undefined) return undefined
    functions.add(lastWord(call.funcname))
    return `${words(call.funcname).map(quoted).join('.')}(${values})`
  }
  const coalesce = as(node, 'CoalesceExpr')
  if (coalesce !== undefined) {
    const values = list(coalesce.args)
    return values === undefined ? undefined : `coalesce(${values})`
  }
  const operation = as(node, 'A_Expr')
  if (operation?.kind === 'AEXPR_OP' && OPERATORS.has(operatorOf(node) ?? '')) {
    const [left, right] = [inner(operation.lexpr), inner(operation.rexpr)]
    return left === undefined || right === undefined ? undefined : `(${left} ${operatorOf(node)} ${right})`
  }
  return undefined
}

/** A constant as SQL writes it; undefined for what is none. */
export function literal(node: Node | undefined): string | undefined {
  const cast = as(node, 'TypeCast')
  if (cast !== undefined) {
    const value = literal(cast.arg)
    const type = typeText(cast.typeName)
    return value === undefined || type === undefined ? undefined : `${value}::${type}`
  }
  const constant = as(node, 'A_Const')
  if (constant === undefined || constant.isnull === true) return undefined
  if (constant.ival !== undefined) return String(constant.ival.ival ?? 0)
  if (constant.fval !== undefined) return constant.fval.fval
  if (constant.boolval !== undefined) return String(constant.boolval.boolval ?? false)
  const text = stringOf(node)
  if (text === undefined) return undefined
  return text.includes('\\')
    ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`
}

/** The value of a constant as pg_stats writes it. */
export function valueText(node: Node | undefined): string | undefined {
  const cast = as(node, 'TypeCast')
  if (cast !== undefined) return valueText(cast.arg)
  const constant = as(node, 'A_Const')
  if (constant?.boolval !== undefined) return constant.boolval.boolval === true ? 't' : 'f'
  return stringOf(node) ?? literal(node)
}

function typeText(type: { names?: Node[]; typmods?: Node[]; arrayBounds?: Node[] } | undefined): string | undefined {
  const names = words(type?.names)
  if (names.length === 0) return undefined
  const modifiers = (type?.typmods ?? []).map((each) => literal(each))
  if (modifiers.some((each) => each === undefined)) return undefined
  const bare = names[0] === 'pg_catalog' ? names.slice(1) : names
  return `${bare.map(quoted).join('.')}${modifiers.length > 0 ? `(${modifiers.join(', ')})` : ''}${type?.arrayBounds === undefined ? '' : '[]'}`
}
