import type { Node } from 'libpg-query'
import type { StatementRule } from '../../rule.js'
import { as, columnOf, lastWord, operatorOf } from '../../sql/tree.js'

export const textSearchNull: StatementRule = {
  on: 'sql',
  id: 'text-search-null',
  level: 'warning',
  summary: 'to_tsvector of columns joined by || without coalesce.',
  why: 'One null makes the whole text null: the row is found by no search.',
  remedy: "`coalesce(title, '') || ' ' || coalesce(body, '')`, best as a stored generated column of type tsvector.",
  *check(statement, { catalog }) {
    for (const { node } of statement.all('FuncCall')) {
      if (lastWord(node.funcname) !== 'to_tsvector') continue
      const text = node.args?.at(-1)
      if (operatorOf(text) !== '||') continue
      const relation = statement.is('IndexStmt')?.relation ?? statement.is('CreateStmt')?.relation
      const table = relation === undefined ? undefined : catalog.find(relation.schemaname, relation.relname ?? '')
      for (const { name, at } of bare(text)) {
        if (table?.columns.get(name)?.notNull === true || statement.routine?.variables.has(name)) continue
        yield { at, message: `a row whose ${name} is null is never found` }
      }
    }
  },
}

function bare(node: Node | undefined): { name: string; at: number | undefined }[] {
  const column = columnOf(node)
  if (column !== undefined) return [{ name: column.name, at: as(node, 'ColumnRef')?.location }]
  const expression = as(node, 'A_Expr')
  return operatorOf(node) === '||' ? [...bare(expression?.lexpr), ...bare(expression?.rexpr)] : []
}
