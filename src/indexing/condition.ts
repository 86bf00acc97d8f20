import type { Node } from 'libpg-query'
import { conjuncts } from '../lint/sql/scope.js'
import { as, columnOf, lastWord, operatorOf, stringOf } from '../lint/sql/tree.js'
import { type Column, shareOf } from './catalog.js'
import { columnKey, type IndexKey, quoted } from './definition.js'
import { indexExpression, literal, valueText } from './expression.js'
import { ownersOf, type QueryScope, type ScopedTable } from './query-scope.js'

/**
 * How a condition uses an index: `equal` to a value, `list` for one of several, `join` to another table's column, `range`, `prefix`
 * of a text, `contains` for what B-trees cannot, `fixed` for what can only limit a partial index.
 */
export type Comparison = 'equal' | 'list' | 'join' | 'range' | 'prefix' | 'contains' | 'fixed'

/** One thing that rows of a table have to meet. */
export interface Condition {
  readonly comparison: Comparison
  readonly key: IndexKey
  /** The operator as written: `=`, `@>`, `~~*`. */
  readonly operator: string
  /** The column, when the key is one. */
  readonly column: Column | undefined
  /** Functions in the key: they have to be immutable. */
  readonly functions: readonly string[]
  /** The condition as SQL, where nothing in it is a parameter, and the share of rows that meet it. */
  readonly constant?: { readonly text: string; readonly share: number }
  /** A policy says it, so that every statement that it concerns does. */
  readonly isPolicy?: boolean
  /** The pattern of LIKE; undefined for a parameter. */
  readonly pattern?: string
}

/** Conditions that all hold, and those of which one does. */
export interface Conditions {
  readonly conditions: readonly Condition[]
  readonly alternatives: readonly (readonly Condition[])[]
}

/** The conditions of a scope that concern one of its tables. */
export function readConditions(scope: QueryScope, of: ScopedTable): Conditions {
  const conditions: Condition[] = []
  let alternatives: (readonly Condition[])[] = []
  for (const node of scope.conditions) {
    const either = as(node, 'BoolExpr')
    if (either?.boolop === 'OR_EXPR') {
      const arms = (either.args ?? []).map((arm) => conjuncts(arm).flatMap((each) => read(each, scope, of) ?? []))
      const usable = arms.map((arm) => arm.filter(({ comparison }) => /^(equal|list|range|prefix)$/.test(comparison)))
      if (usable.every((arm) => arm.length > 0) && alternatives.length === 0) alternatives = usable
      continue
    }
    const found = read(node, scope, of)
    if (found !== undefined) conditions.push(...[found].flat())
  }
  return { conditions, alternatives }
}

const TURNED: Readonly<Record<string, string>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=', '@>': '<@', '<@': '@>' }

function read(node: Node, scope: QueryScope, of: ScopedTable): Condition | Condition[] | undefined {
  const test = as(node, 'NullTest')
  if (test !== undefined) {
    const side = sideOf(test.arg, scope, of)
    if (side?.column === undefined) return undefined
    const isNull = test.nulltesttype === 'IS_NULL'
    const share = isNull ? side.column.nullShare : 1 - side.column.nullShare
    const text = `${side.key.text} is ${isNull ? '' : 'not '}null`
    const constant = side.column.distinct === undefined ? {} : { constant: { text, share } }
    return {
      comparison: isNull ? 'equal' : 'fixed',
      operator: isNull ? 'is null' : 'is not null',
      ...side,
      ...constant,
    }
  }
  const negated = as(node, 'BoolExpr')
  const flag = negated?.boolop === 'NOT_EXPR' ? negated.args?.[0] : node
  if (columnOf(flag) !== undefined) {
    const side = sideOf(flag, scope, of)
    if (side?.column?.type !== 'bool') return undefined
    const share = shareOf(side.column, negated === undefined ? 't' : 'f')
    const text = `${negated === undefined ? '' : 'not '}${side.key.text}`
    return {
      comparison: 'equal',
      operator: '=',
      ...side,
      ...(share === undefined ? {} : { constant: { text, share } }),
    }
  }
  const sublink = as(node, 'SubLink')
  if (sublink?.subLinkType === 'ANY_SUBLINK' && lastWord(sublink.operName) === '') {
    const side = sideOf(sublink.testexpr, scope, of)
    return side === undefined ? undefined : { comparison: 'join', operator: '=', ...side }
  }
  const expression = as(node, 'A_Expr')
  if (expression === undefined) return undefined
  const rows = as(expression.lexpr, 'RowExpr')
  if (rows !== undefined) return readRow(rows.args ?? [], expression.rexpr, operatorOf(node) ?? '', scope, of)
  const left = sideOf(expression.lexpr, scope, of)
  const right = sideOf(expression.rexpr, scope, of)
  const kind = expression.kind ?? 'AEXPR_OP'
  const operator = operatorOf(node) ?? ''
  if (left !== undefined) return compare(kind, operator, left, expression.rexpr, scope)
  if (right !== undefined && kind === 'AEXPR_OP_ANY') return undefined
  if (right !== undefined) return compare(kind, TURNED[operator] ?? operator, right, expression.lexpr, scope)
  return undefined
}

