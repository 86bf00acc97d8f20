import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { median } from '../../bench/median.js'
import { FleetError, isFleetError } from '../../errors.js'
import type { Fleet } from '../../fleet.js'
import type { Step } from '../../tuning/experiment.js'
import { KNOBS } from '../../tuning/knobs/index.js'
import type { Trial } from '../../tuning/trial.js'
import { createTuner, type Tuner, type TuningPlan, type TuningRound } from '../../tuning/tuner.js'
import { bar } from '../bar.js'
import { action, type Context, type Shell } from '../context.js'
import { duration } from '../durations.js'
import { EXIT } from '../failure.js'
import { decimal, minute } from '../figures.js'
import { numberBetween, wholeNumber } from '../numbers.js'
import { createProgress } from '../progress.js'
import { size } from '../sizes.js'
import { assertThere } from '../where.js'

interface TuneOptions {
  readonly apply?: boolean
  readonly once?: boolean
  readonly knob?: string[]
  readonly window?: number
  readonly settle?: number
  readonly interval?: number
  readonly keep?: string[]
  readonly recall?: number
  readonly calls?: number
  readonly coolDown?: number
  readonly memory?: number
  readonly poolerUrl?: string
}

interface ListOptions {
  readonly ofKnob?: string
  readonly limit?: number
  readonly after?: string
}

/** Knobs that a process of its own can turn: the others are of the process that tunes. */
const SHARED = KNOBS.filter(({ place }) => place !== 'process')

/** Who looks at a server, or tries one of its settings, has not asked for a schema in it. */
const AS_IT_IS = { migrate: false } as const

/** `pgfleet tune`: tries settings on live traffic, one at a time, and keeps what is better. */
export function addTune(program: Command, shell: Shell): void {
  const command = program
    .command('tune')
    .description('try settings on live traffic, one at a time; keep what is better, take the rest back')
    .option('--apply', 'do it; without this only what would be tried is said, and nothing is changed')
    .option('--once', 'one trial, and end; without this one after the other, until interrupted')
    .option('--knob <id...>', `only these: ${SHARED.map(({ id }) => id).join(', ')}`)
    .option('--window <time>', 'how long one window of measuring lasts; a trial has two or four', duration, 60_000)
    .option('--settle <time>', 'longest wait for a change to reach what is measured', duration, 300_000)
    .option('--interval <time>', 'rest between two trials', duration, 600_000)
    .option('--keep <name...>', 'leave these roles, tables or settings alone')
    .option('--recall <share>', 'share of the nearest that searches of vectors have to find', numberBetween(0.5, 1))
    .option(
      '--calls <count>',
      'calls in each window, with fewer there is no verdict',
      wholeNumber(1, 1_000_000_000),
      100,
    )
    .option('--cool-down <time>', 'how long a role or table is left alone after a trial', duration, 86_400_000)
    .option('--memory <size>', 'memory of the server’s machine, where the server cannot tell: 16GB', size)
    .option('--pooler-url <url>', 'the console of PgBouncer, as one of its admin_users')
    .addHelpText(
      'after',
      `
Each trial is a row of platform.tuning_trials, with the way back, before anything is changed. Ctrl-C takes back what is being tried;
what a lost process has left, the next start takes back.

Examples:
  pgfleet tune                               what would be tried, and what is left alone
  pgfleet tune --apply --once                one trial
  pgfleet tune --apply --interval 1h --keep billing public.orders
  pgfleet tune list
  pgfleet tune show 0198b2c4-...             what was measured, before and after
  pgfleet tune undo 0198b2c4-...

Exit codes: 0 done, kept or not; 1 another process has a trial open, or it failed; 2 wrong usage; 130 interrupted, and taken back.`,
    )
    .action(action(shell, tune))
  command.command('knobs').description('list what may be tried, within which bounds').action(action(shell, listKnobs))
  command
    .command('list')
    .description('list trials, the newest first')
    .option('--of-knob <id>', 'only of this knob')
    .option('--limit <count>', 'most trials', wholeNumber(1, 10_000), 20)
    .option('--after <id>', 'go on behind the trial with this id')
    .action(action(shell, list))
  command.command('show <id>').description('what was measured before and after').action(action(shell, show))
  command.command('undo <id>').description('take back what a trial has kept').action(action(shell, undo))
}

