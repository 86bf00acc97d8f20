import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../../database/session.js'
import { type Statement, statement } from '../../database/statement.js'
import { FleetError, isFleetError } from '../../errors.js'
import { isAtOrBefore, type LogPosition } from '../../log-position.js'
import { Pause } from '../../pause.js'
import { type LoggedChange, subjectOf } from './change.js'
import { readChanges } from './changes.js'
import type { Subscriber } from './subscription.js'
import { SubscriptionIndex } from './subscription-index.js'
import { TickSchedule } from './tick-schedule.js'

/** Keys that are looked at in one statement. */
const KEYS_MAX = 5000
/** Statements of one tick, when the group changes faster than one of them can tell. */
const PAGES_MAX = 20
/** So many ticks without a change are looked at each; then looks are further and further apart. */
const CALM_TICKS = 10
/** In the end so many ticks, and so many milliseconds at most. */
const IDLE_STEPS_MAX = 10
const IDLE_MS_MAX = 500
/** Longest wait between two attempts to reach a lost database, in milliseconds. */
const RETRY_MS_MAX = 1000

const READERS = statement<{ agent_id: string }>(
  'metadata.readers',
  `select r.agent_id from metadata.roles r
  where r.tenant_id = current_setting('pgfleet.tenant') and r.sync_group = $1::text and r.agent_id = any ($2::text[]) and r.can_read`,
)

export const HUB_STATEMENTS: readonly Statement<unknown>[] = [READERS]

/**
 * Follows the log of one group, for all of its subscribers in this process: one statement a tick, whatever their number,
 * and what it finds is given out in memory. It lives as long as it has subscribers.
 */
export class SubscriptionHub {
  readonly #session: Session
  readonly #group: string
  readonly #onEnd: () => void
  readonly #joined = new SubscriptionIndex<Subscriber>()
  readonly #joining = new Set<Subscriber>()
  readonly #pause = new Pause()
  /** Everything up to here was given out; undefined before the first subscriber has joined. */
  #position: LogPosition | undefined
  #steps = 1
  /** Looks that found nothing, one after the other. */
  #empty = 0
  #isWoken = false
  #isEnded = false
  #work: Promise<void> = Promise.resolve()

  /** @param onEnd told when the last subscriber has left */
  constructor(session: Session, group: string, onEnd: () => void) {
    this.#session = session
    this.#group = group
    this.#onEnd = onEnd
  }

