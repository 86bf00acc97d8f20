import { alterations, constraintOf } from '../../migration.js'
import type { StatementRule } from '../../rule.js'

export const addColumnNotNull: StatementRule = {
  on: 'sql',
  id: 'add-column-not-null',
  level: 'error',
  summary: 'ADD COLUMN … NOT NULL without a default.',
  why: 'It fails when the table has a row.',
  remedy:
    'Give a constant default, or add the column nullable, fill it, and set it NOT NULL by way of a validated check.',
  *check(statement, surroundings) {
    for (const { command, column, table, at } of alterations(statement, surroundings)) {
      if (command.subtype !== 'AT_AddColumn' || constraintOf(column, 'CONSTR_NOTNULL') === undefined) continue
      const isFilled = (['CONSTR_DEFAULT', 'CONSTR_GENERATED', 'CONSTR_IDENTITY'] as const).some(
        (kind) => constraintOf(column, kind) !== undefined,
      )
      const type = column?.typeName?.names?.at(-1)
      const isSerial = type !== undefined && 'String' in type && /serial/.test(type.String.sval ?? '')
      if (!isFilled && !isSerial) {
        yield { at, message: `the rows of ${table.relname} have no value for ${column?.colname}` }
      }
    }
  },
}
