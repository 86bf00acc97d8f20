import { z } from 'zod'
import type { Session } from '../../database/session.js'
import { FleetError } from '../../errors.js'
import { check } from '../../input.js'
import { cursorText, toPosition } from '../../log-position.js'
import { type ChangeFilter, changeFilter } from './changes.js'
import { Subscriber, type Subscription } from './subscription.js'
import { SubscriptionHub } from './subscription-hub.js'

/** What to follow, and from where. */
export interface SubscriptionOptions extends ChangeFilter {
  /** Goes on behind it: what came since is told first. @default from now on */
  readonly cursor?: string
  /**
   * Most keys whose last change waits to be taken, 1 to 1,000,000; a reader that falls further behind is ended with
   * SUBSCRIBER_TOO_SLOW. @default 10000
   */
  readonly pendingMax?: number
  /** How long a database that cannot be reached is tried again before its error is thrown, in milliseconds, up to a day. @default 60000 */
  readonly reconnectMs?: number
  /** Ends the subscription, without an error. */
  readonly signal?: AbortSignal
}

const subscriptionOptions = z.strictObject({
  ...changeFilter,
  cursor: cursorText.optional(),
  pendingMax: z.int().min(1).max(1_000_000).default(10_000),
  reconnectMs: z.int().min(0).max(86_400_000).default(60_000),
  signal: z.instanceof(AbortSignal).optional(),
})

/** The hubs of a process: one for each tenant and group that somebody follows. */
export class SubscriptionHubs {
  readonly #hubs = new Map<string, Map<string, SubscriptionHub>>()
  /** Hubs that nobody follows any more, while their last statement is in flight. */
  readonly #ending = new Set<Promise<void>>()
  readonly #onFirst: () => void
  #isClosed = false

  /** @param onFirst told whenever somebody subscribes */
  constructor(onFirst: () => void = () => {}) {
    this.#onFirst = onFirst
  }

  /** Errors: INPUT_INVALID and CLOSED at once; others while iterating. */
  subscribe(session: Session, agent: string | undefined, input: SubscriptionOptions): Subscription {
    const { group, cursor, channel, entities, keys, ...options } = check('options', subscriptionOptions, input)
    if (this.#isClosed) throw new FleetError('CLOSED', { message: 'the fleet was closed' })
    this.#onFirst()
    const hub = this.#hubOf(session, group)
    const settings = { group, agent, channel, entities, keys, ...options, signal: options.signal }
    const subscriber = new Subscriber(settings, () => hub.leave(subscriber))
    const work = hub.admit(subscriber, cursor === undefined ? undefined : toPosition(cursor))
    this.#ending.add(work)
    void work.finally(() => this.#ending.delete(work))
    if (options.signal?.aborted) subscriber.end()
    return subscriber
  }

  /** True when somebody follows a group of the tenant. */
  has(tenant: string): boolean {
    return this.#hubs.has(tenant)
  }

  /** Tells hubs that something may have changed: those of a tenant, or of one of its groups. */
  wake(tenant: string, group?: string): void {
    const hubs = this.#hubs.get(tenant)
    if (group !== undefined) hubs?.get(group)?.wake()
    else for (const hub of hubs?.values() ?? []) hub.wake()
  }

  /** Tells all hubs. */
  wakeAll(): void {
    for (const tenant of this.#hubs.keys()) this.wake(tenant)
  }

  /** Ends every subscription quietly, and waits for what is in flight. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#hubs.values()].flatMap((hubs) => [...hubs.values()].map((hub) => hub.close())))
    await Promise.all(this.#ending)
  }

  #hubOf(session: Session, group: string): SubscriptionHub {
    const hubs = this.#hubs.get(session.tenant) ?? new Map<string, SubscriptionHub>()
    this.#hubs.set(session.tenant, hubs)
    const there = hubs.get(group)
    if (there !== undefined) return there
    const hub = new SubscriptionHub(session, group, () => {
      hubs.delete(group)
      if (hubs.size === 0) this.#hubs.delete(session.tenant)
      const ended = hub.close()
      this.#ending.add(ended)
      void ended.finally(() => this.#ending.delete(ended))
    })
    hubs.set(group, hub)
    return hub
  }
}
