import type { StatementRule } from '../../rule.js'
import { relationsOf } from '../../sql/scope.js'
import { as, type Visited } from '../../sql/tree.js'

/** Types whose values are kept out of line when they are large. */
const WIDE: ReadonlySet<string> = new Set(['json', 'jsonb', 'bytea', 'xml', 'tsvector', 'vector', 'halfvec'])

export const selectStar: StatementRule = {
  on: 'sql',
  id: 'select-star',
  level: 'info',
  summary: '`select *` from a table.',
  why: 'It fetches columns that nobody reads, large values from their TOAST tables too, rules out index-only scans, and changes its result when a column is added.',
  remedy: 'Name the columns.',
  *check(statement, { catalog }) {
    if (statement.routine?.dynamic === true) return
    for (const select of statement.all('SelectStmt')) {
      // What a subquery reads is what the query around it asks for; INSERT takes the columns of what it copies.
      let top: Visited | undefined = select
      while (top?.kind === 'SelectStmt' && (top === select || top.role === 'larg')) top = top.parent
      if (top !== undefined && top.kind !== 'ViewStmt') continue
      for (const target of select.node.targetList ?? []) {
        const reference = as(as(target, 'ResTarget')?.val, 'ColumnRef')
        const fields = reference?.fields ?? []
        if (!fields.some((field) => 'A_Star' in field)) continue
        const alias = fields.length > 1 ? as(fields.at(-2), 'String')?.sval : undefined
        const tables = relationsOf(select, catalog).filter(
          ({ range, name }) =>
            range !== undefined && !/^pg_/.test(range.relname ?? '') && (alias === undefined || name === alias),
        )
        if (tables.length === 0) continue
        const wide = tables.flatMap(({ table }) =>
          [...(table?.columns.values() ?? [])].filter(({ type }) => WIDE.has(type)),
        )
        const at = reference?.location
        // In a routine the row goes into a variable or a result of that very row type.
        if (wide.length === 0 || statement.routine !== undefined)
          yield { at, message: `every column of ${tables[0]?.range?.relname} is read` }
        else {
          const names = wide.map(({ name, type }) => `${name} (${type})`).join(', ')
          yield {
            at,
            level: 'warning',
            message: `every column of ${tables[0]?.range?.relname} is read, among them ${names}`,
          }
        }
      }
    }
  },
}
