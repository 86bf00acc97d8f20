import type { Scenario } from '../scenario.js'
import { learning } from './learning.js'
import { learningGrowth } from './learning-growth.js'
import { memoryArtifacts } from './memory-artifacts.js'
import { memorySessions } from './memory-sessions.js'
import type { BenchSubject } from './subject.js'

export type { BenchSubject } from './subject.js'

/** Every scenario of this package, by name. */
// biome-ignore lint/suspicious/noExplicitAny: the state of each scenario is its own
export const SCENARIOS: readonly Scenario<BenchSubject, any>[] = [
  learning,
  learningGrowth,
  memorySessions,
  memoryArtifacts,
]
