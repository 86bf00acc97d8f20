import type { StatementRule } from '../../rule.js'

export const writeWithoutWhere: StatementRule = {
  on: 'sql',
  id: 'write-without-where',
  level: 'warning',
  summary: 'UPDATE or DELETE without WHERE.',
  why: 'It is rarely meant. Where it is, every row is rewritten in one transaction: a table of dead rows, and nobody else writes meanwhile.',
  remedy: 'Say which rows; for all of them work in batches by key, or TRUNCATE.',
  *check(statement, { statements }) {
    if (statement.routine?.dynamic === true) return
    for (const kind of ['UpdateStmt', 'DeleteStmt'] as const) {
      for (const { node } of statement.all(kind)) {
        if (node.whereClause !== undefined || node.relation?.relpersistence === 't') continue
        // What is joined to says which rows.
        if (
          ('fromClause' in node && (node.fromClause?.length ?? 0) > 0) ||
          ('usingClause' in node && (node.usingClause?.length ?? 0) > 0)
        )
          continue
        const isNew = statements.some(
          (other) =>
            other.start < statement.start && other.is('CreateStmt')?.relation?.relname === node.relation?.relname,
        )
        if (isNew) continue
        yield {
          at: node.relation?.location,
          message: `every row of ${node.relation?.relname} is ${kind === 'UpdateStmt' ? 'updated' : 'deleted'}`,
        }
      }
    }
  },
}
