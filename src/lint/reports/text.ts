import type { LintReport } from '../lint.js'
import type { Level, Located } from '../rule.js'

/** How to paint; each function gets a text and gives it back with its colours, or as it is. */
export interface Paint {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  yellow(text: string): string
  cyan(text: string): string
}

/** Counts that the report tells besides its findings. */
export interface Shown {
  /** Findings at or above this level are printed. */
  readonly level: Level
  /** Columns of the terminal. */
  readonly width: number
  readonly paint: Paint
}

const RANK: Readonly<Record<Level, number>> = { error: 0, warning: 1, info: 2 }

/** True for a level that is at least as bad as another. */
export function isAtLeast(level: Level, least: Level): boolean {
  return RANK[level] <= RANK[least]
}

/** The report for people: a block a finding, and a line that sums up. */
export function textReport(report: LintReport, { level, width, paint }: Shown): string {
  const shown = report.findings.filter(({ finding }) => isAtLeast(finding.level, level))
  const colour = { error: paint.red, warning: paint.yellow, info: paint.cyan }
  const blocks = shown.map((each) => block(each, width, paint, colour[each.finding.level]))
  return [...blocks, summary(report, level)].join('\n')
}

function block({ finding }: Located, width: number, paint: Paint, colour: (text: string) => string): string {
  const { path, line, column, level, rule, message, remedy, excerpt } = finding
  const number = String(line)
  const gutter = ' '.repeat(number.length)
  const { text, caret } = window(excerpt, column, width - number.length - 5)
  return [
    `${paint.bold(`${path}:${line}:${column}`)}  ${colour(level)}  ${rule}`,
    ...wrapped(message, width, '  '),
    `  ${paint.dim(`${number} |`)} ${text}`,
    `  ${paint.dim(`${gutter} |`)} ${' '.repeat(caret)}${colour('^')}`,
    ...wrapped(remedy, width, '  ').map((each) => paint.dim(each)),
    '',
  ].join('\n')
}

/** The part of a line that fits, with the column in it. */
function window(line: string, column: number, width: number): { text: string; caret: number } {
  const clean = line.replaceAll('\t', ' ').replaceAll(/[\p{Cc}]/gu, '·')
  const indent = /^ */.exec(clean)?.[0].length ?? 0
  const at = Math.max(0, Math.min(column - 1, clean.length))
  const from = at - indent < width - 10 ? Math.min(indent, at) : at - Math.floor(width / 2)
  const part = clean.slice(from, from + width)
  const text = `${from > indent ? '…' : ''}${from > indent ? part.slice(1) : part}`
  return { text: from + width < clean.length ? `${text.slice(0, width - 1)}…` : text, caret: at - from }
}

/** Breaks a text into lines. */
export function wrapped(text: string, width: number, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length + 1 > width && line.trim() !== '') {
      lines.push(line)
      line = indent
    }
    line += line.trim() === '' ? word : ` ${word}`
  }
  return line.trim() === '' ? lines : [...lines, line]
}

const several = (count: number, one: string) => `${count} ${one}${count === 1 ? '' : 's'}`

/** What was found, in one line. */
export function summary(report: LintReport, level: Level): string {
  const count = (of: Level) => report.findings.filter(({ finding }) => finding.level === of).length
  const shown = (['error', 'warning', 'info'] as const).filter((of) => isAtLeast(of, level))
  const found = shown
    .filter((of) => count(of) > 0)
    .map((of) => (of === 'info' ? `${count(of)} info` : several(count(of), of)))
  const hidden = (['warning', 'info'] as const).filter((of) => !isAtLeast(of, level) && count(of) > 0)
  return [
    `${found.length === 0 ? 'Nothing found' : found.join(', ')} in ${several(report.files, 'file')}, ${several(report.statements, 'statement')}.`,
    ...(report.suppressed.length > 0 ? [`${report.suppressed.length} suppressed.`] : []),
    ...(hidden.length > 0
      ? [`Not shown: ${hidden.map((of) => `${count(of)} ${of}`).join(', ')} (--level ${hidden.at(-1)}).`]
      : []),
  ].join(' ')
}
