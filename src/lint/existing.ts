import type { RangeVar } from 'libpg-query'
import type { Statement } from './sql/statement.js'

/**
 * True for a table that was there before the file ran, as far as the file tells: it is not created earlier in it. What is
 * created in the same file is empty, and nobody waits for it.
 */
export function isExisting(
  relation: RangeVar | undefined,
  statement: Statement,
  statements: readonly Statement[],
): boolean {
  if (relation?.relname === undefined || relation.relpersistence === 't') return false
  return !statements.some((each) => each.start < statement.start && creates(each, relation))
}

function creates(statement: Statement, relation: RangeVar): boolean {
  const rename = statement.is('RenameStmt')
  const renamed: RangeVar | undefined =
    rename?.renameType === 'OBJECT_TABLE' && rename.newname !== undefined ? { relname: rename.newname } : undefined
  const made = statement.is('CreateStmt')?.relation ?? statement.is('CreateTableAsStmt')?.into?.rel ?? renamed
  if (made?.relname !== relation.relname) return false
  return made?.schemaname === undefined || relation.schemaname === undefined || made.schemaname === relation.schemaname
}
