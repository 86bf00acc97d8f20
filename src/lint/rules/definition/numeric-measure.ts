import type { StatementRule } from '../../rule.js'
import { numberOf, typeName } from '../../sql/tree.js'

const MEASURE = /(^|_)(q|q_?values?|rewards?|weights?|confidence|probability|uncertainty)(_|$)/i

export const numericMeasure: StatementRule = {
  on: 'sql',
  id: 'numeric-measure',
  level: 'warning',
  summary: 'A learned or measured value (q_value, reward, score, weight) kept as numeric with few decimals.',
  why: 'Steps smaller than the last decimal vanish, so learning stops; and numeric costs two to three times as much to compute as double precision.',
  remedy: 'double precision. Keep numeric for money.',
  *check(statement) {
    const columns = statement
      .all('ColumnDef')
      .map(({ node }) => ({ name: node.colname ?? '', type: node.typeName, at: node.location }))
    const parameters = statement
      .all('FunctionParameter')
      .map(({ node }) => ({ name: node.name ?? '', type: node.argType, at: node.argType?.location }))
    for (const { name, type, at } of [...columns, ...parameters]) {
      if (typeName(type) !== 'numeric' || !MEASURE.test(name)) continue
      const scale = numberOf(type?.typmods?.[1])
      if (scale !== undefined && scale <= 10) yield { at, message: `steps of ${name} below ${10 ** -scale} vanish` }
    }
  },
}
