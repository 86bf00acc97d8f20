import type { Scenario } from '../scenario.js'
import { hnsw } from './hnsw.js'
import { learning } from './learning.js'
import { learningGrowth } from './learning-growth.js'
import { memoryVectors, memoryVectorsSmall } from './memory-vectors.js'
import type { BenchSubject } from './subject.js'

export type { BenchSubject } from './subject.js'

/** Every scenario of this package, by name. */
// biome-ignore lint/suspicious/noExplicitAny: the state of each scenario is its own
export const SCENARIOS: readonly Scenario<BenchSubject, any>[] = [
  learning,
  learningGrowth,
  memoryVectorsSmall,
  memoryVectors,
  hnsw,
]
