import type { StatementRule } from '../../rule.js'
import { conditionsOf, relationOfColumn, relationsOf } from '../../sql/scope.js'
import { as, columnOf, lastWord, operatorOf, stringOf, typeName } from '../../sql/tree.js'

export const unindexableCondition: StatementRule = {
  on: 'sql',
  id: 'unindexable-condition',
  level: 'warning',
  summary:
    'A condition that no index can decide: a function or cast around an indexed column, LIKE with a leading %, similarity() compared to a number.',
  why: 'The index is on the column, not on what the function makes of it: every row is read.',
  remedy:
    'Compare the bare column with a range, or index the expression. For LIKE a trigram index; for similarity the operator % with pg_trgm.similarity_threshold.',
  *check(statement, { catalog }) {
    if (statement.routine?.dynamic === true) return
    for (const kind of ['SelectStmt', 'UpdateStmt', 'DeleteStmt'] as const) {
      for (const query of statement.all(kind)) {
        const relations = relationsOf(query, catalog)
        for (const condition of conditionsOf(query)) {
          const expression = as(condition, 'A_Expr')
          if (expression === undefined) continue
          const { lexpr, rexpr, location } = expression
          const operator = operatorOf(condition) ?? ''
          const call = as(lexpr, 'FuncCall') ?? as(rexpr, 'FuncCall')
          if (/^(word_|strict_word_)?similarity$/.test(lastWord(call?.funcname)) && /^[<>]=?$/.test(operator)) {
            yield {
              at: call?.location,
              message: 'no trigram index serves a comparison of similarity(): the operator % does',
            }
            continue
          }
          const pattern = stringOf(rexpr)
          if (
            (expression.kind === 'AEXPR_LIKE' || expression.kind === 'AEXPR_ILIKE') &&
            pattern !== undefined &&
            /^[%_]/.test(pattern)
          ) {
            const column = columnOf(lexpr)
            const table = column === undefined ? undefined : relationOfColumn(column, relations, statement)?.table
            const hasTrigrams = table?.indexes.some((index) => index.classes.some((each) => /trgm/.test(each ?? '')))
            // A few rows of the system catalogue are no matter.
            const isSystem = relations.every(({ range }) => /^(pg_|information_schema)/.test(range?.relname ?? ''))
            if (hasTrigrams !== true && !isSystem && relations.some(({ range }) => range !== undefined)) {
              yield {
                at: location,
                level: 'info',
                message: `a pattern that begins with ${pattern[0]} needs a trigram index`,
              }
            }
            continue
          }
          if (!/^(=|<|>|<=|>=)$/.test(operator)) continue
          const wrapped = as(lexpr, 'TypeCast')
          const inner = wrapped === undefined ? onlyColumn(as(lexpr, 'FuncCall')) : columnOf(wrapped.arg)
          if (inner === undefined) continue
          const table = relationOfColumn(inner, relations, statement)?.table
          const isIndexed = table?.indexes.some((index) => index.columns[0] === inner.name)
          const isExpression = table?.indexes.some((index) => index.expressionColumns.includes(inner.name))
          // A cast to the column's own kind changes nothing: text for varchar.
          if (
            wrapped !== undefined &&
            !/^(date|text|varchar|int4|int8|timestamp|timestamptz)$/.test(typeName(wrapped.typeName))
          )
            continue
          if (wrapped !== undefined && /^(text|varchar|name|citext)$/.test(table?.columns.get(inner.name)?.type ?? ''))
            continue
          if (isIndexed === true && isExpression !== true) {
            yield { at: location, message: `the index on ${inner.name} cannot be used for what is made of it here` }
          }
        }
      }
    }
  },
}

function onlyColumn(call: ReturnType<typeof as<'FuncCall'>>) {
  const columns = (call?.args ?? []).flatMap((each) => columnOf(each) ?? [])
  // Aggregates and window functions are no condition on a row.
  return columns.length === 1 && call?.over === undefined ? columns[0] : undefined
}
