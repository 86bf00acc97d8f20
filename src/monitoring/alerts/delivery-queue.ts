import { isFleetError } from '../../errors.js'
import { Pause } from '../../pause.js'
import type { AlertMessage, AlertReceiver } from './alert-message.js'

/** How messages are delivered. */
export interface DeliveryOptions {
  /** Most messages that wait; then the oldest is dropped, counted and told. 1 or more. @default 1000 */
  readonly waitingMax?: number
  /** How often one message is tried. @default 8 */
  readonly attemptsMax?: number
  /** How long one try may take, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
  /** The pause after the first try that failed, in milliseconds; it doubles, and each is shortened at random by up to half. @default 1000 */
  readonly backoffMs?: number
  /** The longest pause, in milliseconds. @default 60000 */
  readonly backoffMaxMs?: number
  /** Told of what was dropped, refused or given up, without secrets. @default nothing is told */
  readonly onProblem?: (text: string) => void
  /** Told when the receiver has a message, or never will. */
  readonly onSettled?: (id: string) => void
}

/** What became of messages. */
export interface DeliveryFigures {
  readonly receiver: string
  readonly delivered: number
  /** Refused, or given up after all attempts. */
  readonly failed: number
  /** Left out because too many waited. */
  readonly dropped: number
  readonly waiting: number
}

/** Messages on their way to one receiver, in their order, one at a time. Whoever offers one never waits. */
export class DeliveryQueue {
  readonly #receiver: AlertReceiver
  readonly #options: Required<Omit<DeliveryOptions, 'onProblem' | 'onSettled'>>
  readonly #onProblem: (text: string) => void
  readonly #onSettled: (id: string) => void
  readonly #waiting: AlertMessage[] = []
  readonly #end = new AbortController()
  #pause = new Pause()
  #running: Promise<void> | undefined
  #closing = false
  #delivered = 0
  #failed = 0
  #dropped = 0

  constructor(receiver: AlertReceiver, options: DeliveryOptions = {}) {
    const { onProblem = () => {}, onSettled = () => {}, ...given } = options
    this.#receiver = receiver
    this.#options = {
      waitingMax: 1000,
      attemptsMax: 8,
      timeoutMs: 10_000,
      backoffMs: 1000,
      backoffMaxMs: 60_000,
      ...given,
    }
    this.#onProblem = onProblem
    this.#onSettled = onSettled
  }

  /** Takes a message to deliver. After `close` it is left. */
  offer(message: AlertMessage): void {
    if (this.#closing) return
    if (this.#waiting.length >= this.#options.waitingMax) {
      // The first one is on its way.
      const [oldest] = this.#waiting.splice(Math.min(1, this.#waiting.length - 1), 1)
      this.#dropped++
      this.#onProblem(`${this.#receiver.name}: too many messages wait, ${this.#dropped} dropped so far`)
      if (oldest !== undefined) this.#onSettled(oldest.id)
    }
    this.#waiting.push(message)
    this.#running ??= this.#run()
  }

  /** What became of messages so far. */
  figures(): DeliveryFigures {
    return {
      receiver: this.#receiver.name,
      delivered: this.#delivered,
      failed: this.#failed,
      dropped: this.#dropped,
      waiting: this.#waiting.length,
    }
  }

  /** Takes no more, tries what waits for so many milliseconds, and leaves the rest unsettled. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true
    // What waits for its next try has it now.
    this.#pause.end()
    const timer = setTimeout(() => {
      this.#end.abort()
      this.#pause.end()
    }, graceMs)
    await this.#running
    clearTimeout(timer)
  }

  async #run(): Promise<void> {
    for (;;) {
      const [message] = this.#waiting
      if (message === undefined || this.#end.signal.aborted) break
      const isSettled = await this.#deliver(message)
      if (!isSettled) break
      const place = this.#waiting.indexOf(message)
      if (place >= 0) this.#waiting.splice(place, 1)
      this.#onSettled(message.id)
    }
    this.#running = undefined
  }

  /** False when the end came first. */
  async #deliver(message: AlertMessage): Promise<boolean> {
    const { attemptsMax, backoffMs, backoffMaxMs } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#send(message)
        this.#delivered++
        return true
      } catch (error) {
        if (this.#end.signal.aborted) return false
        const isRefused = isFleetError(error) && !error.retryable
        if (isRefused || attempt >= attemptsMax) {
          this.#failed++
          const why = error instanceof Error ? error.message : String(error)
          this.#onProblem(
            `${this.#receiver.name}: the ${message.kind} message of ${message.rule} was ${isRefused ? 'refused' : `given up after ${attempt} attempts`}: ${why}`,
          )
          return true
        }
      }
      const longest = Math.min(backoffMaxMs, backoffMs * 2 ** (attempt - 1))
      this.#pause = new Pause()
      if (this.#closing) await this.#pause.begin(Math.min(longest, 100))
      else await this.#pause.begin(longest * (1 - Math.random() / 2))
      if (this.#end.signal.aborted) return false
    }
  }

  /** A receiver that does not obey its signal is left behind when its time is over. */
  async #send(message: AlertMessage): Promise<void> {
    const signal = AbortSignal.any([this.#end.signal, AbortSignal.timeout(this.#options.timeoutMs)])
    let leave: (() => void) | undefined
    const late = new Promise<never>((_, reject) => {
      leave = () => reject(new Error(`no answer within ${this.#options.timeoutMs / 1000} s`))
      signal.addEventListener('abort', leave, { once: true })
    })
    const sent = this.#receiver.send(message, signal)
    sent.catch(() => {})
    await Promise.race([sent, late])
  }
}
