import { parse } from '../lint/sql/parser.js'
import { as, descend } from '../lint/sql/tree.js'
import type { WorkloadStatement } from './workload.js'

/** A statement as it is planned. */
export interface PlanText {
  readonly text: string
  /** How many parameters it has. */
  readonly parameters: number
}

/**
 * A statement for the planner. The parameter of an outermost LIMIT is given its mean value, by the rows that came back, because the
 * planner would take a tenth of all rows. Undefined for what is not one statement that parses. The parser must be loaded.
 */
export function planText({ query, rows }: WorkloadStatement): PlanText | undefined {
  const parsed = parse(query)
  if ('problem' in parsed || parsed.statements.length !== 1) return undefined
  const [statement] = parsed.statements
  if (statement === undefined) return undefined
  const found: { location: number; number: number }[] = []
  for (const { kind, node } of descend(statement.kind, statement.node)) {
    if (kind !== 'ParamRef') continue
    const { location = 0, number = 0 } = node as { location?: number; number?: number }
    found.push({ location, number })
  }
  const limit = as(
    statement.kind === 'SelectStmt' ? (statement.node as { limitCount?: never }).limitCount : undefined,
    'ParamRef',
  )
  const places = found.toSorted((a, b) => b.location - a.location)
  const isReplaced =
    limit?.number !== undefined &&
    rows !== undefined &&
    found.filter(({ number }) => number === limit.number).length === 1
  const kept = [...new Set(found.map(({ number }) => number))]
    .filter((number) => !(isReplaced && number === limit?.number))
    .sort((a, b) => a - b)
  let text = query.slice(0, statement.end)
  for (const { location, number } of places) {
    const name = `$${number}`
    if (!text.startsWith(name, location)) return undefined
    const place =
      isReplaced && number === limit?.number
        ? String(Math.max(1, Math.ceil(rows ?? 1)))
        : `$${kept.indexOf(number) + 1}`
    text = text.slice(0, location) + place + text.slice(location + name.length)
  }
  return { text: text.slice(statement.start), parameters: kept.length }
}