/** `(a, b) > ($1, $2)`: a range over both, in this order. */
function readRow(
  args: readonly Node[],
  other: Node | undefined,
  operator: string,
  scope: QueryScope,
  of: ScopedTable,
): Condition[] | undefined {
  if (ownersOf(other, scope) !== 'outside') return undefined
  const sides = args.map((each) => sideOf(each, scope, of))
  const comparison = operator === '=' ? 'equal' : /^[<>]=?$/.test(operator) ? 'range' : undefined
  if (comparison === undefined || sides.some((each) => each === undefined)) return undefined
  return sides.flatMap((side) => (side === undefined ? [] : [{ comparison, operator, ...side }]))
}

type Side = Pick<Condition, 'key' | 'column' | 'functions'>

/** A side of a comparison that is of this table alone, and that an index could hold. */
function sideOf(node: Node | undefined, scope: QueryScope, of: ScopedTable): Side | undefined {
  if (node === undefined || ownersOf(node, scope) !== of) return undefined
  const plain = withoutTextCast(node, of)
  const name = columnOf(plain)?.name
  const column = name === undefined ? undefined : of.table.columns.get(name)
  if (name !== undefined) return column === undefined ? undefined : { key: columnKey(name), column, functions: [] }
  const expression = indexExpression(plain)
  if (expression === undefined) return undefined
  const { text, columns, functions } = expression
  return { key: { text: `(${text})`, columns }, column: undefined, functions }
}

/** A cast of varchar to text changes nothing: the planner looks through it. */
function withoutTextCast(node: Node, { table }: ScopedTable): Node {
  const cast = as(node, 'TypeCast')
  const name = columnOf(cast?.arg)?.name
  if (cast?.arg === undefined || name === undefined || lastWord(cast.typeName?.names) !== 'text') return node
  return /^(text|varchar)$/.test(table.columns.get(name)?.type ?? '') ? cast.arg : node
}

/** Operators that GIN and GiST serve, and no B-tree does. */
const CONTAINS = /^(@>|<@|\?|\?\||\?&|&&|@@|@\?|%|~|~\*)$/

function compare(
  kind: string,
  operator: string,
  side: Side,
  other: Node | undefined,
  scope: QueryScope,
): Condition | undefined {
  const owners = ownersOf(other, scope)
  if (kind === 'AEXPR_IN' || kind === 'AEXPR_OP_ANY')
    return operator === '=' && owners === 'outside' ? { comparison: 'list', operator, ...side } : undefined
  if (kind === 'AEXPR_BETWEEN') return owners === 'outside' ? { comparison: 'range', operator, ...side } : undefined
  if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') return like(operator, side, other)
  if (kind !== 'AEXPR_OP') return undefined
  if (operator === '=') {
    if (owners !== 'outside')
      return owners === 'several' || typeof owners === 'object' ? { comparison: 'join', operator, ...side } : undefined
    const text = literal(other)
    const value = valueText(other)
    const share = side.column === undefined || value === undefined ? undefined : shareOf(side.column, value)
    const constant =
      text === undefined || share === undefined
        ? {}
        : { constant: { text: `${quoted(side.column?.name ?? '')} = ${text}`, share } }
    return { comparison: 'equal', operator, ...side, ...constant }
  }
  if (owners !== 'outside') return undefined
  if (/^(<|>|<=|>=)$/.test(operator)) return { comparison: 'range', operator, ...side }
  if (operator === '<>' && side.column !== undefined) {
    const [text, value] = [literal(other), valueText(other)]
    const share = value === undefined ? undefined : shareOf(side.column, value)
    if (text === undefined || share === undefined) return undefined
    const left = Math.max(0, 1 - share - side.column.nullShare)
    return { comparison: 'fixed', operator, ...side, constant: { text: `${side.key.text} <> ${text}`, share: left } }
  }
  return CONTAINS.test(operator) ? { comparison: 'contains', operator, ...side } : undefined
}

/** LIKE with a fixed beginning is a range over texts; any other needs trigrams. */
function like(operator: string, side: Side, other: Node | undefined): Condition | undefined {
  if (operator !== '~~' && operator !== '~~*') return undefined
  const pattern = stringOf(other)
  const isText = side.column === undefined || /^(text|varchar|bpchar)$/.test(side.column.type)
  if (operator === '~~*' || pattern === undefined || /^[%_]/.test(pattern) || !isText)
    return { comparison: 'contains', operator, ...side, ...(pattern === undefined ? {} : { pattern }) }
  if (!/[%_\\]/.test(pattern)) return { comparison: 'equal', operator, ...side }
  const opclass =
    side.column?.isByteOrder === true
      ? undefined
      : side.column?.type === 'bpchar'
        ? 'bpchar_pattern_ops'
        : 'text_pattern_ops'
  const key = opclass === undefined ? side.key : { ...side.key, opclass }
  return { comparison: 'prefix', operator, ...side, key, pattern }
}
