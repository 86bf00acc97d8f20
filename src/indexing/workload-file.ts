import { FleetError } from '../errors.js'
import { readScript } from '../lint/sql/script.js'
import type { Workload, WorkloadStatement } from './workload.js'

/** What can be planned. */
const PLANNED = /^(SelectStmt|InsertStmt|UpdateStmt|DeleteStmt|MergeStmt)$/

/** Larger files are no workloads. */
const CHARACTERS_MAX = 4_000_000
const STATEMENTS_MAX = 2000

/**
 * Reads a workload: SQL statements, each ended by a semicolon, and before each what is known of it in comments: `-- calls: 1200`,
 * `-- mean: 3.5 ms`, `-- role: app`. The parser must be loaded. Errors: OPTIONS_INVALID with the line.
 */
export function parseWorkload(text: string, file: string): Workload {
  const refuse = (offset: number, message: string) =>
    new FleetError('OPTIONS_INVALID', {
      message: `${file}, line ${text.slice(0, offset).split('\n').length}: ${message}`,
      field: 'workload',
      hint: 'A workload is SQL: statements ended by semicolons, with -- calls: 1200 and -- mean: 3.5 ms before those of which it is known.',
    })
  if (text.length > CHARACTERS_MAX) throw refuse(0, 'the file is larger than 4 MB')
  const { statements, problems } = readScript(text)
  const [problem] = problems
  if (problem !== undefined) throw refuse(problem.offset, problem.message)
  if (statements.length > STATEMENTS_MAX) throw refuse(0, `more than ${STATEMENTS_MAX} statements`)
  let end = 0
  const read = statements.map(({ kind, start, end: stop }): WorkloadStatement => {
    const before = text.slice(end, start)
    end = stop
    if (!PLANNED.test(kind)) throw refuse(start, 'only select, insert, update, delete and merge have plans')
    const calls = numberIn(before, /^\s*--\s*calls:\s*(\d+(?:\.\d+)?)\s*$/m)
    const mean = numberIn(before, /^\s*--\s*mean:\s*(\d+(?:\.\d+)?)\s*ms\s*$/m)
    const role = /^\s*--\s*role:\s*(\S+)\s*$/m.exec(before)?.[1]
    return {
      query: text.slice(start, stop),
      calls,
      milliseconds: mean === undefined ? undefined : mean * (calls ?? 1),
      ...(role === undefined ? {} : { role }),
    }
  })
  if (read.length === 0) throw refuse(0, 'there is no statement in it')
  return { source: 'file', statements: read, since: undefined, hidden: 0, seldom: 0 }
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}
