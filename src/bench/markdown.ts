import { CONTESTANT_HEAD, contestantCells, NONE, TARGET_HEAD, targetCells } from './cells.js'
import { machineLines } from './report.js'
import type { Run } from './run.js'

/** The run as Markdown for the README and the documents: machine, contestants, targets. Ends with a line feed. */
export function formatMarkdown(run: Run): string {
  const { rounds, warmUpMs, durationMs, rows } = run.options
  const contestants = run.contestants.map((result) =>
    result.unavailable === null
      ? contestantCells(result)
      : [
          result.name,
          String(result.callers),
          ...Array(CONTESTANT_HEAD.length - 3).fill(NONE),
          `not available: ${result.unavailable}`,
        ],
  )
  const parts = [
    `**${run.title}** (\`${run.scenario}\`, ${run.startedAt.slice(0, 10)}): ${rounds} rounds of ${durationMs} ms after ` +
      `${warmUpMs} ms of warm-up, ${rows} rows; medians of the rounds.`,
    markdownTable(CONTESTANT_HEAD, contestants),
    ...(run.targets.length > 0 ? [markdownTable(TARGET_HEAD, run.targets.map(targetCells))] : []),
    ...(run.tables ?? []).flatMap(({ title, head, rows }) => [`${title}:`, markdownTable(head, rows)]),
    machineLines(run.machine).join('; '),
  ]
  return `${parts.join('\n\n')}\n`
}

/** A table in Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/** A bar or a line feed would end the cell, and "<" before a letter begin a tag. */
export function escapeCell(cell: string): string {
  return cell
    .replaceAll('|', '\\|')
    .replaceAll(/<(?=[a-z/!])/gi, '&lt;')
    .replaceAll(/\s*\n\s*/g, ' ')
}
