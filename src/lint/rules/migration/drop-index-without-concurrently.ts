import { concurrently } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import { as, words } from '../../sql/tree.js'

export const dropIndexWithoutConcurrently: StatementRule = {
  on: 'sql',
  id: 'drop-index-without-concurrently',
  level: 'warning',
  summary: 'DROP INDEX without CONCURRENTLY.',
  why: 'It takes ACCESS EXCLUSIVE on the table: it waits for every query on it, and every later query waits behind it. A query that needed the index is slow from then on.',
  remedy:
    'DROP INDEX CONCURRENTLY, outside a transaction. To exchange an index, build the new one under another name first.',
  *check(statement, { statements }) {
    const drop = statement.is('DropStmt')
    if (drop?.removeType !== 'OBJECT_INDEX' || drop.concurrent === true || !statement.runsWithFile) return
    if (statement.routine?.dynamic === true) return
    for (const each of drop.objects ?? []) {
      const name = words(as(each, 'List')?.items).at(-1)
      const isNew = statements.some((other) => other.start < statement.start && other.is('IndexStmt')?.idxname === name)
      if (isNew) continue
      // CONCURRENTLY takes one index at a time.
      const fix =
        drop.objects?.length === 1 && drop.behavior !== 'DROP_CASCADE' ? concurrently(statement, /^drop\s+index/i) : {}
      yield { message: `queries on the table of ${name} wait for the drop, and it waits for them`, ...fix }
    }
  },
}
