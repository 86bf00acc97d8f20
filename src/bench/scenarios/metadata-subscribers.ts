import type { Tenant } from '../../fleet.js'
import type { Subscription } from '../../stores/metadata/index.js'
import type { Contestant } from '../contestant.js'
import { createLatencyHistogram } from '../histogram.js'
import { watchMemory } from '../memory.js'
import { keyOf } from './metadata-data.js'

/** What the subscribers follow, and how it is written. */
export interface SubscribersContent {
  readonly name: string
  readonly tenant: Tenant
  readonly group: string
  /** Names of the entities begin with it. */
  readonly prefix: string
  /** Milliseconds. */
  readonly tickMs: number
  readonly subscribers: number
  /** Keys that change in a tick. */
  readonly changes: number
  /** Subscribers that see each of them. */
  readonly seenBy: number
}

/**
 * Subscribers of one process, and as often as a tick a batch of changes. Times from the return of the write, which is the
 * commit, to the message; a key that is written again before it was delivered counts from its last write.
 */
export function subscribersContestant(content: SubscribersContent): Contestant {
  const { name, tenant, group, prefix, tickMs, subscribers, changes, seenBy } = content
  const { metadata } = tenant
  return {
    name,
    kind: 'pgfleet',
    callers: subscribers,
    async run({ warmUpMs, durationMs, signal }) {
      const histogram = createLatencyHistogram()
      const memory = watchMemory()
      /** When each value was committed, by value. */
      const committed = new Map<number, number>()
      let received = 0
      let isCounting = false
      const take = async (subscription: Subscription) => {
        for await (const message of subscription) {
          const at = 'value' in message ? committed.get(Number(message.value)) : undefined
          if (at === undefined || !isCounting) continue
          received++
          histogram.record(performance.now() - at)
        }
      }
      const groups = subscribers / seenBy
      const subscriptions = Array.from({ length: subscribers }, (_, n) =>
        // Ten of them each follow the same few keys.
        metadata.subscribe({
          group,
          entities: [keyOf(prefix, n % groups).entity],
          keys: [keyOf(prefix, n % groups).key],
        }),
      )
      const taken = subscriptions.map(take)
      try {
        await Promise.all(subscriptions.map(({ ready }) => ready))
        const began = performance.now()
        let value = 0
        let due = began
        let written = 0
        while (performance.now() < began + warmUpMs + durationMs) {
          signal.throwIfAborted()
          isCounting = performance.now() >= began + warmUpMs
          value++
          await metadata.setMany(
            Array.from({ length: changes }, (_, n) => ({ ...keyOf(prefix, n % groups), value })),
            { signal },
          )
          if (isCounting) written += changes
          committed.set(value, performance.now())
          committed.delete(value - 1000)
          due = Math.max(due + tickMs, performance.now())
          await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
        }
        // What was written last is on its way.
        await new Promise((resolve) => setTimeout(resolve, 20 * tickMs))
        const seconds = durationMs / 1000
        const latencies = histogram.latencies() ?? { p50: null, p95: null, p99: null, max: null }
        return {
          sample: {
            operations: received,
            itemsPerOperation: 1,
            seconds,
            throughput: received / seconds,
            mean: null,
            ...latencies,
            errors: 0,
            firstError: null,
            rss: memory.stop(),
            figures: { delivered: received / Math.max(1, written * seenBy) },
          },
        }
      } finally {
        memory.stop()
        histogram.release()
        await Promise.all(subscriptions.map((subscription) => subscription.return()))
        await Promise.allSettled(taken)
      }
    },
  }
}
