import type { CallOptions, Operation } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { FleetError } from '../../../errors.js'
import { encodeIdentity, type Identity } from '../../../identity.js'
import { check } from '../../../input.js'
import {
  encodePullRequestKeys,
  encodePullRequests,
  type NewPullRequest,
  PULL_REQUEST_COLUMNS,
  type PullRequest,
  type PullRequestChange,
  type PullRequestKey,
  type PullRequestRow,
  type PutPullRequest,
  toPullRequest,
  toPutPullRequest,
} from './pull-request.js'
import { type GateResult, judge, type MergePolicy, mergePolicy } from './pull-request-gate.js'
import { listPullRequests, PULL_REQUEST_LISTS, type PullRequestListOptions } from './pull-request-list.js'

/** Pull requests, named by repository and number, or by id. */
export interface PullRequests {
  /**
   * Records pull requests, or brings those that are there up to date; all of a call or none. What is so already writes
   * nothing. Errors: INPUT_INVALID (a new one needs a title), PULL_REQUEST_STATE_ILLEGAL.
   */
  upsert(pullRequest: NewPullRequest, options?: CallOptions): Promise<PutPullRequest>
  upsert(pullRequests: readonly NewPullRequest[], options?: CallOptions): Promise<PutPullRequest[]>
  /**
   * Changes what is given of pull requests that are there; all of a call or none. Errors: INPUT_INVALID,
   * PULL_REQUEST_UNKNOWN, PULL_REQUEST_STATE_ILLEGAL, VERSION_CONFLICT.
   */
  update(change: PullRequestChange, options?: CallOptions): Promise<PutPullRequest>
  update(changes: readonly PullRequestChange[], options?: CallOptions): Promise<PutPullRequest[]>
  /** Undefined when there is none. */
  get(key: string | PullRequestKey, options?: CallOptions): Promise<PullRequest | undefined>
  get(keys: readonly (string | PullRequestKey)[], options?: CallOptions): Promise<(PullRequest | undefined)[]>
  /** Newest first, by when they were opened, or those of one repository by number; by words, labels and metadata too. */
  list(options?: PullRequestListOptions): Promise<PullRequest[]>
  /** Whether it is ready to be merged, and if not why. Errors: INPUT_INVALID, PULL_REQUEST_UNKNOWN. */
  gate(key: string | PullRequestKey, policy?: MergePolicy, options?: CallOptions): Promise<GateResult>
}

interface Item {
  readonly text: string
  readonly idempotent: boolean
}

export const PUT: Operation<Item, PullRequestRow, PutPullRequest> = {
  name: 'delivery.put_pull_requests',
  statement: statement(
    'delivery.put_pull_requests',
    `select ordinal, changes, ${PULL_REQUEST_COLUMNS} from delivery.put_pull_requests($1::text, $2::jsonb)`,
  ),
  writes: true,
  itemsMax: 1000,
  // A statement costs as much as several pull requests.
  itemsMin: 20,
  encode: (item) => item.text,
  decode: (row) => {
    if (row === undefined) throw new Error('the database returned no row for a pull request')
    return toPutPullRequest(row)
  },
  isIdempotent: (item) => item.idempotent,
}

export const GET: Operation<string, PullRequestRow, PullRequest | undefined> = {
  name: 'delivery.get_pull_requests',
  statement: statement(
    'delivery.get_pull_requests',
    `select ordinal, ${PULL_REQUEST_COLUMNS} from delivery.get_pull_requests($1::text, $2::jsonb)`,
  ),
  writes: false,
  itemsMax: 2000,
  encode: (item) => item,
  decode: (row) => row && toPullRequest(row),
  isIdempotent: () => true,
}

export const PULL_REQUEST_STATEMENTS: readonly Statement<unknown>[] = [
  PUT.statement,
  GET.statement,
  ...PULL_REQUEST_LISTS,
]

export function createPullRequests(session: Session, identity: Identity): PullRequests {
  const who = encodeIdentity(identity)
  const put = async (
    input: readonly (NewPullRequest | PullRequestChange)[],
    mustExist: boolean,
    options?: CallOptions,
  ) => {
    // A change of an expected version would meet itself when it is sent again.
    const idempotent = !mustExist
    const items = encodePullRequests(input, mustExist, who).map((text) => ({ text, idempotent }))
    return await session.submit(PUT, items, options)
  }
  return {
    upsert: (async (input: NewPullRequest | readonly NewPullRequest[], options?: CallOptions) =>
      Array.isArray(input)
        ? await put(input, false, options)
        : (await put([input as NewPullRequest], false, options))[0]) as PullRequests['upsert'],
    update: (async (input: PullRequestChange | readonly PullRequestChange[], options?: CallOptions) =>
      Array.isArray(input)
        ? await put(input, true, options)
        : (await put([input as PullRequestChange], true, options))[0]) as PullRequests['update'],
    get: (async (input: string | PullRequestKey | readonly (string | PullRequestKey)[], options?: CallOptions) =>
      Array.isArray(input)
        ? await session.submit(GET, encodePullRequestKeys('keys', input), options)
        : (
            await session.submit(GET, encodePullRequestKeys('keys', [input as PullRequestKey]), options)
          )[0]) as PullRequests['get'],
    list: (options) => listPullRequests(session, options),
    async gate(key, policy = {}, options) {
      const wanted = check('policy', mergePolicy, policy)
      const [found] = await session.submit(GET, encodePullRequestKeys('keys', [key]), options)
      if (found === undefined) {
        const name = typeof key === 'string' ? key : `${key.number} of ${key.repository}`
        throw new FleetError('PULL_REQUEST_UNKNOWN', { message: `there is no pull request ${name}`, field: 'key' })
      }
      return judge(found, wanted)
    },
  }
}
