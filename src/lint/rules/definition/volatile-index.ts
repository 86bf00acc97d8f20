import type { Node } from 'libpg-query'
import type { StatementRule } from '../../rule.js'
import { volatileCall } from '../../server/volatility.js'
import { as } from '../../sql/tree.js'

export const volatileIndex: StatementRule = {
  on: 'sql',
  id: 'volatile-index',
  level: 'error',
  summary: 'A function that is not immutable in an index, or in a generated column.',
  why: 'PostgreSQL refuses it ("functions in index predicate must be marked IMMUTABLE"): the index would not change when the clock does.',
  remedy: "Use a static predicate (`status = 'active'`) and put the time into the key, or partition by time.",
  *check(statement, { catalog }) {
    const index = statement.is('IndexStmt')
    const parts: { node: Node | undefined; where: string }[] = []
    if (index !== undefined) {
      parts.push({ node: index.whereClause, where: "the index's predicate" })
      for (const each of index.indexParams ?? [])
        parts.push({ node: as(each, 'IndexElem')?.expr, where: "the index's key" })
    }
    for (const { node } of statement.all('Constraint')) {
      if (node.contype === 'CONSTR_GENERATED') parts.push({ node: node.raw_expr, where: 'a generated column' })
      if (node.contype === 'CONSTR_EXCLUSION')
        parts.push({ node: node.where_clause, where: "the constraint's predicate" })
    }
    for (const { node, where } of parts) {
      const call = volatileCall(node, catalog)
      if (call !== undefined)
        yield { at: call.location, message: `${call.name} is ${call.volatility}, and ${where} has to be immutable` }
    }
  },
}
