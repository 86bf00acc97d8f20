import type { StatementRule } from '../../rule.js'
import { numberOf, typeName } from '../../sql/tree.js'

export const textHash: StatementRule = {
  on: 'sql',
  id: 'text-hash',
  level: 'info',
  summary: 'A hash kept as hexadecimal text.',
  why: 'Twice the bytes in the table and in every index.',
  remedy: 'bytea, or uuid for 128 bits.',
  *check(statement) {
    for (const { node } of statement.all('ColumnDef')) {
      const length = numberOf(node.typeName?.typmods?.[0])
      if (!/(^|_)(hash|digest|checksum|sha\d*|md5)$/i.test(node.colname ?? '')) continue
      if (!/^(bpchar|varchar)$/.test(typeName(node.typeName)) || ![32, 40, 56, 64, 96, 128].includes(length ?? 0))
        continue
      yield { at: node.location, message: `${node.colname} takes ${length} bytes where ${(length ?? 0) / 2} hold it` }
    }
  },
}
