import type { Thresholds } from '../../doctor/thresholds.js'
import type { ServerState, Snapshot, SnapshotObserver } from '../snapshot.js'
import { changeAlerts } from './alert-changes.js'
import { type AlertReceiver, messageOf } from './alert-message.js'
import { windowOf } from './condition.js'
import { type DeliveryFigures, type DeliveryOptions, DeliveryQueue } from './delivery-queue.js'
import { Measurement } from './measurement.js'
import { type AlertStore, labelsKey, OPEN_ALERTS_MAX, type OpenAlert } from './open-alert.js'
import type { AlertRule } from './rule.js'

/** How alerts are evaluated and delivered. */
export interface AlertEvaluatorOptions {
  readonly rules: readonly AlertRule[]
  readonly thresholds: Thresholds
  /** Where open alerts are kept. */
  readonly store: AlertStore
  /** Who is told. Without any, alerts are only kept. */
  readonly receivers: readonly AlertReceiver[]
  /** How often snapshots come, in milliseconds. @default 15000 */
  readonly intervalMs?: number
  /** How often an alert that lasts is told again, in milliseconds. @default 4 hours */
  readonly repeatMs?: number
  /** Rules of which nothing is told, by id; they are evaluated and kept all the same. @default none */
  readonly silenced?: readonly string[]
  /** How messages are delivered. */
  readonly delivery?: Omit<DeliveryOptions, 'onProblem' | 'onSettled'>
  /** How long the end waits for what is still to be delivered, in milliseconds. @default 5000 */
  readonly graceMs?: number
  /** Told of what went wrong, without secrets. @default nothing is told */
  readonly onProblem?: (text: string) => void
}

/** The least gap between two looks that breaks a condition's time, in milliseconds: as long as Prometheus takes a value for the present. */
const GAP_MS = 300_000

/** How long the store may take to load or save before the snapshot goes on without it, in milliseconds. */
const STORE_TIMEOUT_MS = 5000

/** Evaluates rules over the snapshots of a monitor, keeps what is open, and tells of changes. */
export class AlertEvaluator implements SnapshotObserver {
  readonly name = 'alerts'
  readonly #options: AlertEvaluatorOptions
  readonly #measurement: Measurement
  readonly #queues: readonly DeliveryQueue[]
  readonly #settling = new Map<string, number>()
  readonly #silenced: ReadonlySet<string>
  readonly #onProblem: (text: string) => void
  #alerts: readonly OpenAlert[] = []
  #isLoaded = false
  #loading: Promise<readonly OpenAlert[]> | undefined
  #server: ServerState | undefined
  #knownSince: Date | undefined
  #saved = ''
  #savedAt = 0

