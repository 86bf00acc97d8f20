import type { Command } from 'commander'
import type { Tenant } from '../../fleet.js'
import {
  type History,
  ORDERS,
  type OrderName,
  type ReplayOptions,
  type ReplayResult,
  readHistory,
  replay,
  type Scores,
} from '../../replay/index.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { count, decimal, seconds } from '../figures.js'
import { numberBetween, wholeNumber, wholeNumbers } from '../numbers.js'
import { createProgress } from '../progress.js'
import { describeWhere } from '../where.js'

interface ReplayCommandOptions {
  readonly seeds?: number[]
  readonly epsilon?: number
  readonly windows?: number
  readonly shrinkage?: number
  readonly agentType?: string
  readonly scope?: string
  readonly strict?: boolean
  readonly tenant: string
}

/** A replay with what its reading said. */
export interface ReplayRun extends ReplayResult {
  readonly file: string
  readonly tenant: string
  readonly seconds: number
  readonly skipped: number
  readonly badLines: History['badLines']
}

/** `pgfleet replay`: what learning would bring to a test history. */
export function addReplay(program: Command, shell: Shell): void {
  program
    .command('replay <history>')
    .description('replay a CI history: agents learn which tests to run first')
    .option('--tenant <id>', 'where it learns; created when it is not there', 'replay')
    .option('--agent-type <name>', 'whose values are used (default: test-executor)')
    .option('--seeds <list>', 'seeds of exploration and of the random order (default: 1,2,3,4,5)', wholeNumbers)
    .option('--epsilon <share>', 'share of places given to a test at random (default: 0.02)', numberBetween(0, 1))
    .option('--windows <cycles>', 'cycles to a line of the result (default: 50)', wholeNumber(1))
    .option('--shrinkage <visits>', 'visits at which a view counts half (default: 2)', numberBetween(1e-9, 1e9))
    .option('--scope <name>', 'go on with the values of an earlier replay (default: new ones)')
    .option('--strict', 'stop at the first line that cannot be read, instead of skipping it')
    .addHelpText(
      'after',
      `
HISTORY is a RETECS CSV file (columns Name, Duration, Verdict, Cycle), or a directory of JUnit XML
files in which each file or sub-directory is a cycle. Before each cycle the agent orders its tests by
what it learned from earlier ones; the order is scored by NAPFD, 0 to 1, more is better.

Examples:
  pgfleet replay history.csv
  pgfleet replay junit-reports/ --windows 10
  pgfleet replay history.csv --url postgres://localhost/app --tenant acme --json`,
    )
    .action(action(shell, run))
}

async function run(context: Context, options: ReplayCommandOptions, file = '') {
  const { terminal, signal } = context
  // Read first: a wrong path needs no database.
  const history = await readHistory(file, { strict: options.strict ?? false, signal })
  noteBadLines(context, history)
  const found = await context.withFleet(async (fleet) => {
    await fleet.tenants.create({ id: options.tenant }, { ifNotExists: true })
    return await replayHistory(context, fleet.tenant(options.tenant), file, history, options)
  })
  terminal.result(found, () => formatReplay(context, found))
  return EXIT.ok
}

/** Replays with a progress bar. */
export async function replayHistory(
  { terminal, signal }: Context,
  tenant: Tenant,
  file: string,
  history: History,
  options: Partial<ReplayCommandOptions>,
): Promise<ReplayRun> {
  const { seeds, epsilon, windows: windowCycles, shrinkage, agentType, scope } = options
  const chosen = { seeds, epsilon, windowCycles, shrinkage, agentType, scope }
  const given = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined)) as ReplayOptions
  const progress = createProgress(terminal, 'replay')
  const startedAt = performance.now()
  try {
    const result = await replay(history, tenant.learning, {
      ...given,
      signal,
      onProgress({ done, total, scores }) {
        const { learned, random } = scores.napfd
        progress.update(done, total, `NAPFD ${decimal(learned.at50, 3)}, random ${decimal(random.at50, 3)}`)
      },
    })
    const { skipped, badLines } = history
    return { file, tenant: tenant.id, seconds: (performance.now() - startedAt) / 1000, skipped, badLines, ...result }
  } finally {
    progress.stop()
  }
}

/** Tells which lines could not be read: the first ten, and how many there are. */
export function noteBadLines({ terminal }: Context, { skipped, badLines }: History): void {
  if (skipped === 0) return
  const lines = badLines.slice(0, 10).map(({ file, line, column, reason }) => {
    const place = line === undefined ? file : `${file}:${line}`
    return `  ${place}: ${column === undefined ? '' : `${column}: `}${reason}`
  })
  const more = skipped - lines.length
  terminal.note(
    [
      terminal.colors.yellow(`Skipped ${count(skipped)} ${skipped === 1 ? 'line' : 'lines'} that cannot be read:`),
      ...lines,
      ...(more > 0 ? [`  and ${count(more)} more`] : []),
    ].join('\n'),
  )
}

const HEADS: Record<OrderName, string> = {
  learned: '>learned',
  random: '>random',
  given: '>given',
  recentFailures: '>fails',
  recentVerdicts: '>verdicts',
  oracle: '>oracle',
}

/** Two tables, one for each budget of time. */
export function formatReplay({ terminal, where }: Context, run: ReplayRun): string {
  const { bold, dim } = terminal.colors
  const table = (at: 'at50' | 'at100') =>
    terminal.table(
      ['cycles', '>failing', ...ORDERS.map((order) => HEADS[order])],
      [
        ...run.windows.map((window) => scoreCells(terminal.colors, `${window.from}-${window.to}`, window, at)),
        scoreCells(terminal.colors, bold('last third'), run.lastThird, at),
        scoreCells(terminal.colors, bold('overall'), run.overall, at),
      ],
    )
  const { cycles } = run.overall
  return [
    `${bold(run.file)}: ${count(cycles)} cycles, ${count(run.runs)} runs of ${count(run.tests)} tests`,
    bold('NAPFD with half of the time'),
    table('at50'),
    bold('NAPFD with all of the time'),
    table('at100'),
    dim('failing: cycles with a failure, over which the means are taken; fails: what failed last'),
    dim('comes first; verdicts: by the latest verdicts; oracle: knows the outcome. Best in bold.'),
    `${count(run.states)} states looked up and ${count(run.experiences)} learned in ${seconds(run.seconds)}`,
    dim(`tenant ${run.tenant} of ${describeWhere(where)}, scope ${run.scope}`),
  ].join('\n')
}

function scoreCells(
  colors: Context['terminal']['colors'],
  label: string,
  scores: Scores,
  at: 'at50' | 'at100',
): string[] {
  const best = Math.max(...ORDERS.filter((order) => order !== 'oracle').map((order) => scores.napfd[order][at] ?? -1))
  return [
    label,
    count(scores.cyclesWithFailure),
    ...ORDERS.map((order) => {
      const value = scores.napfd[order][at]
      const cell = decimal(value, 3)
      return order !== 'oracle' && value === best ? colors.bold(cell) : cell
    }),
  ]
}
