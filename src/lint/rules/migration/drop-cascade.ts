import type { StatementRule } from '../../rule.js'
import { as, words } from '../../sql/tree.js'

const KINDS: Readonly<Record<string, string>> = {
  OBJECT_SCHEMA: 'schema',
  OBJECT_TABLE: 'table',
  OBJECT_TYPE: 'type',
  OBJECT_EXTENSION: 'extension',
  OBJECT_SEQUENCE: 'sequence',
}

export const dropCascade: StatementRule = {
  on: 'sql',
  id: 'drop-cascade',
  level: 'error',
  summary: 'DROP SCHEMA, TABLE, TYPE or EXTENSION … CASCADE, DROP OWNED, DROP DATABASE, TRUNCATE … CASCADE.',
  why: 'Whatever depends on it goes too, with its rows and without a list: a schema takes all its tables, an extension the columns of its types. It is no way back from a migration.',
  remedy:
    'Name what is to go, and let the rest refuse. To undo a migration write its opposite; to have data back restore to a point in time.',
  *check(statement) {
    if (statement.routine?.dynamic === true) return
    const drop = statement.is('DropStmt')
    const kind = KINDS[drop?.removeType ?? '']
    if (drop?.behavior === 'DROP_CASCADE' && kind !== undefined) {
      const names = (drop.objects ?? []).map(
        (each) => as(each, 'String')?.sval ?? words(as(each, 'List')?.items).join('.'),
      )
      yield {
        message: `everything that depends on the ${kind} ${names.join(', ')} is dropped with it`.replace(' ,', ','),
      }
    }
    if (statement.is('DropOwnedStmt') !== undefined) yield { message: 'everything that the role owns is dropped' }
    if (statement.is('DropdbStmt') !== undefined)
      yield { message: `the database ${statement.is('DropdbStmt')?.dbname} is dropped` }
    if (statement.is('TruncateStmt')?.behavior === 'DROP_CASCADE') {
      yield { message: 'every table with a foreign key to it is emptied too' }
    }
  },
}