  /**
   * Brings a subscriber from a position, or from now, to where the hub is, then to the rest. Until it has joined, it reads
   * for itself, no more than it takes. What goes wrong, it is told.
   */
  async admit(subscriber: Subscriber, from: LogPosition | undefined): Promise<void> {
    // From here on it hears of rights that change: its own were not checked before.
    this.#joining.add(subscriber)
    let position = from
    let lostAt: number | undefined
    let retryMs = 10
    while (!subscriber.isEnded) {
      try {
        const read = await readChanges(this.#session, {
          ...subscriber.settings,
          position,
          limit: Math.min(KEYS_MAX, subscriber.settings.pendingMax),
        })
        lostAt = undefined
        subscriber.begin(position ?? read.position)
        for (const logged of read.changes) {
          if (!logged.isHere || subscriber.channel !== undefined) subscriber.offer(logged)
        }
        subscriber.reach(read.position)
        position = read.position
        if (read.more) {
          await subscriber.emptied()
          await sleep(read.tickMs)
        } else if (this.#position === undefined || isAtOrBefore(this.#position, position)) {
          this.#join(subscriber, position, read.tickMs)
          return
        }
      } catch (error) {
        lostAt ??= performance.now()
        if (!isLoss(error) || performance.now() - lostAt >= subscriber.settings.reconnectMs) {
          subscriber.end(isFleetError(error, 'CLOSED') ? undefined : error)
          return
        }
        await sleep(retryMs)
        retryMs = Math.min(RETRY_MS_MAX, retryMs * 2)
      }
    }
  }

  /** Forgets a subscriber that has ended; the last one ends the hub. */
  leave(subscriber: Subscriber): void {
    this.#joining.delete(subscriber)
    this.#joined.delete(subscriber)
    if (this.#joined.size === 0 && this.#joining.size === 0 && !this.#isEnded) {
      this.#isEnded = true
      this.#pause.end()
      this.#onEnd()
    }
  }

  /** Something may have changed: looks at the log at the next tick, however long nothing had. */
  wake(): void {
    if (this.#isWoken) return
    this.#isWoken = true
    this.#pause.end()
  }

  /** Ends all subscriptions quietly; resolves when nothing is in flight. */
  async close(): Promise<void> {
    this.#endAll(() => undefined)
    await this.#work
  }

  #join(subscriber: Subscriber, position: LogPosition, tickMs: number): void {
    if (subscriber.isEnded) return
    subscriber.skip(position)
    this.#joining.delete(subscriber)
    this.#joined.add(subscriber)
    if (this.#position !== undefined) return
    this.#position = position
    this.#work = this.#run(position, new TickSchedule(tickMs))
  }

  async #run(position: LogPosition, schedule: TickSchedule): Promise<void> {
    let lostAt: number | undefined
    let retryMs = schedule.tickMs
    // The position was read just now.
    schedule.take()
    while (!this.#isEnded) {
      const steps = this.#isWoken ? 1 : this.#steps
      const waitMs = schedule.waitMs(steps)
      if (waitMs > 0) {
        await this.#pause.begin(Math.ceil(waitMs))
        continue
      }
      this.#isWoken = false
      schedule.take(steps)
      try {
        position = await this.#look(position, schedule)
        this.#position = position
        lostAt = undefined
        retryMs = schedule.tickMs
      } catch (error) {
        lostAt ??= performance.now()
        this.#fail(error, performance.now() - lostAt)
        if (this.#isEnded) return
        await this.#pause.begin(retryMs)
        retryMs = Math.min(RETRY_MS_MAX, retryMs * 2)
      }
    }
  }

  /** Reads what has changed behind a position, and gives it out; where the log is now. */
  async #look(from: LogPosition, schedule: TickSchedule): Promise<LogPosition> {
    const changes = new Map<string, LoggedChange>()
    const revised = new Set<string>()
    let isRevised = false
    let position = from
    for (let page = 0; page < PAGES_MAX && !this.#isEnded; page++) {
      const read = await readChanges(this.#session, { group: this.#group, agent: undefined, position, limit: KEYS_MAX })
      for (const logged of read.changes) {
        const subject = subjectOf(logged)
        changes.delete(subject)
        changes.set(subject, logged)
      }
      isRevised ||= read.agentIds !== undefined
      for (const agent of read.agentIds ?? []) revised.add(agent)
      position = read.position
      schedule.tickMs = read.tickMs
      if (!read.more) {
        const stepsMax = Math.max(1, Math.min(IDLE_STEPS_MAX, Math.floor(IDLE_MS_MAX / read.tickMs)))
        this.#empty = changes.size > 0 || read.isWaiting ? 0 : this.#empty + 1
        this.#steps = Math.max(1, Math.min(this.#empty - CALM_TICKS, stepsMax))
        break
      }
    }
    // Before anything is given out.
    if (isRevised) await this.#checkReaders(revised)
    for (const logged of changes.values()) for (const subscriber of this.#joined.find(logged)) subscriber.offer(logged)
    for (const subscriber of this.#joined) subscriber.reach(position)
    return position
  }

  /** Ends those who may no longer read the group. */
  async #checkReaders(revised: ReadonlySet<string>): Promise<void> {
    const concerned = [...this.#joined, ...this.#joining].filter(
      ({ settings: { agent } }) => agent !== undefined && (revised.size === 0 || revised.has(agent)),
    )
    if (concerned.length === 0) return
    const agents = [...new Set(concerned.map(({ settings }) => settings.agent))]
    const readers = await this.#session.query(READERS, [this.#group, agents], { idempotent: true })
    const may = new Set(readers.map((row) => row.agent_id))
    for (const subscriber of concerned) {
      const { agent } = subscriber.settings
      if (agent !== undefined && !may.has(agent))
        subscriber.end(this.#denied(`agent ${JSON.stringify(agent)} may no longer read`))
    }
  }

  /** What a failed look at the log means for each subscriber. */
  #fail(error: unknown, lostMs: number): void {
    if (isFleetError(error, 'CLOSED')) this.#endAll(() => undefined)
    else if (isFleetError(error, 'SYNC_GROUP_UNKNOWN')) this.#endAll(() => this.#denied('nobody may read', error))
    else if (!isLoss(error)) this.#endAll(() => error)
    else for (const each of [...this.#joined]) if (lostMs >= each.settings.reconnectMs) each.end(error)
  }

  #denied(what: string, cause?: unknown): FleetError {
    return new FleetError('PERMISSION_DENIED', {
      message: `${what} the sync group ${JSON.stringify(this.#group)}`,
      field: 'group',
      hint: 'Grant it with metadata.roles.grant(), and subscribe again.',
      cause,
    })
  }

  #endAll(reason: () => unknown): void {
    for (const subscriber of [...this.#joined, ...this.#joining]) subscriber.end(reason())
  }
}

/** A lost or overloaded database may come back; reading it again does no harm. */
function isLoss(error: unknown): boolean {
  return isFleetError(error) && (error.retryable || error.code === 'OUTCOME_UNKNOWN')
}
