import Table from 'cli-table3'
import picocolors from 'picocolors'
import { CONTESTANT_HEAD, contestantCells, TARGET_HEAD, targetCells } from './cells.js'
import type { MachineRecord } from './machine.js'
import type { ContestantResult } from './result.js'
import type { Run } from './run.js'

/** How a report looks. */
export interface ReportStyle {
  /** Colours by terminal codes. @default false */
  color?: boolean
}

/** Cells of the table of targets are wrapped beyond this, in characters. */
const CELL_WIDTH_MAX = 36

type Colors = ReturnType<typeof picocolors.createColors>

/** The run as text for a terminal: machine, contestants, targets. Ends without a line feed. */
export function formatReport(run: Run, { color = false }: ReportStyle = {}): string {
  const colors = picocolors.createColors(color)
  const { rounds, warmUpMs, durationMs, rows } = run.options
  const title = `${colors.bold(run.title)} ${colors.dim(`(${run.scenario}, ${run.startedAt})`)}`
  const size = `${rounds} rounds of ${warmUpMs} ms warm-up and ${durationMs} ms measured, ${rows} rows; medians of rounds`
  const parts = [
    title,
    colors.dim(machineLines(run.machine).join('\n')),
    colors.dim(size),
    contestantTable(run, colors),
  ]
  if (run.targets.length > 0) parts.push(targetTable(run, colors))
  for (const { title, head, rows } of run.tables ?? []) {
    const table = new Table({ head: [...head], style: { head: [], border: [] } })
    for (const cells of rows) table.push([...cells])
    parts.push(colors.bold(title), table.toString())
  }
  return parts.join('\n')
}

/** The run as plain data for `--json`, on one line; `JSON.parse` of it is the run again. */
export function toJson(run: Run): string {
  return JSON.stringify(run)
}

/** The machine in two or three short lines. */
export function machineLines(machine: MachineRecord): string[] {
  const { cpu, cores, memoryGb, kernel, node, pgfleet, commit, pgbench, postgres } = machine
  const server = postgres
    ? [
        `PostgreSQL ${postgres.version}: ${Object.entries(postgres.settings)
          .filter(([, setting]) => setting !== '')
          .map(([name, setting]) => `${name}=${setting}`)
          .join(', ')}`,
      ]
    : []
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${kernel}`,
    `pgfleet ${pgfleet}${commit ? ` (${commit})` : ''}, Node ${node}, ${pgbench ?? 'no pgbench'}`,
    ...server,
  ]
}

function contestantTable(run: Run, colors: Colors): string {
  const table = new Table({
    head: CONTESTANT_HEAD,
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'left', 'right'],
    style: { head: [], border: [] },
  })
  for (const result of run.contestants) {
    if (result.unavailable === null) table.push(paintErrors(contestantCells(result), result, colors))
    else
      table.push([
        result.name,
        { colSpan: CONTESTANT_HEAD.length - 1, content: colors.yellow(`not available: ${result.unavailable}`) },
      ])
  }
  return table.toString()
}

function paintErrors(cells: string[], result: ContestantResult, colors: Colors): string[] {
  return result.errors === 0 ? cells : cells.with(-1, colors.red(cells.at(-1) ?? ''))
}

function targetTable(run: Run, colors: Colors): string {
  const rows = run.targets.map(targetCells)
  const table = new Table({
    head: TARGET_HEAD,
    colWidths: TARGET_HEAD.map((head, column) => 2 + widest([head, ...rows.map((cells) => cells[column] ?? '')])),
    wordWrap: true,
    style: { head: [], border: [] },
  })
  const paint = { met: colors.green, short: colors.red, unmeasured: colors.yellow }
  for (const [index, { verdict }] of run.targets.entries()) {
    const cells = rows[index] ?? []
    table.push(cells.with(-1, paint[verdict](cells.at(-1) ?? '')))
  }
  return table.toString()
}

/** The width that holds the longest cell, up to the width at which sentences are wrapped. */
function widest(cells: readonly string[]): number {
  return Math.min(CELL_WIDTH_MAX, Math.max(...cells.map((cell) => cell.length)))
}
