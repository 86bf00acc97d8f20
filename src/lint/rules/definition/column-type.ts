import type { StatementRule } from '../../rule.js'
import { typeName, words } from '../../sql/tree.js'

const TYPES: Readonly<Record<string, string>> = {
  bpchar: 'char(n) pads with blanks, which comparisons ignore: use text with a check',
  timestamp: 'timestamp without time zone is no moment: use timestamptz',
  timetz: 'timetz has an offset but no date, so summer time cannot be told: use timestamptz or time',
  money: 'money depends on lc_monetary: use numeric',
  json: 'json is parsed anew at each access and cannot be indexed: use jsonb',
}

export const columnType: StatementRule = {
  on: 'sql',
  id: 'column-type',
  level: 'info',
  summary: 'A column of a type with a better one beside it: char(n), timestamp, timetz, money, json.',
  why: 'They are kept for the SQL standard and for old programs, and surprise.',
  remedy: 'Take the type that the message names.',
  *check(statement) {
    for (const { node, parent } of statement.all('ColumnDef')) {
      if (parent?.kind === 'RangeFunction' || parent?.kind === 'AlterTableCmd' || statement.kind === 'SelectStmt')
        continue
      // An internal "char" is one byte and fine.
      const advice = words(node.typeName?.names).includes('char') ? undefined : TYPES[typeName(node.typeName)]
      if (advice !== undefined) yield { at: node.typeName?.location ?? node.location, message: advice }
    }
  },
}
