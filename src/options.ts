import { z } from 'zod'
import { BATCH_DEFAULTS, type BatchOptions } from './database/batch-options.js'
import { CACHE_DEFAULTS, type CacheOptions } from './database/cache/cache-options.js'
import type { ListenOptions } from './database/listener.js'
import { serverUrls } from './database/primary/server-urls.js'
import { FleetError } from './errors.js'
import type { KeyProvider } from './key-provider.js'

/** How to open a fleet. Unknown keys are refused. */
export interface FleetOptions {
  /**
   * A PostgreSQL url, direct or through a pooler in transaction mode. It may name up to 16 hosts, a primary and its standbys:
   * `postgres://app@db1,db2:5433/agents`; the one that takes writes is connected to, also after another was promoted. Without
   * it the embedded database is started. The environment is not consulted. @default undefined
   */
  readonly url?: string | undefined
  /** Where the embedded database keeps its files, or `memory://`. Only without `url`. @default '.pgfleet' */
  readonly dataDir?: string
  /**
   * `true` brings the schema to this package's version when opening. `false` only checks it, and refuses an older one
   * with SCHEMA_MISSING: for logins that may not migrate. @default true
   */
  readonly migrate?: boolean
  /** Most connections to the server. Each batch in flight holds one. The embedded database has one. @default 10 */
  readonly poolMax?: number
  /** Longest wait for a connection, and of several hosts for one that is the primary, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number
  /**
   * Longest time for one statement, in milliseconds; then its connection is closed, and the call rejected with
   * OUTCOME_UNKNOWN. The embedded database is ended by it, and has to be opened again. @default 60000
   */
  readonly callTimeoutMs?: number
  /**
   * Longest time that `close` waits for calls that were made before, in milliseconds; then it is rejected with
   * CLOSE_INCOMPLETE, which tells what had not settled. @default 30000
   */
  readonly closeTimeoutMs?: number
  /** Prepared statements. Off for a pooler that does not carry them (PgBouncer before 1.21). Costs speed. @default true */
  readonly prepare?: boolean
  /**
   * Urls of streaming replicas of the server behind `url`, direct or through poolers, at most 16. Reads of
   * `tenant.reading('stale')` and `tenant.reading('own-writes')` go to them. Each has a pool of `poolMax` connections, and
   * one that asks how far it is; the primary one more of these. One that does not answer is left out, also at opening, and
   * tried again by itself. Only with `url`. @default []
   */
  readonly replicas?: readonly string[]
  /**
   * Longest wait for a replica to replay what this fleet wrote, in milliseconds, before a read of `own-writes` goes to the
   * primary. 0: no wait. @default 100
   */
  readonly replicaWaitMs?: number
  /**
   * A replica whose rows are older than this, in milliseconds, is left out until it has caught up. At least twice
   * `replicaPollMs`, to within which that is known. @default 10000
   */
  readonly replicaLagMsMax?: number
  /**
   * How often replicas and primary are asked how far they are, and the hosts of a url with several which is the primary, in
   * milliseconds, from 10. @default 1000
   */
  readonly replicaPollMs?: number
  /**
   * Keeps answers of hot reads in this process, for `tenant.reading('cached')`; see `CacheOptions`. All other reads go to the
   * database as ever. @default undefined
   */
  readonly cache?: CacheOptions | undefined
  /**
   * Wraps the keys that encrypt tenants' secrets; without it memory.secrets is refused with KEY_PROVIDER_MISSING. See
   * `staticKeyProvider`. @default undefined
   */
  readonly keyProvider?: KeyProvider | undefined
  /**
   * Hears of the writes of other processes on a direct connection, so that metadata subscriptions look at once instead of
   * at their next turn; and tells other processes of this one's, at most once a tick. Only with `url`. @default undefined
   */
  readonly listen?: ListenOptions | undefined
  /** Limits of the queues that gather calls. */
  readonly batch?: Partial<BatchOptions>
}

/** The options with every default filled in. */
export interface ResolvedOptions
  extends Required<Omit<FleetOptions, 'url' | 'batch' | 'keyProvider' | 'listen' | 'cache'>> {
  readonly url: string | undefined
  readonly keyProvider: KeyProvider | undefined
  readonly listen: ListenOptions | undefined
  readonly cache: CacheOptions | undefined
  readonly batch: BatchOptions
}

