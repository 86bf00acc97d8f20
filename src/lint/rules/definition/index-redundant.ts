import type { Index } from '../../catalog/catalog.js'
import { indexOf } from '../../catalog/changes.js'
import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const indexRedundant: StatementRule = {
  on: 'sql',
  id: 'index-redundant',
  level: 'warning',
  summary: 'An index whose columns are the first columns of another one.',
  why: 'The longer index serves the same queries; each index costs every insert and every update that is not HOT.',
  remedy: 'Leave it away, unless it is much smaller and much used.',
  *check(statement, { catalog }) {
    const created = statement.is('IndexStmt')
    if (
      created === undefined ||
      created.whereClause !== undefined ||
      created.unique === true ||
      statement.routine?.dynamic
    )
      return
    if ((created.indexIncludingParams?.length ?? 0) > 0 || created.accessMethod !== 'btree') return
    const keys = (created.indexParams ?? []).map((each) => as(each, 'IndexElem'))
    if (keys.some((key) => key?.ordering === 'SORTBY_DESC' || key?.collation !== undefined)) return
    const table = catalog.find(created.relation?.schemaname, created.relation?.relname ?? '')
    const own = indexOf(created)
    const other = table?.indexes.find((each) => each.name !== own.name && covers(each, own))
    if (other !== undefined) {
      yield {
        at: created.relation?.location,
        message: `${other.name === '' ? 'the key of the table' : other.name} begins with the same columns`,
      }
    }
  },
}

function covers(longer: Index, shorter: Index): boolean {
  if (longer.partial || longer.method !== 'btree' || longer.columns.length < shorter.columns.length) return false
  // Of two equal ones that are not unique, the first stays.
  if (longer.columns.length === shorter.columns.length && !longer.unique) return false
  return shorter.columns.every(
    (column, i) => column !== undefined && column === longer.columns[i] && shorter.classes[i] === longer.classes[i],
  )
}
