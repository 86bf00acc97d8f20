import type { StatementRule } from '../../rule.js'
import { numberOf, typeName } from '../../sql/tree.js'

export const numericMeasure: StatementRule = {
  on: 'sql',
  id: 'numeric-measure',
  level: 'warning',
  summary: 'A learned or measured value (q_value, reward, score, weight) kept as numeric with few decimals.',
  why: 'Steps smaller than the last decimal vanish, so learning stops; and numeric costs two to three times as much to compute as double precision.',
  remedy: 'double precision. Keep numeric for money.',
  *check(statement) {
    for (const { node } of statement.all('ColumnDef')) {
      if (
        typeName(node.typeName) !== 'numeric' ||
        !/(^|_)(q|q_?values?|rewards?|weights?|confidence|probability|uncertainty)(_|$)/i.test(node.colname ?? '')
      )
        continue
      const scale = numberOf(node.typeName?.typmods?.[1])
      if (scale !== undefined && scale <= 10)
        yield { at: node.location, message: `steps of ${node.colname} below ${10 ** -scale} vanish` }
    }
  },
}