const count = (max: number) => z.int().min(1).max(max)

const url = z.string().regex(/^postgres(ql)?:\/\//, 'a url begins with postgres:// or postgresql://')

const cacheLimits = {
  staleMs: count(3_600_000),
  itemsMax: count(10_000_000).default(CACHE_DEFAULTS.itemsMax),
  bytesMax: z
    .int()
    .min(65_536)
    .max(16 * 1024 ** 3)
    .default(CACHE_DEFAULTS.bytesMax),
}
const cache = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('memory'), ...cacheLimits }),
  z.strictObject({
    kind: z.literal('valkey'),
    url: z
      .string()
      .regex(/^rediss?:\/\//, 'a url begins with redis:// or rediss://')
      .refine((text) => URL.canParse(text), 'is no url'),
    prefix: z.string().max(100).default(CACHE_DEFAULTS.prefix),
    timeoutMs: count(60_000).default(CACHE_DEFAULTS.timeoutMs),
    ...cacheLimits,
  }),
])

const schema = z.strictObject({
  url: url.optional(),
  dataDir: z.string().min(1).default('.pgfleet'),
  migrate: z.boolean().default(true),
  poolMax: count(1000).default(10),
  connectTimeoutMs: count(3_600_000).default(10_000),
  callTimeoutMs: count(3_600_000).default(60_000),
  closeTimeoutMs: count(3_600_000).default(30_000),
  prepare: z.boolean().default(true),
  replicas: z.array(url).max(16).default([]),
  replicaWaitMs: z.int().min(0).max(60_000).default(100),
  replicaLagMsMax: z.int().min(20).max(86_400_000).default(10_000),
  replicaPollMs: z.int().min(10).max(60_000).default(1000),
  cache: cache.optional(),
  keyProvider: z
    .custom<KeyProvider>(
      (value) =>
        ['currentKeyId', 'wrap', 'unwrap'].every(
          (method) => typeof (value as Record<string, unknown> | null)?.[method] === 'function',
        ),
      'must have the methods currentKeyId, wrap and unwrap',
    )
    .optional(),
  listen: z
    .strictObject({
      url,
      onError: z
        .custom<NonNullable<ListenOptions['onError']>>((value) => typeof value === 'function', 'is not a function')
        .optional(),
    })
    .optional(),
  batch: z
    .strictObject({
      queueMax: count(10_000_000).default(BATCH_DEFAULTS.queueMax),
      waitersMax: count(10_000_000).default(BATCH_DEFAULTS.waitersMax),
      flightsMax: count(100).default(BATCH_DEFAULTS.flightsMax),
      bytesMax: z
        .int()
        .min(1024)
        .max(256 * 1024 * 1024)
        .default(BATCH_DEFAULTS.bytesMax),
    })
    .prefault({}),
})

/** Fills in the defaults, and freezes. Errors: OPTIONS_INVALID, which names the option and never shows its value. */
export function resolveOptions(options: FleetOptions): ResolvedOptions {
  const parsed = schema.safeParse(options)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const field = issue?.code === 'unrecognized_keys' ? issue.keys.join() : issue?.path.join('.')
    throw new FleetError('OPTIONS_INVALID', {
      message: `option ${field}: ${issue?.message}`,
      field: field ?? 'options',
    })
  }
  if (options.url !== undefined) serverUrls(options.url)
  if (options.url !== undefined && options.dataDir !== undefined) {
    throw new FleetError('OPTIONS_INVALID', { message: 'give url or dataDir, not both', field: 'dataDir' })
  }
  if (options.listen !== undefined && options.url === undefined) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'listen needs a url: the embedded database has one process',
      field: 'listen',
    })
  }
  if (options.replicas !== undefined && options.url === undefined) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'replicas need a url, that of their primary',
      field: 'replicas',
    })
  }
  if (parsed.data.replicaLagMsMax < 2 * parsed.data.replicaPollMs) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'replicaLagMsMax is less than twice replicaPollMs: a replica that has all would be left out',
      field: 'replicaLagMsMax',
    })
  }
  const { url: server, keyProvider, listen, cache } = parsed.data
  return Object.freeze({ ...parsed.data, url: server, keyProvider, listen, cache })
}
