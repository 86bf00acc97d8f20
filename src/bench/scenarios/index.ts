import type { Scenario } from '../scenario.js'
import { backup } from './backup.js'
import { cache } from './cache.js'
import { deliveryAudit } from './delivery-audit.js'
import { deliveryJobs } from './delivery-jobs.js'
import { deliveryMetrics } from './delivery-metrics.js'
import { deliveryMix } from './delivery-mix.js'
import { hnsw } from './hnsw.js'
import { learning } from './learning.js'
import { learningGrowth } from './learning-growth.js'
import { memoryArtifactStreams, memoryArtifacts } from './memory-artifacts.js'
import { memoryEvents } from './memory-events.js'
import { memoryGraph } from './memory-graph.js'
import { memoryRecords } from './memory-records.js'
import { memoryRls } from './memory-rls.js'
import { memorySessions } from './memory-sessions.js'
import { memoryVectors, memoryVectorsSmall } from './memory-vectors.js'
import { metadata } from './metadata.js'
import type { BenchSubject } from './subject.js'

export type { BenchSubject } from './subject.js'

/** Every scenario of this package, by name. */
// biome-ignore lint/suspicious/noExplicitAny: the state of each scenario is its own
export const SCENARIOS: readonly Scenario<BenchSubject, any>[] = [
  learning,
  learningGrowth,
  memoryVectorsSmall,
  memoryVectors,
  memoryGraph,
  memoryEvents,
  memorySessions,
  memoryArtifacts,
  memoryArtifactStreams,
  memoryRecords,
  memoryRls,
  deliveryMix,
  deliveryJobs,
  deliveryMetrics,
  deliveryAudit,
  metadata,
  cache,
  hnsw,
  backup,
]
