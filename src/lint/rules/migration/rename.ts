import { isExisting } from '../../existing.js'
import type { StatementRule } from '../../rule.js'

export const rename: StatementRule = {
  on: 'sql',
  id: 'rename',
  level: 'warning',
  summary: 'A table or column that is renamed.',
  why: 'Programs that run while it is deployed know the old name, or the new one, and fail.',
  remedy: 'Keep the old name reachable until no program uses it: a view of the old name, or a second column.',
  *check(statement, { statements }) {
    const change = statement.is('RenameStmt')
    if (change === undefined || !statement.runsWithFile || statement.routine?.dynamic === true) return
    const isTable = change.renameType === 'OBJECT_TABLE'
    if (!isTable && !(change.renameType === 'OBJECT_COLUMN' && change.relationType === 'OBJECT_TABLE')) return
    if (!isExisting(change.relation, statement, statements)) return
    // Two tables that change places in one transaction: the name stays taken.
    if (isTable && statements.some((each) => each.is('RenameStmt')?.newname === change.relation?.relname)) return
    const what = isTable ? change.relation?.relname : `${change.relation?.relname}.${change.subname}`
    yield { at: change.relation?.location, message: `whoever still says ${what} fails` }
  },
}