function tunerOf(fleet: Fleet, options: TuneOptions): Tuner {
  const { knob, window, settle, keep, recall, calls, coolDown, memory, poolerUrl } = options
  const own = knob?.find((id) => KNOBS.some((one) => one.id === id && one.place === 'process'))
  if (own !== undefined) {
    throw new FleetError('OPTIONS_INVALID', {
      message: `${own} is of the process that tunes, and this one does nothing else`,
      field: 'knob',
      hint: 'In the process that is meant: createTuner(fleet).runOnce().',
    })
  }
  return createTuner(fleet, {
    knobs: knob ?? SHARED.map(({ id }) => id),
    ...(window === undefined ? {} : { windowMs: window }),
    ...(settle === undefined ? {} : { settleMs: settle }),
    ...(keep === undefined ? {} : { keep }),
    ...(recall === undefined ? {} : { recallMin: recall }),
    ...(calls === undefined ? {} : { callsMin: calls }),
    ...(coolDown === undefined ? {} : { coolDownMs: coolDown }),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(poolerUrl === undefined ? {} : { poolerUrl }),
  })
}

async function tune(context: Context, options: TuneOptions) {
  const { terminal, signal, where } = context
  assertThere(where)
  return await context.withFleet(async (fleet) => {
    const tuner = tunerOf(fleet, options)
    if (!options.apply) {
      terminal.note(`looking for ${(options.window ?? 0) / 1000} s`)
      const plan = await tuner.plan({ signal })
      terminal.result(plan, () => [planText(context, plan), 'Nothing was changed; --apply tries the first.'].join('\n'))
      return EXIT.ok
    }
    for (;;) {
      const round = await roundOf(context, tuner, options)
      if (round !== undefined) terminal.result(round, () => roundText(context, round))
      if (options.once || signal.aborted) return signal.aborted ? EXIT.interrupted : EXIT.ok
      await sleep(options.interval, undefined, { signal }).catch(() => {})
      if (signal.aborted) return EXIT.interrupted
    }
  }, AS_IT_IS)
}

/** One trial; undefined when another process has one open, or the server is away for a while, and this one goes on later. */
async function roundOf(
  context: Context,
  tuner: Tuner,
  { once, window }: TuneOptions,
): Promise<TuningRound | undefined> {
  const { terminal, signal } = context
  terminal.note(`looking for ${(window ?? 0) / 1000} s`)
  const progress = createProgress(terminal, 'samples')
  try {
    return await tuner.runOnce({
      signal,
      onTrial: ({ scope, setting, oldValue, newValue, reason }) =>
        terminal.note(
          `trying ${setting} = ${newValue} on ${scope}, instead of ${oldValue ?? 'what holds by default'}: ${reason}`,
        ),
      onStep: (step) =>
        progress.update(step.window * step.samples + step.sample, step.windows * step.samples, PHASES[step.phase]),
    })
  } catch (error) {
    // What it has left open the next round takes back, once the hold has run out.
    if (once || signal.aborted || !isFleetError(error) || !error.retryable) throw error
    terminal.note(`${error.code}: ${error.message}`)
    return undefined
  } finally {
    progress.stop()
  }
}

const PHASES: Readonly<Record<Step['phase'], string>> = {
  without: 'without the change',
  with: 'with the change',
  settling: 'waiting until it holds',
  'rolling-back': 'taking it back',
}

async function listKnobs({ terminal }: Context) {
  const knobs = KNOBS.map(({ id, title, place, metric, guard, bounds }) => ({
    id,
    title,
    place,
    metric,
    guard,
    bounds,
  }))
  terminal.result(knobs, () =>
    knobs
      .map(({ id, title, place, metric, guard, bounds }) =>
        [
          terminal.colors.bold(id),
          `  tries    ${title}${place === 'process' ? ' (from code: createTuner)' : ''}`,
          `  within   ${bounds}`,
          `  metric   ${metric}`,
          `  guard    ${guard}`,
        ].join('\n'),
      )
      .join('\n'),
  )
  return EXIT.ok
}

async function list(context: Context, { ofKnob, limit, after }: ListOptions) {
  const { terminal } = context
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const trials = await createTuner(fleet).trials({
      ...(ofKnob === undefined ? {} : { knob: ofKnob }),
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    })
    terminal.result(trials, () =>
      trials.length === 0
        ? 'There are no trials.'
        : terminal.table(
            ['id', 'began', 'setting', 'on', 'from', 'to', 'state', '>times'],
            trials.map((one) => [
              one.id,
              minute(one.startedAt),
              one.setting,
              one.scope,
              one.oldValue ?? '-',
              one.newValue,
              `${one.state}${one.decision === null ? '' : `: ${one.decision}`}`,
              decimal(one.effect?.factor),
            ]),
          ),
    )
  }, AS_IT_IS)
  return EXIT.ok
}

async function show(context: Context, _: object, id = '') {
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const trial = await createTuner(fleet).trial(id)
    context.terminal.result(trial, () => trialText(context, trial))
  }, AS_IT_IS)
  return EXIT.ok
}

