export type {
  CiStatus,
  MergeStatus,
  NewPullRequest,
  PullRequest,
  PullRequestChange,
  PullRequestFields,
  PullRequestKey,
  PullRequestStatus,
  PutPullRequest,
  ReviewStatus,
  SecurityStatus,
} from './pull-request.js'
export type { GateReason, GateReasonName, GateResult, MergePolicy } from './pull-request-gate.js'
export type { PullRequestListOptions } from './pull-request-list.js'
export { createPullRequests, PULL_REQUEST_STATEMENTS, type PullRequests } from './pull-requests.js'
