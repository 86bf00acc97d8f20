import type { ProgramRule } from '../../rule.js'
import { calledName, isNode } from '../../typescript/program.js'

/** Options of the pools of Knex and tarn, which node-postgres takes without a word and ignores. */
const FOREIGN =
  /^(acquireTimeoutMillis|createTimeoutMillis|destroyTimeoutMillis|reapIntervalMillis|createRetryIntervalMillis|acquireConnectionTimeout|evictionRunIntervalMillis|connectionLimit|queueLimit|waitForConnections|poolSize)$/

export const poolOption: ProgramRule = {
  on: 'ts',
  id: 'pool-option',
  level: 'warning',
  summary: 'An option of another library in the settings of a node-postgres pool.',
  why: 'It is ignored: there is no limit on how long a caller waits for a connection.',
  remedy:
    'connectionTimeoutMillis, idleTimeoutMillis, max, maxUses, maxLifetimeSeconds; query_timeout and statement_timeout for statements.',
  *check(program) {
    // Knex itself takes them.
    if (
      /\bfrom ['"](knex|tarn|mysql2?|typeorm|sequelize)|require\(['"](knex|tarn|mysql2?|typeorm|sequelize)/.test(
        program.source.text,
      )
    )
      return
    for (const { node, parent } of program.places) {
      if (node.type !== 'ObjectExpression' || parent === undefined) continue
      const isPool = parent.node.type === 'NewExpression' && calledName(parent.node.callee) === 'Pool'
      const name =
        parent.node.type === 'VariableDeclarator' && isNode(parent.node.id) ? String(parent.node.id.name) : ''
      if (!isPool && !/pool(config|options|settings)?$/i.test(name)) continue
      for (const property of node.properties as unknown[]) {
        const key = isNode(property) && isNode(property.key) ? property.key : undefined
        if (FOREIGN.test(String(key?.name ?? '')))
          yield { at: key?.start, message: `node-postgres does not know ${key?.name}` }
      }
    }
  },
}
