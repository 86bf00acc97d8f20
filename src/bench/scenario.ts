import type { Contestant } from './contestant.js'
import type { BenchOptions } from './options.js'
import type { ReportTable } from './report-table.js'
import type { Target } from './target.js'

/** What a scenario is given. `Subject` is whatever the one who starts the run and the scenario agreed on: a fleet, urls. */
export interface ScenarioContext<Subject> {
  readonly subject: Subject
  readonly options: BenchOptions
  /** Fires when the run is aborted. While tearing down it fires after a minute instead. */
  readonly signal: AbortSignal
  /** Tells the one who watches what is being done, in a few words. */
  progress(message: string): void
}

/**
 * A benchmark: what is prepared, who competes, and which figures of the source documents are to be met. Methods run in
 * the order setUp, contestants, (the rounds), tearDown; tearDown runs always, also when setUp failed half-way.
 */
export interface Scenario<Subject, State = unknown> {
  /** Lower-case letters, digits and "-", at most 60; also the name of the file of saved runs. */
  readonly name: string
  readonly title: string
  /** What is measured, on which data, in a few sentences. */
  readonly description: string
  /** Sizes that differ from the defaults; the caller's own options outrank them. */
  readonly options?: Partial<BenchOptions>
  readonly targets: readonly Target[]
  /** Prepares the data; what it returns is handed to the other two. */
  setUp(context: ScenarioContext<Subject>): Promise<State>
  /** The contestants, in the order of the first round. Put rivals side by side: they then run within seconds. */
  contestants(context: ScenarioContext<Subject>, state: State): readonly Contestant[]
  /** Further tables for the report, after the last round. */
  tables?(state: State): readonly ReportTable[]
  /** Removes what setUp made; `state` is undefined when setUp failed. */
  tearDown(context: ScenarioContext<Subject>, state: State | undefined): Promise<void>
}
