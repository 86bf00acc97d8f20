import type { StatementRule } from '../../rule.js'
import { as } from '../../sql/tree.js'

export const indexBreaksHot: StatementRule = {
  on: 'sql',
  id: 'index-breaks-hot',
  level: 'warning',
  summary: 'An index that holds a column which the linted statements count up, or compute anew, all the time.',
  why: 'An update that changes an indexed column is not HOT: it writes a new entry into every index of the table, and leaves a dead row for vacuum.',
  remedy:
    'Leave the column out of the index: find the few rows by the other columns and sort them, and give the table a fillfactor of 70 to 80.',
  *check(statement, { counted, catalog }) {
    const index = statement.is('IndexStmt')
    // A BRIN index does not stand in the way since 16, and a unique one has to be.
    if (
      index === undefined ||
      index.unique === true ||
      index.accessMethod === 'brin' ||
      statement.routine?.dynamic === true
    )
      return
    const table = index.relation?.relname ?? ''
    const keys = [...(index.indexParams ?? []), ...(index.indexIncludingParams ?? [])]
    const [first] = keys
    for (const each of keys) {
      const key = as(each, 'IndexElem')
      const type = catalog.find(index.relation?.schemaname, table)?.columns.get(key?.name ?? '')?.type
      // States and times are set when something happens; numbers are counted all the time.
      if (
        type === undefined
          ? !/value|score|count|reward|visits/i.test(key?.name ?? '')
          : !/^(int[248]|float[48]|numeric|serial\d?)$/.test(type)
      )
        continue
      // As the first key it is what the index is for.
      if (key?.name === undefined || each === first || !counted.has(`${table}.${key.name}`)) continue
      yield { at: index.relation?.location, message: `every update of ${key.name} writes all indexes of ${table}` }
    }
  },
}
