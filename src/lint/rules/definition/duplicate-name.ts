import type { StatementRule } from '../../rule.js'
import { as, words } from '../../sql/tree.js'

export const duplicateName: StatementRule = {
  on: 'sql',
  id: 'duplicate-name',
  level: 'error',
  summary: 'A table or index that a file creates twice under one name.',
  why: 'The second fails ("already exists"), or with IF NOT EXISTS is quietly never made.',
  remedy: 'Give each its own name.',
  *check(statement, { statements }) {
    if (statement.routine?.dynamic === true || statement.routine !== undefined) return
    const name =
      nameOf(statement.is('IndexStmt')?.idxname, statement.is('IndexStmt')?.relation?.schemaname) ??
      nameOf(statement.is('CreateStmt')?.relation?.relname, statement.is('CreateStmt')?.relation?.schemaname)
    if (name === undefined) return
    let isThere = false
    for (const other of statements) {
      if (other.start >= statement.start) break
      if (other.routine !== undefined) continue
      const index = other.is('IndexStmt')
      const made =
        nameOf(index?.idxname, index?.relation?.schemaname) ??
        nameOf(other.is('CreateStmt')?.relation?.relname, other.is('CreateStmt')?.relation?.schemaname)
      if (made === name) isThere = true
      const isDropped = (other.is('DropStmt')?.objects ?? []).some(
        (each) => words(as(each, 'List')?.items).at(-1) === name.replace(/^.*\./, ''),
      )
      if (isDropped || other.is('RenameStmt') !== undefined || other.is('DropOwnedStmt') !== undefined) isThere = false
      if (other.is('DropStmt')?.removeType === 'OBJECT_SCHEMA') isThere = false
    }
    const at = statement.is('IndexStmt')?.relation?.location ?? statement.is('CreateStmt')?.relation?.location
    if (isThere) yield { at, message: `${name.replace(/^\./, '')} is created a second time` }
  },
}

const nameOf = (name: string | undefined, schema: string | undefined) =>
  name === undefined ? undefined : `${schema ?? ''}.${name}`
