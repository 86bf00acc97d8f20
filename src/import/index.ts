export { type Imported, type ImportOptions, importRuns } from './events.js'
export { type ImportedJobs, importJobs, type JobImportOptions } from './jobs.js'
export { type Run, type RunFile, type RunMessage, readRuns } from './runs.js'
export { findWebhookFiles, type ImportedWebhooks, importWebhooks, type WebhookImportOptions } from './webhooks.js'
