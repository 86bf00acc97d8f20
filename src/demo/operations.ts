import { v7 as uuidv7 } from 'uuid'
import { measure } from '../bench/measure.js'
import type { LearningStore } from '../stores/learning/index.js'
import { reachableStates } from './pipeline.js'

/** A figure of one operation, beside what the source document states for it. */
export interface OperationFigure {
  readonly operation: string
  readonly perSecond: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly errors: number
  readonly target: OperationTarget
}

/** What the README of the Q-learning database states for 18 concurrent agents. */
export interface OperationTarget {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** How the operations are measured. */
export interface OperationsOptions {
  /** For each of the four operations, in milliseconds, after a third of it as warm-up. */
  readonly durationMs: number
  readonly signal?: AbortSignal | undefined
  /** Told the name of each operation before it is measured. */
  readonly onOperation?: ((operation: string) => void) | undefined
}

const UPDATED_STATES = 1000

/**
 * Measures the four operations that the source document gives figures for: single calls of 18 callers, one of each agent
 * type, each with its next call when its last has ended. Updates go to 1,000 states of their own, which stay in the
 * tenant. A short look at this engine on this machine; `pgfleet bench` measures with care.
 */
export async function measureOperations(
  learning: LearningStore,
  agentTypes: readonly string[],
  options: OperationsOptions,
): Promise<OperationFigure[]> {
  const states = reachableStates().map((state) => ({ ...state }))
  const typeOf = (caller: number) => agentTypes[caller % agentTypes.length] as string
  let calls = 0
  const operations: { name: string; target: OperationTarget; call: (caller: number) => Promise<unknown> }[] = [
    {
      name: 'Q-value lookup',
      target: { perSecond: 10_000, p50Ms: 0.8, p99Ms: 3 },
      call: (caller) => learning.best(typeOf(caller), states[calls++ % states.length] ?? null),
    },
    {
      name: 'Q-value update',
      target: { perSecond: 5_000, p50Ms: 1.5, p99Ms: 5 },
      call: (caller) =>
        learning.learn({
          agentType: typeOf(caller),
          state: { measured: calls++ % UPDATED_STATES },
          action: 'measure',
          reward: 1,
          terminal: true,
        }),
    },
    {
      name: 'trajectory insert',
      target: { perSecond: 3_000, p50Ms: 2, p99Ms: 8 },
      call: (caller) => {
        const now = new Date()
        return learning.recordTrajectories([
          {
            id: uuidv7(),
            agentType: typeOf(caller),
            initialState: states[calls++ % states.length] ?? null,
            actions: ['run-fast-tests', 'deploy'],
            rewards: [-0.6, 10],
            executionMs: 1,
            succeeded: true,
            startedAt: now,
            completedAt: now,
          },
        ])
      },
    },
    {
      name: 'pattern search',
      target: { perSecond: 2_000, p50Ms: 5, p99Ms: 15 },
      call: (caller) =>
        learning.patterns.search({
          name: SEARCHES[calls++ % SEARCHES.length] ?? '',
          agentType: typeOf(caller),
          limit: 5,
        }),
    },
  ]
  const figures: OperationFigure[] = []
  for (const { name, target, call } of operations) {
    options.onOperation?.(name)
    const sample = await measure(call, {
      callers: 18,
      durationMs: options.durationMs,
      warmUpMs: Math.round(options.durationMs / 3),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    figures.push({
      operation: name,
      perSecond: sample.throughput,
      p50Ms: sample.p50,
      p99Ms: sample.p99,
      errors: sample.errors,
      target,
    })
  }
  return figures
}

/** Names with typing errors, as people search. */
const SEARCHES = [
  'hihg risk untested 3 h left',
  'low risk fast pased deploy',
  'medium risk failed 1 h',
  'all passed deploy',
]
