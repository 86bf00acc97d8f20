import type { Connection as PoolConnection } from '../../database/connections.js'
import { isLoss, reasonOf } from '../../doctor/refusal.js'
import { isFleetError } from '../../errors.js'
import { findProblems } from '../../explain/problems/index.js'
import { explain } from '../../explain/run.js'
import { treeView } from '../../explain/views/tree.js'
import { loadParser } from '../../lint/sql/parser.js'
import type { Reader } from '../reader.js'
import type { ReadDetail, Section } from './detail.js'

/** Milliseconds that planning may take. */
const PLAN_TIMEOUT_MS = 2000

const plain = (text: string) => text
const PLAIN = { bold: plain, dim: plain, red: plain, yellow: plain, cyan: plain }

/** A statement with its whole text, its numbers and its plan, which is not run. */
export const statement: ReadDetail<'statement'> = async (reader, { key, fields, text }, width) => ({
  title: `statement ${key.split('/')[1] ?? key}`,
  fields,
  sections: [{ title: 'statement', lines: text.split('\n'), wraps: true }, await planOf(reader, text, width)],
})

/** Its plan for any parameters; where there is none, why. */
async function planOf(reader: Reader, text: string, width: number): Promise<Section> {
  const title = 'plan, for any parameters; not run'
  try {
    await loadParser()
    const plan = await reader.lend((connection) => {
      const query = async (sql: string) => ({ rows: await connection.query(sql) })
      return explain({ query } as unknown as PoolConnection, text, { timeoutMs: PLAN_TIMEOUT_MS })
    })
    return { title, lines: treeView(plan, findProblems(plan), { width, paint: PLAIN }).split('\n'), wraps: false }
  } catch (error) {
    if (isFleetError(error, 'DATABASE_UNEXAMINED') || isLoss(error)) throw error
    return { title, lines: [`none: ${isFleetError(error) ? error.message : reasonOf(error)}`], wraps: true }
  }
}
