import { onAbort } from '../../database/abort-signal.js'
import { FleetError } from '../../errors.js'
import { isAtOrBefore, type LogPosition, toCursor } from '../../log-position.js'
import { type Change, type LoggedChange, subjectOf } from './change.js'
import type { Follower } from './subscription-index.js'

/** A change, and where it stands in the log. */
export type ChangeMessage = Change & {
  /** Go on behind it: subscribe with this cursor, and nothing is missed. */
  readonly cursor: string
}

/** What a subscription was asked to do. */
export interface SubscriptionSettings {
  readonly group: string
  /** Whose right to read is checked; undefined: the service itself. */
  readonly agent: string | undefined
  readonly channel: string | undefined
  readonly entities: readonly string[] | undefined
  readonly keys: readonly string[] | undefined
  readonly pendingMax: number
  readonly reconnectMs: number
  readonly signal: AbortSignal | undefined
}

/** Messages of a sync group, as they come; at most one a key a tick. */
export interface Subscription extends AsyncIterableIterator<ChangeMessage, void, undefined>, AsyncDisposable {
  /**
   * Resolves once the right to read was checked, with the cursor behind which every change will come: read the whole group
   * then, and nothing lies between. Rejects with the error that iterating throws.
   */
  readonly ready: Promise<string>
  /** How far everything was taken: a subscription with this cursor goes on there. Undefined until `ready`. */
  readonly cursor: string | undefined
  /** Ends it. Harmless to repeat. */
  return(): Promise<IteratorReturnResult<void>>
}

type Waiter = PromiseWithResolvers<IteratorResult<ChangeMessage, void>>

/**
 * The reader's end of a subscription: keeps the last change of each key until it is taken, in the order of the log. What
 * puts changes in is the group's hub, and before it has caught up, its catching up.
 */
export class Subscriber implements Subscription, Follower {
  readonly settings: SubscriptionSettings
  readonly channel: string | undefined
  readonly entities: ReadonlySet<string> | undefined
  readonly keys: ReadonlySet<string> | undefined
  readonly ready: Promise<string>
  readonly #ready = promiseWithResolvers<string>()
  readonly #pending = new Map<string, LoggedChange>()
  readonly #waiters: Waiter[] = []
  readonly #emptied: (() => void)[] = []
  readonly #onEnd: () => void
  readonly #forget: () => void
  /** Everything up to here was taken. */
  #taken: LogPosition | undefined
  /** Everything up to here is in `#pending`, or was taken. */
  #reached: LogPosition | undefined
  /** What the hub brings up to here, catching up has brought. */
  #skipped: LogPosition | undefined
  #error: unknown
  #isEnded = false

  /** @param onEnd told once, when it has ended, whoever ended it */
  constructor(settings: SubscriptionSettings, onEnd: () => void) {
    this.settings = settings
    this.channel = settings.channel
    this.entities = settings.entities && new Set(settings.entities)
    this.keys = settings.keys && new Set(settings.keys)
    this.ready = this.#ready.promise
    // Whoever does not wait for it sees the error while iterating.
    this.ready.catch(() => {})
    this.#onEnd = onEnd
    this.#forget = onAbort(settings.signal, () => this.end())
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get cursor(): string | undefined {
    const position = this.#pending.size === 0 ? this.#reached : this.#taken
    return position && toCursor(position)
  }

  /** From here on nothing is missed. */
  begin(position: LogPosition): void {
    this.#taken ??= position
    this.#reached ??= position
    this.#ready.resolve(toCursor(position))
  }

  /** Takes a change in; of a key that still waits the later one stays. Ends with SUBSCRIBER_TOO_SLOW when too many wait. */
  offer(logged: LoggedChange): void {
    if (this.#isEnded) return
    if (this.#skipped !== undefined && isAtOrBefore(logged.position, this.#skipped)) return
    const subject = subjectOf(logged)
    // At the end, so that what waits stays in the order of the log.
    this.#pending.delete(subject)
    if (logged.change.kind === 'left') this.#drop(logged)
    this.#pending.set(subject, logged)
    // Catching up takes no more than a page before it waits.
    if (this.#skipped !== undefined && this.#pending.size > this.settings.pendingMax) {
      this.end(
        new FleetError('SUBSCRIBER_TOO_SLOW', {
          message: `more than ${this.settings.pendingMax} changes wait to be taken from a subscription to ${JSON.stringify(this.settings.group)}`,
          ...(this.#taken && { details: { cursor: toCursor(this.#taken) } }),
        }),
      )
    }
  }

  /** What was offered up to here is complete: gives it to those who wait for it. */
  reach(position: LogPosition): void {
    // What the hub read before this one had joined may be older.
    if (this.#reached === undefined || isAtOrBefore(this.#reached, position)) this.#reached = position
    while (this.#waiters.length > 0 && this.#pending.size > 0) {
      this.#waiters.shift()?.resolve({ done: false, value: this.#take() })
    }
  }

  /** The hub brings what comes behind this position; what it brings up to it has been brought. */
  skip(position: LogPosition): void {
    this.#skipped = position
  }

  /** Resolves when nothing waits to be taken, or it has ended. */
  async emptied(): Promise<void> {
    if (this.#pending.size > 0 && !this.#isEnded) await new Promise<void>((resolve) => this.#emptied.push(resolve))
  }

  /** Ends it, with an error or quietly; what was not taken is gone. Harmless to repeat. */
  end(error?: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#forget()
    this.#pending.clear()
    this.#ready.reject(error ?? new FleetError('ABORTED', { message: 'the subscription was ended before it began' }))
    const first = this.#waiters.shift()
    if (error === undefined) first?.resolve({ done: true, value: undefined })
    else if (first !== undefined) first.reject(error)
    else this.#error = error
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined })
    for (const resolve of this.#emptied.splice(0)) resolve()
    this.#onEnd()
  }

  next(): Promise<IteratorResult<ChangeMessage, void>> {
    if (this.#pending.size > 0 && this.#waiters.length === 0) {
      return Promise.resolve({ done: false, value: this.#take() })
    }
    if (this.#isEnded) {
      const error = this.#error
      this.#error = undefined
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error)
    }
    const waiter: Waiter = promiseWithResolvers()
    this.#waiters.push(waiter)
    return waiter.promise
  }

  async return(): Promise<IteratorReturnResult<void>> {
    this.end()
    this.#error = undefined
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #take(): ChangeMessage {
    const [first, second] = this.#pending
    const [subject, { change, position }] = first as [string, LoggedChange]
    this.#pending.delete(subject)
    // Changes of one position belong together: the cursor stays before them until the last is taken.
    if (second === undefined) this.#taken = this.#reached
    else if (!isAtOrBefore(second[1].position, position)) this.#taken = position
    if (this.#pending.size === 0) for (const resolve of this.#emptied.splice(0)) resolve()
    return { ...change, cursor: toCursor(this.#taken as LogPosition) }
  }

  /** Forgets what waits of an entity that has left. */
  #drop({ change: { entity } }: LoggedChange): void {
    for (const [subject, { change }] of this.#pending) if (change.entity === entity) this.#pending.delete(subject)
  }
}

/** Promise.withResolvers, which Node has from version 22 on. */
function promiseWithResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: PromiseWithResolvers<T>['resolve']
  let reject!: PromiseWithResolvers<T>['reject']
  const promise = new Promise<T>((one, other) => {
    resolve = one
    reject = other
  })
  return { promise, resolve, reject }
}
