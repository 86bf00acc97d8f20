import type { Command } from 'commander'
import {
  createDemoTenant,
  type DemoResult,
  measureOperations,
  type OperationFigure,
  runDemo,
} from '../../demo/index.js'
import { FleetError } from '../../errors.js'
import type { Fleet } from '../../fleet.js'
import { readHistory } from '../../replay/index.js'
import { action, type Context, type Shell } from '../context.js'
import { createDemoScreen } from '../demo-screen.js'
import { directoryBytes } from '../directory-size.js'
import { EXIT } from '../failure.js'
import { bytes, count, decimal, percent, seconds } from '../figures.js'
import { inspect } from '../inspection.js'
import { wholeNumber } from '../numbers.js'
import { describeWhere, whereOptions } from '../where.js'
import { formatReplay, noteBadLines, type ReplayRun, replayHistory } from './replay.js'

interface DemoCommandOptions {
  readonly seed: number
  readonly episodes: number
  readonly measure: number
}

/** What `--json` prints. */
interface DemoRun {
  readonly tenant: string
  readonly engine: string
  readonly database: string
  readonly databaseBytes: number
  readonly demo: DemoResult | null
  readonly replay: ReplayRun | null
  readonly operations: readonly OperationFigure[]
  readonly seconds: number
}

/** `pgfleet demo`: 18 agents learn at once, and are compared with the best there is. */
export function addDemo(program: Command, shell: Shell): void {
  program
    .command('demo [history]')
    .description('watch 18 agents learn, for half a minute; or replay your test history')
    .option('--seed <number>', 'the same seed learns the same', wholeNumber(0, 1_000_000), 1)
    .option('--episodes <count>', 'episodes of each agent', wholeNumber(1, 100_000), 500)
    .option('--measure <ms>', 'how long each operation is measured', wholeNumber(1, 60_000), 800)
    .addHelpText(
      'after',
      `
The agents bring changes through a small pipeline (test, fix, deploy or hold) whose best policy is known
exactly. Each demo works in a fresh tenant: demo-1, demo-2, ... With HISTORY (a RETECS CSV file or a
directory of JUnit XML files) the agents learn from your own tests instead.

Examples:
  pgfleet demo
  pgfleet demo --seed 7 --data-dir /tmp/fleet
  pgfleet demo history.csv --url postgres://localhost/app`,
    )
    .action(action(shell, run))
}

async function run(context: Context, options: DemoCommandOptions, file?: string) {
  const { terminal, signal, where } = context
  const startedAt = performance.now()
  const history = file === undefined ? undefined : await readHistory(file, { signal })
  if (history !== undefined) noteBadLines(context, history)
  terminal.note(terminal.colors.dim(`Opening ${describeWhere(where)} ...`))
  const found = await context.withFleet(async (fleet): Promise<DemoRun> => {
    const tenant = await createDemoTenant(fleet)
    terminal.note(terminal.colors.dim(`The agents work in tenant ${tenant}.`))
    const replay =
      file === undefined || history === undefined
        ? null
        : await replayHistory(context, fleet.tenant(tenant), file, history, { seeds: [1, 2, 3, 4, 5] })
    const demo = replay === null ? await learn(context, fleet, tenant, options) : null
    const operations = await measure(context, fleet, tenant, options.measure)
    const { engine, databaseBytes } = await inspect(fleet.database)
    const size = fleet.isEmbedded && where.dataDir !== undefined ? await directoryBytes(where.dataDir) : 0
    return {
      tenant,
      engine,
      database: describeWhere(where),
      databaseBytes: size || databaseBytes,
      demo,
      replay,
      operations,
      seconds: (performance.now() - startedAt) / 1000,
    }
  })
  if (signal.aborted) throw new FleetError('ABORTED', { message: 'interrupted' })
  terminal.result(found, () => format(context, found))
  return EXIT.ok
}

async function learn(context: Context, fleet: Fleet, tenant: string, { seed, episodes }: DemoCommandOptions) {
  const screen = createDemoScreen(context.terminal)
  try {
    return await runDemo(fleet, tenant, { seed, episodes, signal: context.signal, onProgress: screen.update })
  } finally {
    screen.end()
  }
}

