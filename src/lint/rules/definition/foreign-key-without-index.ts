import type { Constraint } from 'libpg-query'
import type { StatementRule } from '../../rule.js'
import { as, words } from '../../sql/tree.js'

export const foreignKeyWithoutIndex: StatementRule = {
  on: 'sql',
  id: 'foreign-key-without-index',
  level: 'info',
  summary: 'A foreign key whose columns lead no index of their table.',
  why: 'A DELETE of a row that is referred to, or an update of its key, reads the whole table; so does a join from that side.',
  remedy: 'An index that begins with the columns of the key, unless rows that are referred to are never deleted.',
  *check(statement, { catalog }) {
    const relation = statement.is('CreateStmt')?.relation ?? statement.is('AlterTableStmt')?.relation
    if (relation?.relname === undefined || statement.routine !== undefined) return
    const table = catalog.find(relation.schemaname, relation.relname)
    if (table === undefined) return
    for (const { node, parent, role } of statement.all('Constraint')) {
      if (node.contype !== 'CONSTR_FOREIGN') continue
      const column =
        role === 'constraints' && parent?.kind === 'ColumnDef'
          ? as({ ColumnDef: parent.node } as never, 'ColumnDef')?.colname
          : undefined
      const columns = column === undefined ? columnsOf(node) : [column]
      const isLed = table.indexes.some(
        (index) =>
          index.partial !== true && columns.every((name) => index.columns.slice(0, columns.length).includes(name)),
      )
      if (columns.length > 0 && !isLed) {
        yield { at: node.location, message: `no index of ${table.name} begins with ${columns.join(', ')}` }
      }
    }
  },
}

const columnsOf = (constraint: Constraint) => words(constraint.fk_attrs)
