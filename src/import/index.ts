export { type Imported, type ImportOptions, importRuns } from './events.js'
export { type Run, type RunFile, type RunMessage, readRuns } from './runs.js'
