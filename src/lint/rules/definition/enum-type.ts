import type { StatementRule } from '../../rule.js'

export const enumType: StatementRule = {
  on: 'sql',
  id: 'enum-type',
  level: 'info',
  summary: 'A type of enumerated values.',
  why: 'Values can be added, and never removed or put in another order; a new one cannot be used in the transaction that adds it.',
  remedy:
    'text with a check constraint, which can be exchanged NOT VALID; or a table of the values with a foreign key.',
  *check(statement) {
    const create = statement.is('CreateEnumStmt')
    if (create !== undefined) yield { message: 'no value can be taken back' }
  },
}
