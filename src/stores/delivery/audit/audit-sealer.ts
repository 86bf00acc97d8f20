import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { isFleetError } from '../../../errors.js'
import { check } from '../../../input.js'
import type { Audit } from './audit.js'

/** How a sealer works. */
export interface SealerOptions {
  /** How long it rests when all is sealed, in milliseconds, 10 to 3600000. @default 1000 */
  readonly everyMs?: number
  /** Told of each error; the sealer tries again after `everyMs`. @default nobody */
  readonly onError?: (error: unknown) => void
}

/** A sealer at work. */
export interface Sealer {
  /** Ends it when its step is done. Harmless to repeat. */
  stop(): Promise<void>
}

const options = z.strictObject({
  everyMs: z.int().min(10).max(3_600_000).default(1000),
  onError: z.custom<(error: unknown) => void>((value) => typeof value === 'function', 'is not a function').optional(),
})

/**
 * Seals a tenant's audit log from now on: `keepSealed(tenant.delivery.audit)`. An entry is sealed `everyMs` after the last
 * transaction has ended that ran when it was committed, and as long as sealing takes. It ends by itself when the fleet is
 * closed. Errors: INPUT_INVALID.
 */
export function keepSealed(audit: Pick<Audit, 'seal'>, input: SealerOptions = {}): Sealer {
  const { everyMs, onError } = check('options', options, input)
  const ending = new AbortController()
  const work = async () => {
    while (!ending.signal.aborted) {
      try {
        const { more } = await audit.seal()
        if (more) continue
      } catch (error) {
        if (isFleetError(error, 'CLOSED')) return
        onError?.(error)
      }
      // Aborted: the loop looks at the signal. The rest of the process need not wait for it.
      await sleep(everyMs, undefined, { signal: ending.signal, ref: false }).catch(() => {})
    }
  }
  const done = work()
  return {
    async stop() {
      ending.abort()
      await done
    },
  }
}
