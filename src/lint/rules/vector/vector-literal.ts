import type { StatementRule } from '../../rule.js'
import { stringOf, typeName } from '../../sql/tree.js'

const VECTOR = /^\s*\[\s*-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(\s*,\s*-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)*\s*\]\s*$/i

export const vectorLiteral: StatementRule = {
  on: 'sql',
  id: 'vector-literal',
  level: 'error',
  summary: 'A constant that is no vector.',
  why: 'PostgreSQL refuses it: "invalid input syntax for type vector".',
  remedy: "Numbers in brackets: `'[0.1, 0.2, 0.3]'::vector`; best a parameter.",
  *check(statement) {
    for (const { node } of statement.all('TypeCast')) {
      if (!/^(vector|halfvec)$/.test(typeName(node.typeName))) continue
      const text = 'A_Const' in (node.arg ?? {}) ? stringOf(node.arg) : undefined
      if (text === undefined || VECTOR.test(text)) continue
      yield { at: node.location, message: `'${text.slice(0, 40)}' is no vector` }
    }
  },
}
