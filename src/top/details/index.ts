import type { Target } from '../panel.js'
import type { Reader } from '../reader.js'
import type { Detail } from './detail.js'
import { session } from './session.js'
import { statement } from './statement.js'
import { table } from './table.js'

/** What a row leads to, for a screen of so many columns; undefined for what is another panel. */
export async function readDetail(reader: Reader, target: Target, width: number): Promise<Detail | undefined> {
  if (target.kind === 'session') return await session(reader, target, width)
  if (target.kind === 'statement') return await statement(reader, target, width)
  if (target.kind === 'table') return await table(reader, target, width)
  return undefined
}
