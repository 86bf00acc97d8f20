export { createIngest, type Ingest, type IngestedWebhook, type IngestOptions } from './ingest.js'
export { WEBHOOK_EVENTS, type WebhookEvent } from './payloads.js'
export {
  createPipeline,
  type NewPipelineJob,
  PIPELINE_JOBS_MAX,
  PIPELINE_STATEMENTS,
  type Pipeline,
  type PipelineJob,
} from './pipeline.js'
export { createWebhooks, type RejectedWebhook, WEBHOOK_STATEMENTS, type Webhooks } from './webhooks.js'