async function measure({ terminal, signal }: Context, fleet: Fleet, tenant: string, durationMs: number) {
  const { learning } = fleet.tenant(tenant)
  const types = (await learning.agentTypes.list()).map(({ agentType }) => agentType)
  return await measureOperations(learning, types, {
    durationMs,
    signal,
    onOperation: (name) => terminal.note(terminal.colors.dim(`Measuring ${name} ...`)),
  })
}

function format(context: Context, run: DemoRun): string {
  const { bold, dim } = context.terminal.colors
  const parts = ['']
  if (run.demo !== null) parts.push(formatLearned(context, run.demo))
  if (run.replay !== null) parts.push(formatReplay(context, run.replay))
  const npx = `npx pgfleet`
  const where = whereOptions(context.where)
  parts.push(
    '',
    bold(`Operations of ${run.engine} on this machine, 18 callers`),
    formatOperations(context, run.operations),
    dim('In brackets what the source document states. `pgfleet bench` measures with care.'),
    '',
    `Everything is in ${bold(run.database)} (${bytes(run.databaseBytes)}),`,
    `tenant ${bold(run.tenant)}; ${seconds(run.seconds)} in all. Another demo takes another tenant.`,
    'Try next:',
    `  ${npx} status --tenant ${run.tenant}${where}`,
    `  ${npx} replay HISTORY.csv${where}    your own test history`,
    `  ${npx} bench learning`,
  )
  return parts.join('\n')
}

function formatLearned({ terminal }: Context, demo: DemoResult): string {
  const { bold, dim, green } = terminal.colors
  const table = terminal.table(
    ['agent', '>episodes', '>first', '>last', '>learned', '>of optimum'],
    demo.agents.map((agent) => [
      agent.agentType,
      count(agent.episodes),
      decimal(agent.firstReward),
      decimal(agent.lastReward),
      decimal(agent.learnedReward),
      percent(agent.ofOptimum),
    ]),
  )
  const { statistics } = demo
  const share = (reward: number) => percent(reward / demo.optimalReward, 1)
  return [
    bold('Mean reward of an episode'),
    table,
    dim('first, last: 100 episodes while learning, exploration included'),
    dim('learned: what is known at the end, without exploration, over 30,000 episodes'),
    '',
    `  at random          ${decimal(demo.randomReward)}  ${share(demo.randomReward)} of the optimum`,
    `  learned, mean      ${bold(decimal(demo.learnedReward))}  ${bold(green(percent(demo.ofOptimum, 1)))}`,
    `  a newcomer         ${decimal(demo.newcomerReward)}  ${share(demo.newcomerReward)}  knows nothing, asks the fleet`,
    `  optimum, exact     ${decimal(demo.optimalReward)}  value iteration, ${demo.states} states, ${demo.stateActions} actions`,
    '',
    `${count(demo.updates)} updates, ${count(statistics.trajectories)} trajectories and ${count(demo.patterns)} patterns in ${seconds(demo.seconds)};`,
    `${count(statistics.qValues)} Q-values; ${percent(statistics.successRate)} of all changes were deployed well.`,
  ].join('\n')
}

function formatOperations({ terminal }: Context, operations: readonly OperationFigure[]): string {
  const { green, yellow } = terminal.colors
  const cell = (value: number | null, wanted: number, isMet: boolean, show: (value: number) => string) =>
    value === null ? '-' : `${(isMet ? green : yellow)(show(value))} (${show(wanted)})`
  const ms = (value: number) => decimal(value, 1)
  return terminal.table(
    ['operation', '>a second', '>p50 ms', '>p99 ms', '>errors'],
    operations.map(({ operation, perSecond, p50Ms, p99Ms, errors, target }) => [
      operation,
      cell(perSecond, target.perSecond, perSecond >= target.perSecond, count),
      cell(p50Ms, target.p50Ms, (p50Ms ?? 0) <= target.p50Ms, ms),
      cell(p99Ms, target.p99Ms, (p99Ms ?? 0) <= target.p99Ms, ms),
      count(errors),
    ]),
  )
}
