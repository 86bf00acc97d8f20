export { BAD_LINES_KEPT } from './bad-lines.js'
export {
  createRandomOrder,
  givenOrder,
  type Order,
  oracleOrder,
  recentFailuresFirst,
  recentVerdictsFirst,
} from './baselines.js'
export { readCsvHistory } from './csv.js'
export {
  type BadLine,
  type Cycle,
  type History,
  type ReadOptions,
  readHistory,
  type TestRun,
} from './history.js'
export { JUNIT_BYTES_MAX, readJUnitHistory } from './junit.js'
export type { ActionValue, Experience, Json, LearningStore } from './learning-store.js'
export { napfd, type Outcome } from './napfd.js'
export type { ReplayOptions } from './options.js'
export {
  createPrioritizer,
  orderByValue,
  type Prioritizer,
  type PrioritizerOptions,
  STORE_BATCH_MAX,
  type TestValues,
} from './prioritizer.js'
export { type ReplayProgress, type ReplayResult, type ReplayWindow, replay } from './replay.js'
export { type Napfd, ORDERS, type OrderName, type Scores } from './scores.js'
export { createTestHistory, type TestHistory, type TestRecord, VERDICTS_KEPT } from './test-history.js'
export { type ViewState, viewsOf } from './views.js'