async function undo(context: Context, _: object, id = '') {
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const trial = await createTuner(fleet).undo(id)
    context.terminal.result(
      trial,
      () => `${trial.setting} of ${trial.scope} is ${trial.oldValue ?? 'as by default'} again: ${trial.undo}`,
    )
  }, AS_IT_IS)
  return EXIT.ok
}

function planText({ terminal }: Context, { proposals, left }: TuningPlan): string {
  return [
    ...(proposals.length === 0 ? ['There is nothing to try.'] : []),
    ...proposals.map(({ knob, scope, setting, oldValue, newValue, reason, apply, undo: back }, i) =>
      [
        `${i + 1}. ${terminal.colors.bold(`${setting} = ${newValue}`)} on ${scope}, instead of ${oldValue ?? 'what holds by default'} (${knob})`,
        `   why    ${reason}`,
        `   apply  ${apply}`,
        `   undo   ${back}`,
      ].join('\n'),
    ),
    ...left.map(({ knob, scope, reason }) => terminal.colors.dim(`left alone: ${scope} (${knob}): ${reason}`)),
  ].join('\n')
}

function roundText(context: Context, round: TuningRound): string {
  const { recovered, trial, proposals } = round
  return [
    ...(recovered === undefined
      ? []
      : [`Taken back: ${recovered.setting} of ${recovered.scope}: ${recovered.explanation}.`]),
    trial === undefined
      ? planText(context, round)
      : `${minute(trial.startedAt)}  ${trial.setting} = ${trial.newValue} on ${trial.scope}: ${trial.state} (${trial.decision}): ${trial.explanation}\n  ${trial.id}`,
    ...(proposals.length > 1 ? [`${proposals.length - 1} more to try.`] : []),
  ].join('\n')
}

/** The trial with its windows as bars, the largest as wide as there is room. */
function trialText({ terminal }: Context, trial: Trial): string {
  const { colors } = terminal
  const rows = trial.windows.map(({ changed, samples }) => ({
    changed,
    samples: samples.length,
    calls: samples.reduce((sum, one) => sum + one.calls, 0),
    value: median(samples.flatMap(({ value }) => (value === null ? [] : [value]))),
  }))
  const largest = Math.max(0, ...rows.map(({ value }) => value ?? 0))
  const width = Math.max(10, terminal.width - 40)
  const guards = [
    ...new Set(trial.windows.flatMap(({ samples }) => samples.flatMap((one) => one.guards.map(({ name }) => name)))),
  ]
  const effect = trial.effect
  return [
    `${colors.bold(`${trial.setting}: ${trial.oldValue ?? 'default'} → ${trial.newValue}`)} on ${trial.scope}`,
    `  ${trial.state}${trial.decision === null ? '' : ` (${trial.decision})`}${trial.explanation === null ? '' : `: ${trial.explanation}`}`,
    `  why      ${trial.reason}`,
    `  metric   ${trial.metric}; lower is better`,
    ...rows.map(({ changed, value, calls }) => {
      const drawn = bar(value ?? 0, largest, width).padEnd(width)
      const label = changed ? 'with   ' : 'without'
      return `  ${label}  ${changed ? colors.green(drawn) : drawn} ${value === null ? '-' : Number(value.toPrecision(3))}  ${Math.round(calls)} calls`
    }),
    ...(effect === null
      ? []
      : [
          `  effect   ${decimal(effect.factor)} times, between ${decimal(effect.low)} and ${Number.isFinite(effect.high) ? decimal(effect.high) : 'anything'}`,
        ]),
    ...guards.map((name) => `  guard    ${guardText(trial, name)}`),
    `  apply    ${trial.apply}`,
    `  undo     ${trial.undo}`,
    `  by       ${trial.login}, ${trial.holder}, ${trial.startedAt.toISOString()}${trial.endedAt === null ? '' : ` to ${trial.endedAt.toISOString()}`}`,
    ...(trial.undoneAt === null ? [] : [`  undone   ${trial.undoneAt.toISOString()} by ${trial.undoneBy}`]),
  ].join('\n')
}

/** The worst that a guard came to with the change, and where it would have been broken. */
function guardText(trial: Trial, name: string): string {
  const all = trial.windows
    .filter(({ changed }) => changed)
    .flatMap(({ samples }) => samples.flatMap(({ guards }) => guards))
  const own = all.filter((one) => one.name === name)
  const [first] = own
  if (first === undefined) return `${name} was not looked at with the change`
  const values = own.map(({ value }) => value)
  const worst = first.isFloor ? Math.min(...values) : Math.max(...values)
  return `${name} ${Number(worst.toPrecision(4))} at worst, ${first.isFloor ? 'not below' : 'not above'} ${Number(first.limit.toPrecision(4))}`
}
