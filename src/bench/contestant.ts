import type { Operation } from './load.js'
import { measure } from './measure.js'
import type { Outcome, Sample } from './sample.js'

/** What a contestant is told for one round. */
export interface RoundContext {
  /** 0 for the first round. */
  readonly round: number
  readonly warmUpMs: number
  readonly durationMs: number
  /** Fires when the run is aborted. */
  readonly signal: AbortSignal
}

/** One of the ways to do the same work that a scenario compares. */
export interface Contestant {
  /** Unique within the scenario; targets name it. */
  readonly name: string
  /** `pgfleet`: calls of this library, made in this process. `pgbench`: the same work sent by the program pgbench. */
  readonly kind: 'pgfleet' | 'pgbench'
  /** Concurrent callers or clients. */
  readonly callers: number
  /** Name of the contestant to whose throughput this one's is compared in the report; give it a place beside it. */
  readonly rival?: string
  /** Brings the database into the state in which the round begins (truncate, checkpoint); not measured. */
  before?(context: RoundContext): Promise<void>
  /** Warms up and measures one round, or says why it cannot on this machine. */
  run(context: RoundContext): Promise<Outcome>
}

/** What contestants of both kinds are made from. */
export interface ContestantContent {
  readonly name: string
  readonly callers: number
  readonly rival?: string
  /** How many items one operation handles; the throughput counts items. @default 1 */
  readonly itemsPerOperation?: number
  before?(context: RoundContext): Promise<void>
  /** Finds out the scenario's own figures after the measure, by name: shares, sizes, counts. */
  figures?(context: RoundContext): Promise<Readonly<Record<string, number>>>
}

/** A contestant that calls this library. */
export interface LoadContestantContent extends ContestantContent {
  /** The call that is measured. */
  readonly operation: Operation
  /** Failed calls that are put up with in a round. @default 100 */
  readonly errorsMax?: number
}

/** Makes a contestant of a call: concurrent callers in this process, each with its next call when its last has ended. */
export function loadContestant(content: LoadContestantContent): Contestant {
  const { name, callers, operation, itemsPerOperation = 1, errorsMax = 100 } = content
  return {
    ...shared(content),
    name,
    kind: 'pgfleet',
    callers,
    async run(context) {
      const { durationMs, warmUpMs, signal } = context
      const options = { callers, durationMs, warmUpMs, itemsPerOperation, errorsMax, signal }
      return { sample: await withFigures(await measure(operation, options), content, context) }
    },
  }
}

/** The optional parts that both kinds pass on as they are. */
export function shared(content: ContestantContent): Pick<Contestant, 'rival' | 'before'> {
  const { rival } = content
  const before = content.before?.bind(content)
  return { ...(rival === undefined ? {} : { rival }), ...(before === undefined ? {} : { before }) }
}

/** The sample with the scenario's own figures added. */
export async function withFigures(sample: Sample, content: ContestantContent, context: RoundContext): Promise<Sample> {
  return content.figures ? { ...sample, figures: { ...sample.figures, ...(await content.figures(context)) } } : sample
}
