import type { Command } from 'commander'
import {
  appendRun,
  type BenchOptions,
  checkRun,
  formatCheck,
  formatMarkdown,
  formatReport,
  type Run,
  runScenario,
} from '../../bench/index.js'
import { SCENARIOS } from '../../bench/scenarios/index.js'
import { FleetError } from '../../errors.js'
import { monitor } from '../bench/monitor.js'
import { top } from '../bench/top.js'
import { type BenchDatabase, createBenchDatabase } from '../bench-database.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { createProgress } from '../progress.js'
import { hasColors } from '../terminal.js'

interface BenchCommandOptions {
  readonly rounds?: number
  readonly duration?: number
  readonly warmUp?: number
  readonly rows?: number
  readonly callers?: number
  readonly cacheUrl?: string
  readonly check?: boolean
  readonly allowUnmeasured?: boolean
  readonly save?: boolean
  readonly markdown?: boolean
}

/** The library's scenarios, and those of commands that watch. */
const ALL = [...SCENARIOS, monitor, top]

/** `pgfleet bench`: measures, and compares with the targets of the source documents. */
export function addBench(program: Command, shell: Shell): void {
  program
    .command('bench [scenario]')
    .description('run a benchmark, or all of a family (memory); without a name, list them')
    .option('--rounds <count>', 'how often each contestant runs (default: 5)', wholeNumber(1, 99))
    .option('--duration <ms>', 'how long each is measured in a round (default: 5000)', wholeNumber(1, 3_600_000))
    .option('--warm-up <ms>', 'how long each runs uncounted before (default: 1000)', wholeNumber(0, 600_000))
    .option('--rows <count>', 'rows that the scenario prepares', wholeNumber(1, 100_000_000))
    .option('--callers <count>', 'concurrent callers (default: 18)', wholeNumber(1, 1000))
    .option('--cache-url <url>', 'Valkey or Redis to compare with, redis://… (default: CACHE_URL)')
    .option('--check', 'exit with 1 when a target is short or unmeasured')
    .option('--allow-unmeasured', 'with --check: let targets pass that this machine cannot measure')
    .option('--save', 'append the run to bench/results/SCENARIO.jsonl')
    .option('--markdown', 'print Markdown')
    .addHelpText(
      'after',
      `
Without --url, DATABASE_URL or --data-dir the embedded database of a temporary directory is measured.

Examples:
  pgfleet bench
  pgfleet bench learning --rounds 3 --duration 2000
  pgfleet bench learning --url postgres://localhost/bench --check --save`,
    )
    .action(action(shell, run))
}

async function run(context: Context, options: BenchCommandOptions, name?: string) {
  const { terminal } = context
  if (name === undefined) {
    const known = ALL.map(({ name, title, description, targets }) => ({
      name,
      title,
      description,
      targets: targets.length,
    }))
    terminal.result(known, () => formatList(context, known))
    return EXIT.ok
  }
  const runs: Run[] = []
  for (const scenario of scenariosOf(name)) {
    const found = await measure(context, scenario, options)
    runs.push(found)
    if (options.save) terminal.note(`Saved in ${await appendRun(found)}.`)
  }
  terminal.result(runs.length === 1 ? runs[0] : runs, () =>
    runs
      .map((found) =>
        options.markdown ? formatMarkdown(found).trimEnd() : formatReport(found, { color: hasColors(process.stdout) }),
      )
      .join('\n\n'),
  )
  const checks = runs.map((found) => checkRun(found, { allowUnmeasured: options.allowUnmeasured ?? false }))
  if (!options.check || checks.every((check) => check.passed)) return EXIT.ok
  for (const check of checks) if (!check.passed) terminal.note(formatCheck(check))
  return EXIT.failed
}

/** The scenario of that name, else those of the family: `memory` runs every `memory-…`. */
function scenariosOf(name: string): typeof ALL {
  const one = ALL.filter((scenario) => scenario.name === name)
  const found = one.length > 0 ? one : ALL.filter((scenario) => scenario.name.startsWith(`${name}-`))
  if (found.length === 0) {
    throw new FleetError('INPUT_INVALID', {
      message: `there is no scenario "${name}"; known are ${ALL.map((one) => one.name).join(', ')}`,
      hint: 'List them with `pgfleet bench`.',
      field: 'scenario',
    })
  }
  return found
}

async function measure(
  { where, terminal, signal }: Context,
  scenario: (typeof ALL)[number],
  options: BenchCommandOptions,
): Promise<Run> {
  const { rounds, duration: durationMs, warmUp: warmUpMs, rows, callers } = options
  const sizes: { [option in keyof BenchOptions]?: number | undefined } = { rounds, durationMs, warmUpMs, rows, callers }
  const progress = createProgress(terminal, scenario.name)
  let database: BenchDatabase | undefined
  try {
    database = await createBenchDatabase(where, options.cacheUrl ?? (process.env.CACHE_URL || null))
    return await runScenario(scenario, {
      subject: database.subject,
      database,
      options: sizes,
      signal,
      onProgress: ({ message, done, total }) => progress.update(done, total, message),
    })
  } finally {
    progress.stop()
    await database?.close()
  }
}

function formatList(
  { terminal }: Context,
  known: readonly { name: string; title: string; description: string }[],
): string {
  const { bold, dim } = terminal.colors
  return [
    ...known.map(({ name, title, description }) => `${bold(name)}  ${title}\n${dim(`  ${description}`)}`),
    'Run one with `pgfleet bench SCENARIO`.',
  ].join('\n')
}
