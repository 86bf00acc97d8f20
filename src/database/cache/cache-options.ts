/** Limits of every cache. */
export interface CacheLimits {
  /**
   * The bound: a cached read sees at least all that was committed so many milliseconds before it was called, whatever
   * happens. 1 to 3600000. It is also how long a right that was revoked elsewhere may go on being honoured by it.
   */
  readonly staleMs: number
  /** Most subjects (a key, a state) that are kept; those that were read least recently go first. @default 10000 */
  readonly itemsMax?: number
  /** Most bytes that they may take, estimated. @default 67108864 */
  readonly bytesMax?: number
}

/** In this process alone: of writes of other processes only the bound tells. */
export interface MemoryCacheOptions extends CacheLimits {
  readonly kind: 'memory'
}

/**
 * In this process, and told by a Valkey or Redis server (6.2 or newer) when another process of the kind has written: mostly
 * much fresher than the bound. No value is sent there, only hashes of names. Needs the package `@redis/client`.
 */
export interface ValkeyCacheOptions extends CacheLimits {
  readonly kind: 'valkey'
  /** `redis://` or `rediss://`, of a single server, no cluster. */
  readonly url: string
  /** What names there begin with; processes that are to hear of each other have the same. @default 'pgfleet:' */
  readonly prefix?: string
  /**
   * Longest wait for an answer of that server, in milliseconds. Then the cache is emptied and not used until it answers
   * again. @default 100
   */
  readonly timeoutMs?: number
}

/** A cache of hot reads. */
export type CacheOptions = MemoryCacheOptions | ValkeyCacheOptions

/** What is not given. */
export const CACHE_DEFAULTS = {
  itemsMax: 10_000,
  bytesMax: 64 * 1024 * 1024,
  prefix: 'pgfleet:',
  timeoutMs: 100,
} as const
