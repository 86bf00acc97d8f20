import type { Session } from '../../database/session.js'
import { type Statement, statement } from '../../database/statement.js'
import { isFleetError } from '../../errors.js'
import { Pause } from '../../pause.js'
import { TickSchedule } from './tick-schedule.js'

const CAPTURE = statement<{ is_held: boolean; tick_number: number | null; change_count: number; more: boolean }>(
  'metadata.capture_tick',
  `select c.is_held, c.tick_number, c.change_count, c.more
  from metadata.capture_tick(current_setting('pgfleet.tenant'), $1::text, $2::uuid, $3::double precision) c`,
)

export const GROUP_TICK_STATEMENTS: readonly Statement<unknown>[] = [CAPTURE]

/** A group in which nothing has changed for so long is left alone until the next heartbeat that finds something. */
const QUIET_MS = 1000
/** Longest rest, in milliseconds: what the wait is bounded by. */
const REST_MS_MAX = 60_000

/** The ticks of one group, while this process holds its lease. */
export class GroupTicks {
  readonly #session: Session
  readonly #group: string
  readonly #holder: string
  readonly #schedule: TickSchedule
  readonly #pause = new Pause()
  readonly #onError: ((error: unknown) => void) | undefined
  #changedAt = performance.now()
  #isQuiet = false
  #isStopping = false
  #work: Promise<void> | undefined

  constructor(
    session: Session,
    group: string,
    holder: string,
    tickMs: number,
    onError: ((error: unknown) => void) | undefined,
  ) {
    this.#session = session
    this.#group = group
    this.#holder = holder
    this.#schedule = new TickSchedule(tickMs)
    this.#onError = onError
  }

  /** What a heartbeat has found. */
  renew(tickMs: number, isActive: boolean): void {
    this.#schedule.tickMs = tickMs
    if (!isActive || !this.#isQuiet) return
    this.#isQuiet = false
    this.#changedAt = performance.now()
    // Ticks without activity are not late.
    this.#schedule.restart()
    this.#pause.end()
  }

  /** Begins to tick; harmless to repeat. */
  start(): void {
    this.#work ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#pause.end()
    await this.#work
  }

  /** Captures one tick now; how many were written. */
  async capture(delayMs = 0): Promise<number> {
    const [row] = await this.#session.query(CAPTURE, [this.#group, this.#holder, delayMs], { durability: 'async' })
    // Lost: the next heartbeat says so, and stops it.
    if (row === undefined || row.tick_number === null) return 0
    this.#changedAt = performance.now()
    return 1
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const waitMs = this.#isQuiet ? REST_MS_MAX : this.#schedule.waitMs()
      if (waitMs > 0) {
        await this.#pause.begin(Math.ceil(waitMs))
        continue
      }
      try {
        await this.capture(this.#schedule.take())
      } catch (error) {
        if (isFleetError(error, 'CLOSED')) return
        this.#onError?.(error)
      }
      this.#isQuiet = performance.now() - this.#changedAt >= Math.max(QUIET_MS, this.#schedule.tickMs)
    }
  }
}
