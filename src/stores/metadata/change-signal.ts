import { Listener, type ListenOptions } from '../../database/listener.js'
import type { Session } from '../../database/session.js'
import { type Statement, statement } from '../../database/statement.js'
import { SubscriptionHubs } from './subscription-hubs.js'

/** The channel of PostgreSQL on which processes tell each other that there is something to read. */
const CHANNEL = 'pgfleet_changes'

const NOTIFY = statement<{ tick_ms: number | null }>(
  'metadata.notify',
  `select (
      select min(g.tick_ms) from metadata.sync_groups g where g.tenant_id = current_setting('pgfleet.tenant')
    ) as tick_ms
  from pg_notify('${CHANNEL}', current_setting('pgfleet.tenant'))`,
)

export const CHANGE_SIGNAL_STATEMENTS: readonly Statement<unknown>[] = [NOTIFY]

/** Who is told that something may have changed. */
export interface Signal {
  readonly hubs: SubscriptionHubs
  /** True when somebody wants to hear of the tenant's writes. */
  isHeard(tenant: string): boolean
  /** Something was written in the session's tenant. */
  wrote(session: Session): void
}

/** Of a transaction: what it writes is told of once it is committed, what it subscribes to it reads for itself. */
export class TransactionSignal implements Signal {
  readonly hubs = new SubscriptionHubs()
  hasWritten = false

  isHeard(): boolean {
    return true
  }

  wrote(): void {
    this.hasWritten = true
  }
}

/** A tenant that this process writes for, while others are told of it. */
interface Notice {
  tickMs: number
  /** When the last one left, by performance.now(). */
  sentAt: number
  timer: NodeJS.Timeout | undefined
  sending: Promise<void> | undefined
}

/** Tenants of which it is remembered when they were told of last. */
const NOTICES_MAX = 10_000

/**
 * Tells the hubs of this process that there may be something to read: of its own writes at once, with `listen` of those of
 * other processes too, which then are told of this one's.
 */
export class ChangeSignal implements Signal {
  readonly hubs: SubscriptionHubs
  readonly #listener: Listener | undefined
  readonly #notices = new Map<string, Notice>()
  #isClosed = false

  constructor(listen: ListenOptions | undefined, connectTimeoutMs: number) {
    this.#listener =
      listen &&
      new Listener(CHANNEL, {
        url: listen.url,
        connectTimeoutMs,
        onNotification: (tenant) => (tenant === undefined ? this.hubs.wakeAll() : this.hubs.wake(tenant)),
        onError: listen.onError ?? (() => {}),
      })
    this.hubs = new SubscriptionHubs(() => this.#listener?.open())
  }

  isHeard(tenant: string): boolean {
    return this.#listener !== undefined || this.hubs.has(tenant)
  }

  wrote(session: Session): void {
    this.hubs.wake(session.tenant)
    if (this.#listener !== undefined && !this.#isClosed) this.#notify(session)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.hubs.close()
    await this.#listener?.close()
    for (const { timer } of this.#notices.values()) clearTimeout(timer)
    await Promise.all([...this.#notices.values()].map(({ sending }) => sending))
  }

  /** Tells others, at most once a tick of the tenant's fastest group: after the commits, in a statement of its own. */
  #notify(session: Session): void {
    let notice = this.#notices.get(session.tenant)
    if (notice === undefined) {
      if (this.#notices.size >= NOTICES_MAX) this.#forget()
      notice = { tickMs: 20, sentAt: Number.NEGATIVE_INFINITY, timer: undefined, sending: undefined }
      this.#notices.set(session.tenant, notice)
    }
    const there = notice
    if (there.timer !== undefined) return
    const waitMs = Math.max(0, there.sentAt + there.tickMs - performance.now())
    there.timer = setTimeout(() => {
      there.timer = undefined
      there.sentAt = performance.now()
      there.sending = session
        .query(NOTIFY, [], { durability: 'async', idempotent: true })
        .then(([row]) => {
          there.tickMs = row?.tick_ms ?? there.tickMs
        })
        // A hint that is lost: others look by themselves.
        .catch(() => {})
    }, waitMs)
    there.timer.unref()
  }

  #forget(): void {
    for (const [tenant, { timer }] of this.#notices) if (timer === undefined) this.#notices.delete(tenant)
  }
}
