import type { StatementRule } from '../../rule.js'
import { lastWord } from '../../sql/tree.js'

export const enumValue: StatementRule = {
  on: 'sql',
  id: 'enum-value-used',
  level: 'error',
  summary: 'A value of an enum that is used in the transaction that adds it.',
  why: 'PostgreSQL refuses it: "unsafe use of new value"; others could not read it if the transaction rolled back.',
  remedy: 'Add the value in a migration of its own.',
  *check(statement, { statements }) {
    const added = statement.is('AlterEnumStmt')
    if (added?.newVal === undefined || added.oldVal !== undefined || statement.transaction !== 'inside') return
    const type = lastWord(added.typeName)
    const isNew = statements.some(
      (other) => other.start < statement.start && lastWord(other.is('CreateEnumStmt')?.typeName) === type,
    )
    if (isNew) return
    for (const other of statements) {
      if (other.start <= statement.start || other.routine !== undefined) continue
      const use = other.all('A_Const').find(({ node }) => node.sval?.sval === added.newVal)
      if (use !== undefined) {
        yield {
          at: use.node.location,
          message: `'${added.newVal}' was added to ${type} in this transaction and cannot be used yet`,
        }
        return
      }
    }
  },
}
