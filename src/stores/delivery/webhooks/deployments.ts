import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { readStatement, type Statement } from '../../../database/statement.js'
import {
  type CommitListOptions,
  commitOptions,
  createObserved,
  FIRST_ID,
  headOf,
  type Observed,
  type ObservedKind,
  observedId,
  repositoryName,
  word,
} from './observed.js'

export interface DeploymentKey {
  readonly repository: string
  /** GitHub's id. */
  readonly deploymentId: number
}

/** A deployment as it is known, with its last status. */
export interface Deployment extends DeploymentKey {
  readonly environment: string
  /** The branch or tag that was asked for. */
  readonly ref: string | null
  readonly headSha: string
  readonly task: string | null
  readonly description: string | null
  readonly creator: string | null
  readonly url: string | null
  readonly createdAt: Date | null
  /** pending, queued, in_progress, success, failure, error, inactive, ...: of the status with the highest id. */
  readonly status: string
  readonly statusDescription: string | null
  readonly statusUrl: string | null
  /** Null while no status was told. */
  readonly statusAt: Date | null
}

/** Which deployments are listed, newest first by id; times are of their creation. */
export interface DeploymentListOptions extends CommitListOptions {
  readonly environment?: string
  /** The branch or tag that was asked for. */
  readonly ref?: string
  readonly creator?: string
  /** Continues behind the deployment of that key. */
  readonly after?: DeploymentKey
}

/** Deployments of GitHub. */
export type Deployments = Observed<DeploymentKey, Deployment, DeploymentListOptions>

interface Row {
  readonly repository: string
  readonly deployment_id: number
  readonly environment: string
  readonly ref: string | null
  readonly sha: string
  readonly task: string | null
  readonly description: string | null
  readonly creator: string | null
  readonly url: string | null
  readonly created_at: Date | null
  readonly status: string
  readonly status_description: string | null
  readonly status_url: string | null
  readonly status_at: Date | null
}

const COLUMNS = `d.repository, d.deployment_id, d.environment, d.ref, d.sha, d.task, d.description, d.creator, d.url, d.created_at, d.status,
  d.status_description, d.status_url, d.status_at`

// Every filter but the first is a look at the rows that the index of the first gives, in the order of the ids.
const page = (name: string, first: string) =>
  readStatement<Row>(
    `delivery.list_deployments${name}`,
    `select ${COLUMNS} from delivery.deployments d
  where d.tenant_id = current_setting('pgfleet.tenant') and ${first}
    and d.deployment_id <= $1::bigint and (d.deployment_id, d.repository) < ($1::bigint, $2::text collate "C")
    and ($4::text is null or d.repository = $4::text)
    and ($5::text is null or d.sha = $5::text)
    and ($6::text is null or (d.repository = $6::text and d.sha = ${headOf('$6::text', '$7::integer')}))
    and ($8::text is null or d.status = $8::text)
    and ($9::text is null or d.environment = $9::text)
    and ($10::text is null or d.ref = $10::text)
    and ($11::text is null or d.creator = $11::text)
    and ($12::timestamptz is null or d.created_at >= $12::timestamptz)
    and ($13::timestamptz is null or d.created_at < $13::timestamptz)
  order by d.deployment_id desc, d.repository desc
  limit $3::integer`,
  )

const LIST = page('', 'true')
const LIST_BY_REPOSITORY = page('_by_repository', 'd.repository = $4::text')
// A rare environment is found by its index; the newest of a common one are among the newest of all.
const LIST_BY_ENVIRONMENT = page('_by_environment', 'd.environment = $9::text')
// No index of commits: deployments of one repository are few beside its checks.
const LIST_BY_PULL_REQUEST = page('_by_pull_request', 'd.repository = $6::text')

const GET = readStatement<Row & { readonly place: number }>(
  'delivery.get_deployments',
  `select x.place::integer - 1 as place, ${COLUMNS}
  from unnest($1::text[], $2::bigint[]) with ordinality as x(repository, deployment_id, place)
  cross join lateral (
    select * from delivery.deployments o
    where o.tenant_id = current_setting('pgfleet.tenant') and o.repository = x.repository and o.deployment_id = x.deployment_id
    limit 1
  ) d`,
)

export const DEPLOYMENT_STATEMENTS: readonly Statement<unknown>[] = [
  LIST,
  LIST_BY_REPOSITORY,
  LIST_BY_ENVIRONMENT,
  LIST_BY_PULL_REQUEST,
  GET,
]

const options = z.strictObject({
  ...commitOptions,
  environment: word,
  ref: word,
  creator: word,
  after: z.strictObject({ repository: repositoryName, deploymentId: observedId }).optional(),
})

const KIND: ObservedKind<Row, DeploymentKey, Deployment, z.output<typeof options>> = {
  key: z.strictObject({ repository: repositoryName, deploymentId: observedId }),
  get: GET,
  keys: (keys) => [keys.map(({ repository }) => repository), keys.map(({ deploymentId }) => deploymentId)],
  options,
  listOf: ({ pullRequest, repository, environment }) => {
    if (pullRequest !== undefined) return LIST_BY_PULL_REQUEST
    if (repository !== undefined) return LIST_BY_REPOSITORY
    return environment === undefined ? LIST : LIST_BY_ENVIRONMENT
  },
  values: ({ after, limit, repository, headSha, pullRequest, status, environment, ref, creator, from, to }) => [
    after?.deploymentId ?? FIRST_ID,
    after?.repository ?? '',
    limit,
    repository,
    headSha,
    pullRequest?.repository,
    pullRequest?.number,
    status,
    environment,
    ref,
    creator,
    from,
    to,
  ],
  toFact: (row) => ({
    repository: row.repository,
    deploymentId: row.deployment_id,
    environment: row.environment,
    ref: row.ref,
    headSha: row.sha,
    task: row.task,
    description: row.description,
    creator: row.creator,
    url: row.url,
    createdAt: row.created_at,
    status: row.status,
    statusDescription: row.status_description,
    statusUrl: row.status_url,
    statusAt: row.status_at,
  }),
}

export const createDeployments = (session: Session): Deployments => createObserved(session, KIND)
