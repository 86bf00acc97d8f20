import { alterations, constraintOf } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import { volatileCall } from '../../server/volatility.js'

export const addColumnDefault: StatementRule = {
  on: 'sql',
  id: 'add-column-volatile-default',
  level: 'error',
  summary: 'ADD COLUMN whose default is volatile, or that is stored and generated, or serial.',
  why: 'Every row gets a value of its own, so the whole table is rewritten under ACCESS EXCLUSIVE: nobody reads or writes until it is done.',
  remedy: 'Add the column without a default, set the default for new rows, and fill the old rows in batches.',
  *check(statement, surroundings) {
    for (const { command, column, table, at } of alterations(statement, surroundings)) {
      if (command.subtype !== 'AT_AddColumn' || column === undefined) continue
      const call = volatileCall(constraintOf(column, 'CONSTR_DEFAULT')?.raw_expr, surroundings.catalog)
      if (call?.volatility === 'volatile') {
        yield { at: call.location, message: `${call.name} is volatile: ${table.relname} is rewritten` }
      }
      const type = column.typeName?.names?.at(-1)
      const isSerial = type !== undefined && 'String' in type && /serial/.test(type.String.sval ?? '')
      if (isSerial || constraintOf(column, 'CONSTR_IDENTITY') !== undefined) {
        yield { at, message: `the new column takes its values from a sequence: ${table.relname} is rewritten` }
      }
      const generated = constraintOf(column, 'CONSTR_GENERATED')
      // From 18 on a column is virtual unless STORED is said.
      if (generated !== undefined && generated.generated_kind !== 'v') {
        yield { at, message: `the new column is stored and generated: ${table.relname} is rewritten` }
      }
    }
  },
}
