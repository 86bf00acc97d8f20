import { z } from 'zod'
import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import type { Statement } from '../../../database/statement.js'
import { check, text } from '../../../input.js'
import type { PullRequestKey } from '../pull-requests/index.js'

/** What webhooks told of one kind of thing, read by key or page by page. */
export interface Observed<Key, Fact, ListOptions> {
  /** Undefined when it was not told of; at most 1000 in a call. Errors: INPUT_INVALID. */
  get(key: Key, options?: Pick<CallOptions, 'signal'>): Promise<Fact | undefined>
  get(keys: readonly Key[], options?: Pick<CallOptions, 'signal'>): Promise<(Fact | undefined)[]>
  /** Those that match all that is given; continue behind the last one with `after`. Errors: INPUT_INVALID. */
  list(options?: ListOptions): Promise<Fact[]>
}

/** What every list takes. */
export interface ObservedListOptions {
  /** Like `acme/shop`. */
  readonly repository?: string
  /** At this time or later. */
  readonly from?: Date
  /** Before this time. */
  readonly to?: Date
  /** 1 to 1000. @default 100 */
  readonly limit?: number
  readonly signal?: AbortSignal
}

/** What the lists of what happened to a commit take. */
export interface CommitListOptions extends ObservedListOptions {
  /** Of this commit. */
  readonly headSha?: string
  /** Of the commit that is its head now: none while that is not known. */
  readonly pullRequest?: PullRequestKey
  readonly status?: string
}

/** How a kind is found. */
export interface ObservedKind<Row, Key, Fact, Options extends { signal?: AbortSignal | undefined }> {
  readonly key: z.ZodType<Key>
  readonly get: Statement<Row & { readonly place: number }>
  /** The values of `get`: an array for each part of the key. */
  readonly keys: (keys: readonly Key[]) => readonly unknown[]
  readonly options: z.ZodType<Options>
  /** The list that begins with the index that fits what is given. */
  readonly listOf: (options: Options) => Statement<Row>
  readonly values: (options: Options) => readonly unknown[]
  readonly toFact: (row: Row) => Fact
}

/** Ids of GitHub. */
export const observedId: z.ZodInt = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
export const repositoryName = text(1, 255)
/** A word of GitHub's. */
export const word = text(1, 1000).optional()

const moment = z
  .date()
  .min(new Date(0))
  .max(new Date('9999-12-31T23:59:59.999Z'))
  .transform((time) => time.toISOString())
  .optional()

export const observedOptions = {
  repository: repositoryName.optional(),
  from: moment,
  to: moment,
  limit: z.int().min(1).max(1000).default(100),
  signal: z.instanceof(AbortSignal).optional(),
}
export const commitOptions = {
  ...observedOptions,
  headSha: text(1, 64).optional(),
  pullRequest: z.strictObject({ repository: repositoryName, number: z.int().min(1).max(2_147_483_647) }).optional(),
  status: word,
}

/** Behind which id a list begins: all ids are below the default. */
export const FIRST_ID = '9223372036854775807'

/** The head of the pull request of those parameters, null when it is not known. */
export const headOf = (repository: string, number: string): string =>
  `(select p.head_sha from delivery.pull_requests p
      where p.tenant_id = current_setting('pgfleet.tenant') and p.repository = ${repository} and p.number = ${number})`

export function createObserved<Row, Key, Fact, Options extends { signal?: AbortSignal | undefined }, ListOptions>(
  session: Session,
  kind: ObservedKind<Row, Key, Fact, Options>,
): Observed<Key, Fact, ListOptions> {
  const keys = z.array(kind.key).max(1000)
  const get = async (wanted: readonly Key[], { signal }: Pick<CallOptions, 'signal'> = {}) => {
    const checked = check('keys', keys, wanted)
    const rows = await session.query(kind.get, kind.keys(checked), { idempotent: true, ...(signal && { signal }) })
    const found = new Map(rows.map((row) => [row.place, kind.toFact(row)]))
    return checked.map((_, index) => found.get(index))
  }
  return {
    get: (async (input: Key | readonly Key[], options?: CallOptions) =>
      Array.isArray(input) ? await get(input, options) : (await get([input as Key], options))[0]) as Observed<
      Key,
      Fact,
      ListOptions
    >['get'],
    async list(input) {
      const options = check('options', kind.options, input ?? {})
      const how = { idempotent: true, ...(options.signal && { signal: options.signal }) }
      const values = kind.values(options).map((value) => value ?? null)
      return (await session.query(kind.listOf(options), values, how)).map(kind.toFact)
    },
  }
}