  constructor(options: AlertEvaluatorOptions) {
    this.#options = options
    this.#measurement = new Measurement(options.rules, options.thresholds)
    this.#silenced = new Set(options.silenced)
    this.#onProblem = options.onProblem ?? (() => {})
    this.#queues = options.receivers.map(
      (receiver) =>
        new DeliveryQueue(receiver, {
          ...options.delivery,
          onProblem: this.#onProblem,
          onSettled: (id) => this.#settling.set(id, (this.#settling.get(id) ?? 0) - 1),
        }),
    )
  }

  /** The alerts that are pending or firing, and those whose end is not delivered yet. */
  get alerts(): readonly OpenAlert[] {
    return this.#alerts
  }

  /** What became of messages, by receiver. */
  figures(): readonly DeliveryFigures[] {
    return this.#queues.map((queue) => queue.figures())
  }

  /** Evaluates all rules at the snapshot's moment. Never waits for a receiver, and for the store a few seconds at most. */
  async observe(snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    if (!this.#isLoaded) await this.#load(signal)
    const { at } = snapshot
    this.#follow(snapshot)
    this.#measurement.take(snapshot)
    const { rules, intervalMs = 15_000, repeatMs = 4 * 3_600_000 } = this.#options
    const knownMs = at.getTime() - (this.#knownSince ?? at).getTime()
    const gapMs = Math.max(GAP_MS, 3 * intervalMs)
    const settled = this.#alerts.flatMap((alert) => this.#settle(alert) ?? [])
    // Of rules that are no more nothing is known; their alerts end without a word.
    const next = settled.filter(({ state }) => state === 'resolved')
    const open = settled.filter(({ state }) => state !== 'resolved')
    let refused = 0
    for (const rule of rules) {
      const before = open.filter((alert) => alert.rule === rule.id)
      const changes = changeAlerts(rule, before, this.#measurement.judge(rule.condition), at, {
        server: this.#server?.systemIdentifier ?? '',
        repeatMs,
        gapMs,
        silenced: this.#silenced,
        knownMs,
        windowMs: windowOf(rule.condition) * 1000,
        room: OPEN_ALERTS_MAX - next.length,
      })
      next.push(...changes.alerts)
      refused += changes.refused
    }
    if (refused > 0) this.#onProblem(`${refused} alerts were not opened: ${OPEN_ALERTS_MAX} are open already`)
    this.#alerts = next
    const unsent = new Set(next.map((alert) => alert.unsent?.id))
    for (const [id, receivers] of this.#settling) if (receivers <= 0 && !unsent.has(id)) this.#settling.delete(id)
    // Kept before it is told: an end between the two tells it once more, with the same id.
    await this.#save(signal)
    this.#tell()
  }

  /** Delivers what it can in a few seconds, and keeps the rest for the next start. */
  async close(): Promise<void> {
    const { graceMs = 5000 } = this.#options
    await Promise.all(this.#queues.map((queue) => queue.close(graceMs)))
    this.#alerts = this.#alerts.flatMap((alert) => this.#settle(alert) ?? [])
    this.#saved = ''
    await this.#save(AbortSignal.timeout(STORE_TIMEOUT_MS))
  }

  /** Offers each message once in the life of this process. */
  #tell(): void {
    for (const alert of this.#alerts) {
      const { unsent } = alert
      const rule = this.#options.rules.find(({ id }) => id === alert.rule)
      if (unsent === null || rule === undefined || this.#settling.has(unsent.id)) continue
      this.#settling.set(unsent.id, this.#queues.length)
      for (const queue of this.#queues) queue.offer(messageOf(rule, alert, unsent, this.#server))
    }
  }

  /** The alert without a message that everybody has; undefined when it is over and nobody has to be told any more. */
  #settle(alert: OpenAlert): OpenAlert | undefined {
    const { unsent } = alert
    if (
      unsent !== null &&
      (this.#settling.get(unsent.id) ?? 1) > 0 &&
      this.#options.rules.some(({ id }) => id === alert.rule)
    )
      return alert
    if (unsent !== null) this.#settling.delete(unsent.id)
    return alert.state === 'resolved' ? undefined : { ...alert, unsent: null }
  }

  /** Counters are compared within one life of one server. */
  #follow({ at, server }: Snapshot): void {
    const before = this.#server
    if (server !== undefined) this.#server = server
    const isAnother =
      before !== undefined &&
      server !== undefined &&
      (before.systemIdentifier !== server.systemIdentifier ||
        before.timeline !== server.timeline ||
        before.inRecovery !== server.inRecovery ||
        before.startedAt.getTime() !== server.startedAt.getTime())
    if (isAnother) this.#measurement.forget()
    if (isAnother || this.#knownSince === undefined || this.#knownSince > at) this.#knownSince = at
  }

  async #load(signal: AbortSignal): Promise<void> {
    // One that takes long goes on, and the next snapshot waits for the same.
    this.#loading ??= this.#options.store.load().catch((error: unknown) => {
      this.#loading = undefined
      throw error
    })
    try {
      const stored = await within(this.#loading, signal)
      const own = new Map(this.#alerts.map((alert) => [keyOf(alert), alert]))
      // What was opened meanwhile gives way to what was known before; it is the same alert.
      for (const alert of stored) own.set(keyOf(alert), alert)
      this.#alerts = [...own.values()]
      this.#isLoaded = true
    } catch (error) {
      this.#onProblem(`what was open before is not known yet: ${messageOfError(error)}`)
    }
  }

  async #save(signal: AbortSignal): Promise<void> {
    // What was kept before must not be overwritten before it was read.
    if (!this.#isLoaded) return
    const state = JSON.stringify(this.#alerts.map(({ value, lastAt, ...rest }) => rest))
    // Each moment at which a condition held is kept now and then alone: it is what the gap after a restart is reckoned from.
    const isFresh = this.#alerts.some(({ lastAt }) => lastAt.getTime() - this.#savedAt >= GAP_MS / 5)
    if (state === this.#saved && !isFresh) return
    try {
      await within(this.#options.store.save(this.#alerts), signal)
      this.#saved = state
      this.#savedAt = Math.max(0, ...this.#alerts.map(({ lastAt }) => lastAt.getTime()))
    } catch (error) {
      this.#onProblem(`open alerts could not be kept: ${messageOfError(error)}`)
    }
  }
}

/** One alert of a rule and its labels is open at a time; ended ones wait beside it. */
function keyOf({ rule, labels, state, id }: OpenAlert): string {
  return `${rule} ${labelsKey(labels)}${state === 'resolved' ? id : ''}`
}

function messageOfError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const end = AbortSignal.any([signal, AbortSignal.timeout(STORE_TIMEOUT_MS)])
  const late = new Promise<never>((_, reject) => {
    const leave = () =>
      reject(new Error(signal.aborted ? 'interrupted' : `no answer within ${STORE_TIMEOUT_MS / 1000} s`))
    if (end.aborted) leave()
    else end.addEventListener('abort', leave, { once: true })
  })
  work.catch(() => {})
  return await Promise.race([work, late])
}
