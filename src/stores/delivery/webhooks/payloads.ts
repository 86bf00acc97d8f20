import { z } from 'zod'
import { isStorable } from '../../../input.js'

// What is read of GitHub's payloads; members that are not named here are let through. Types are held against those of
// @octokit/openapi-webhooks-types, and every payload of @octokit/webhooks-examples is taken in, by tests.

const word = z.string().max(262_144).refine(isStorable, 'holds a NUL character or half of a surrogate pair')
const words = word.nullish()
const id = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const number = z.int().min(1).max(2_147_483_647)
const size = z.int().min(0).max(2_147_483_647)
const sha = word.min(1).max(64)
const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString())
const times = time.nullish()
const user = z.object({ login: word.min(1) }).nullish()

const common = {
  action: word.optional(),
  repository: z.object({ full_name: word.min(1).max(255) }),
  sender: user,
}

/** What every payload that mentions a pull request in full or in short has of it. */
const pullRequest = z.object({
  number,
  html_url: words,
  title: word.min(1),
  body: words,
  state: z.enum(['open', 'closed']),
  draft: z.boolean().nullish(),
  merged_at: times,
  closed_at: times,
  created_at: time,
  updated_at: time,
  user,
  head: z.object({ ref: word.min(1), sha }),
  base: z.object({ ref: word.min(1) }),
  labels: z.array(z.object({ name: words })).nullish(),
  assignees: z.array(user).nullish(),
  requested_reviewers: z.array(z.looseObject({ login: word.optional() }).nullish()).nullish(),
  // Told in full only.
  mergeable: z.boolean().nullish(),
  mergeable_state: words,
  additions: size.optional(),
  deletions: size.optional(),
  changed_files: size.optional(),
  commits: size.optional(),
})

const check = {
  id,
  head_sha: sha,
  status: word.nullish(),
  conclusion: words,
  app: z.object({ slug: words, name: words }).nullish(),
}

const deployment = z.object({
  id,
  sha,
  ref: words,
  task: words,
  environment: word.min(1),
  description: words,
  creator: user,
  url: words,
  created_at: time,
  updated_at: time,
})

/** The payloads that are taken in, by the name of their event. */
export const PAYLOADS = {
  push: z.object({
    ...common,
    repository: z.object({
      full_name: word.min(1).max(255),
      pushed_at: z.union([z.int().min(0).max(253_402_300_799), time]).nullish(),
    }),
    ref: word.min(1),
    before: sha,
    after: sha,
    deleted: z.boolean(),
    forced: z.boolean(),
    compare: words,
    commits: z.array(z.object({ id: sha })),
    head_commit: z.object({ timestamp: time }).nullish(),
    pusher: z.object({ name: word.min(1) }).nullish(),
  }),
  pull_request: z.object({ ...common, action: word, pull_request: pullRequest }),
  pull_request_review: z.object({
    ...common,
    action: word,
    pull_request: pullRequest,
    review: z.object({
      id,
      user,
      state: word
        .transform((state) => state.toLowerCase())
        .pipe(z.enum(['approved', 'changes_requested', 'commented', 'dismissed', 'pending'])),
      submitted_at: times,
      html_url: words,
    }),
  }),
  check_run: z.object({
    ...common,
    check_run: z.object({
      ...check,
      name: word.min(1),
      html_url: words,
      started_at: times,
      completed_at: times,
      check_suite: z.object({ head_branch: words }).nullish(),
    }),
  }),
  check_suite: z.object({
    ...common,
    check_suite: z.object({ ...check, head_branch: words, created_at: time, updated_at: time }),
  }),
  workflow_run: z.object({
    ...common,
    workflow: z.object({ name: words }).nullish(),
    workflow_run: z.object({
      id,
      name: words,
      event: words,
      head_branch: words,
      head_sha: sha,
      run_attempt: size.nullish(),
      run_number: z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
      status: word.min(1),
      conclusion: words,
      actor: user,
      html_url: words,
      created_at: time,
      run_started_at: times,
      updated_at: time,
    }),
  }),
  workflow_job: z.object({
    ...common,
    workflow_job: z.object({
      id,
      run_id: id,
      run_attempt: size.nullish(),
      name: word.min(1),
      workflow_name: words,
      head_branch: words,
      head_sha: sha,
      status: word.min(1),
      conclusion: words,
      runner_name: words,
      labels: z.array(word),
      html_url: words,
      created_at: times,
      started_at: times,
      completed_at: times,
    }),
  }),
  deployment: z.object({ ...common, deployment }),
  deployment_status: z.object({
    ...common,
    deployment,
    deployment_status: z.object({
      id,
      state: word.min(1),
      description: words,
      log_url: words,
      target_url: words,
      created_at: time,
      updated_at: times,
    }),
  }),
} as const

/** An event that is taken in. */
export type WebhookEvent = keyof typeof PAYLOADS
export type Payload<Event extends WebhookEvent> = z.output<(typeof PAYLOADS)[Event]>

/** The events that are taken in. */
export const WEBHOOK_EVENTS = Object.keys(PAYLOADS) as readonly WebhookEvent[]
