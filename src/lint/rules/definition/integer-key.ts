import { constraintOf } from '../../migration.js'
import type { StatementRule } from '../../rule.js'
import { typeName } from '../../sql/tree.js'

export const integerKey: StatementRule = {
  on: 'sql',
  id: 'integer-key',
  level: 'info',
  summary: 'A key from a sequence with four bytes or fewer.',
  why: 'It ends at 2,147,483,647, sooner than rows do: an upsert that updates takes a number too. Changing the type later rewrites the table.',
  remedy: 'bigint generated always as identity, or uuid (uuidv7() from 18 on).',
  *check(statement) {
    for (const { node } of statement.all('ColumnDef')) {
      const type = typeName(node.typeName)
      const isShort = /^(serial|serial4|smallserial|serial2)$/.test(type)
      const isIdentity = /^int[24]$/.test(type) && constraintOf(node, 'CONSTR_IDENTITY') !== undefined
      if (isShort || isIdentity)
        yield {
          at: node.location,
          message: `${node.colname} runs out at ${/2|small/.test(type) ? '32,767' : '2,147,483,647'}`,
        }
    }
  },
}
