import type { Document } from './document.js'
import type { Source } from './source.js'

/** A comment that asks to be silent about rules. */
export interface Suppression {
  readonly rules: readonly string[]
  /** Empty when none is given: then it suppresses nothing. */
  readonly reason: string
  /** Offset of the comment. */
  readonly at: number
  /** Lines that it covers, both included. */
  readonly from: number
  readonly to: number
}

const MARKS = { sql: '--|/\\*', ts: '//|/\\*|--', 'postgresql.conf': '#', 'pgbouncer.ini': '[;#]' } as const

/**
 * The suppressions of a document: `-- pgfleet-lint ignore RULE, RULE: REASON` covers the statement, string or setting in
 * which, on whose line or before which it stands; `ignore-file` covers the file.
 */
export function suppressionsOf(document: Document): Suppression[] {
  const { source } = document
  const comment = new RegExp(
    `(^|\\s)(?:${MARKS[source.kind]})[ \\t]*pgfleet-lint[ \\t]+ignore(-file)?[ \\t]+([\\w-]+(?:[ \\t]*,[ \\t]*[\\w-]+)*)[ \\t]*(?::[ \\t]*([^\\n]*?))?[ \\t]*(?:\\*/)?[ \\t]*\\r?$`,
    'gm',
  )
  const units = unitsOf(document)
  return [...source.text.matchAll(comment)].map((match) => {
    const [, before = '', file, rules = '', reason = ''] = match
    const at = match.index + before.length
    const range = file === undefined ? covered(source, units, at) : { from: 1, to: source.lineCount }
    return { rules: rules.split(',').map((each) => each.trim()), reason: reason.trim(), at, ...range }
  })
}

interface Lines {
  readonly from: number
  readonly to: number
}

function unitsOf({ source, statements, settings }: Document): Lines[] {
  const lines = (start: number, end: number) => ({
    from: source.position(start).line,
    to: source.position(Math.max(start, end - 1)).line,
  })
  return [
    ...statements.map((each) => lines(each.start, each.end)),
    ...(settings?.source === source ? settings.entries.map((each) => lines(each.at, each.valueEnd)) : []),
  ].sort((a, b) => a.from - b.from || b.to - a.to)
}

function covered(source: Source, units: readonly Lines[], at: number): Lines {
  const { line, column } = source.position(at)
  const around = units.findLast((each) => each.from <= line && each.to >= line)
  const isAlone =
    source
      .line(line)
      .slice(0, column - 1)
      .trim() === ''
  if (!isAlone) return around ?? { from: line, to: line }
  const next = units.find((each) => each.from > line && (around === undefined || each.to <= around.to))
  // Programs have code between their strings, about which rules may speak too.
  if (source.kind === 'ts') return { from: line, to: next !== undefined && next.from <= line + 3 ? next.to : line + 1 }
  return next ?? around ?? { from: line, to: line + 1 }
}
