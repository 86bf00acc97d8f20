import { throwIfAborted } from './abort.js'
import { type MachineRecord, type Queryable, readMachine } from './machine.js'
import { checkNames } from './names.js'
import { type BenchOptions, resolveBenchOptions } from './options.js'
import type { ReportTable } from './report-table.js'
import { type ContestantResult, summarize } from './result.js'
import { runRounds } from './rounds.js'
import type { Scenario, ScenarioContext } from './scenario.js'
import { settle } from './settle.js'
import { evaluateTarget, type TargetResult } from './target.js'

/** How far a run is. `done` and `total` count measures; `message` says what is being done. */
export interface RunProgress {
  readonly message: string
  readonly done: number
  readonly total: number
}

/** What a run is started with. */
export interface RunInput<Subject> {
  /** Handed to the scenario as it is. */
  readonly subject: Subject
  readonly options?: { readonly [name in keyof BenchOptions]?: number | undefined }
  /** Where the server's version, settings and vacuums are looked at; without it the record has none, and nobody waits. */
  readonly database?: Queryable
  readonly signal?: AbortSignal
  onProgress?(progress: RunProgress): void
}

/** A finished run: everything that is printed, saved and checked, as plain data. */
export interface Run {
  /** Version of this shape. */
  readonly format: 1
  readonly scenario: string
  readonly title: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  /** From beginning to end, with set-up and warm-ups. */
  readonly seconds: number
  readonly options: BenchOptions
  readonly machine: MachineRecord
  /** The names in the order in which they ran, for each round. */
  readonly order: readonly (readonly string[])[]
  readonly contestants: readonly ContestantResult[]
  readonly targets: readonly TargetResult[]
  /** What the scenario adds; left out when that is nothing. */
  readonly tables?: readonly ReportTable[]
}

/** How long tearing down may take before its signal fires, in milliseconds. */
const TEAR_DOWN_MS = 60_000

/**
 * Runs a scenario: set up, then `rounds` times every contestant once, in reverse order every other round so that whoever
 * comes second inherits the state of the first as often as the other way round, then tear down (always).
 */
export async function runScenario<Subject, State>(
  scenario: Scenario<Subject, State>,
  input: RunInput<Subject>,
): Promise<Run> {
  const options = resolveBenchOptions(input.options, scenario.options)
  const startedAt = new Date()
  const signal = input.signal ?? new AbortController().signal
  throwIfAborted(signal)
  let progress: RunProgress = { message: 'setting up', done: 0, total: 0 }
  const tell = (change: Partial<RunProgress>) => {
    progress = { ...progress, ...change }
    input.onProgress?.(progress)
  }
  const context: ScenarioContext<Subject> = {
    subject: input.subject,
    options,
    signal,
    progress: (message) => tell({ message }),
  }
  let state: State | undefined
  try {
    tell({})
    state = await scenario.setUp(context)
    const contestants = scenario.contestants(context, state)
    checkNames(scenario.name, contestants, scenario.targets)
    const { order, samples, absences } = await runRounds(contestants, options, signal, tell, () =>
      settle(input.database, signal),
    )
    const results = contestants.map((one) => summarize(one, samples, absences))
    const tables = scenario.tables?.(state)
    return {
      format: 1,
      scenario: scenario.name,
      title: scenario.title,
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1000,
      options,
      machine: await readMachine(input.database),
      order,
      contestants: results,
      targets: scenario.targets.map((target) => evaluateTarget(target, results)),
      ...(tables === undefined ? {} : { tables }),
    }
  } finally {
    tell({ message: 'tearing down' })
    await scenario.tearDown({ ...context, signal: AbortSignal.timeout(TEAR_DOWN_MS) }, state)
  }
}
