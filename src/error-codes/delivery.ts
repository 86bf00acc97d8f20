import type { ErrorKind } from './kind.js'

/** Errors of the delivery store. */
export const DELIVERY_ERRORS = {
  WATERMARK_FOREIGN: {
    retryable: false,
    sqlstate: 'PF085',
    summary:
      'Rollups or seals were made up to a transaction that this database has not come to: it was restored from a dump.',
    hint: 'Before anybody writes, run `select * from platform.adopt_restored()` as a superuser; pgfleet restore does it itself.',
  },
  LEASE_LOST: {
    retryable: false,
    sqlstate: 'PF072',
    summary:
      'The lease of a job is no longer its own: it ran out and the job was claimed again, its time-out passed, or its workflow ended. Nothing was changed.',
    hint: 'Stop working on the job; keep leases with jobs.heartbeat(), or claim with a longer leaseMs.',
  },
  AGENT_SESSION_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF078',
    summary: 'The tenant has no agent session of that id.',
    hint: 'Create it first: delivery.agentSessions.create().',
  },
  AGENT_SESSION_STATE_ILLEGAL: {
    retryable: false,
    sqlstate: 'PF079',
    summary: 'The status of the agent session does not allow this; the message names it, and those that it may go to.',
    hint: 'Read the session, and go to one of the statuses that the message names; what has ended stays so.',
  },
  BUDGET_EXCEEDED: {
    retryable: false,
    sqlstate: 'PF080',
    summary: 'A budget of the agent session would be overrun; the message names which, its limit and what is left.',
    hint: 'End the session, or raise its budgets with delivery.agentSessions.update().',
  },
  PULL_REQUEST_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF081',
    summary: 'The tenant has no such pull request.',
    hint: 'Record it first: delivery.pullRequests.upsert().',
  },
  PULL_REQUEST_STATE_ILLEGAL: {
    retryable: false,
    sqlstate: 'PF082',
    summary: 'A pull request cannot go from its present status to the one asked for; the message names the legal ones.',
    hint: 'Legal are draft to open, open to draft, merged or closed, and closed to open; merged is final.',
  },
  WEBHOOK_SIGNATURE_INVALID: {
    retryable: false,
    summary: 'The signature of a webhook is missing or not that of its body; nothing was kept.',
    hint: 'Pass the body as it was received, the header X-Hub-Signature-256, and the secret that the hook was made with.',
  },
  WEBHOOK_REJECTED: {
    retryable: false,
    summary: 'A webhook of an event or a shape that is not known; it was kept aside with the reason.',
    hint: 'Look at delivery.webhooks.rejects(), and take the event off the hook when it is not wanted.',
  },
} as const satisfies Record<string, ErrorKind>
