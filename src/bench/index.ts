/** The benchmark harness: scenarios, the runner, reports and saved runs. */
export { type Check, type CheckOptions, checkRun, formatCheck } from './check.js'
export {
  type Contestant,
  type ContestantContent,
  type LoadContestantContent,
  loadContestant,
  type RoundContext,
} from './contestant.js'
export { createLatencyHistogram, LATENCY_MS_MAX, type Latencies, type LatencyHistogram } from './histogram.js'
export type { Operation } from './load.js'
export { type MachineRecord, type PostgresRecord, type Queryable, readMachine } from './machine.js'
export { formatMarkdown } from './markdown.js'
export { type MeasureOptions, measure } from './measure.js'
export { type Interval, median, medianInterval, ratioSpread, type Spread, spread } from './median.js'
export { type Arrival, type ArrivalResult, type OpenLoopOptions, type OpenLoopResult, openLoop } from './open-loop.js'
export { type BenchOptions, resolveBenchOptions } from './options.js'
export { type PgbenchContestantContent, type PgbenchTimes, pgbenchContestant, runPgbench } from './pgbench.js'
export { type PgbenchServer, pgbenchServer, pgbenchVersion } from './pgbench-command.js'
export { parseLogLine, samplingRate } from './pgbench-log.js'
export { type PgbenchSummary, parsePgbenchOutput } from './pgbench-output.js'
export { formatReport, machineLines, type ReportStyle, toJson } from './report.js'
export type { ReportTable } from './report-table.js'
export type { ContestantResult } from './result.js'
export { appendRun, latestRun, RESULTS_FOLDER, readRuns } from './results.js'
export { type Run, type RunInput, type RunProgress, runScenario } from './run.js'
export { type Measure, type Outcome, readMeasure, type Sample } from './sample.js'
export type { Scenario, ScenarioContext } from './scenario.js'
export { evaluateTarget, type Metric, type Target, type TargetResult } from './target.js'
