import { setTimeout as sleep } from 'node:timers/promises'
import { isConflict, isConnectionLoss, isStalePlan, isStandbyRefusal } from './failure.js'

/** How often, and how long apart, a call is repeated. */
export interface RetryOptions {
  /** Attempts in all, the first included. @default 6 */
  readonly attemptsMax?: number
  /** Upper end of the first wait, in milliseconds; it doubles each time, up to 2 s. @default 20 */
  readonly waitMs?: number
  /** Nothing is repeated so long after the first attempt began, in milliseconds. @default Infinity */
  readonly limitMs?: number
  /** True when repeating the call after a lost connection cannot apply it twice. */
  readonly idempotent: boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a call, and repeats it where that is safe: after a conflict (the transaction is known to be rolled back), a
 * stale plan and the refusal of a standby always; after a lost connection when the call is idempotent or `wasSent` says it never left. Waits are
 * drawn from [0, limit) ("full jitter"), so that callers who failed together do not come back together.
 */
export async function withRetry<T>(
  call: (attempt: number) => Promise<T>,
  wasSent: () => boolean,
  options: RetryOptions,
): Promise<T> {
  const attemptsMax = options.attemptsMax ?? 6
  const end = performance.now() + (options.limitMs ?? Number.POSITIVE_INFINITY)
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(attempt)
    } catch (error) {
      const safe =
        isConflict(error) ||
        isStalePlan(error) ||
        isStandbyRefusal(error) ||
        (isConnectionLoss(error) && (options.idempotent || !wasSent()))
      if (!safe || attempt >= attemptsMax || performance.now() >= end || options.signal?.aborted) throw error
      await sleep(Math.random() * Math.min(2000, (options.waitMs ?? 20) * 2 ** (attempt - 1)))
    }
  }
}
