import { z } from 'zod'
import { onAbort } from '../../database/abort-signal.js'
import type { Session } from '../../database/session.js'
import { type Statement, statement } from '../../database/statement.js'
import { isFleetError } from '../../errors.js'
import { newId } from '../../id.js'
import { check, text } from '../../input.js'
import { Pause } from '../../pause.js'
import { GroupTicks } from './group-ticks.js'
import { TickSchedule } from './tick-schedule.js'
import type { Upkeep } from './upkeep.js'

/** How a ticker works. */
export interface TickerOptions {
  /** Only these sync groups, 1 to 1,000. @default all that are enabled */
  readonly groups?: readonly string[]
  /** How soon another process may take a group over from one that has died: 100 ms to a minute. @default 3000 */
  readonly leaseMs?: number
  /** How often it renews its leases and looks for groups that nobody ticks: 20 ms to a minute, below `leaseMs`. @default 1000 */
  readonly heartbeatMs?: number
  /** Told what went wrong between the ticker and the database; the ticker goes on. @default nothing is told */
  readonly onError?: (error: unknown) => void
  /** Stops it. */
  readonly signal?: AbortSignal
}

/** A service that ticks groups, and keeps the store in order. */
export interface Ticker {
  /** Begins again after a stop; harmless while it runs. */
  start(): void
  /** One heartbeat, then one tick of each group that it holds; how many ticks were captured. */
  runOnce(): Promise<number>
  /** Gives its groups back, and waits for what is in flight. Harmless to repeat. */
  stop(): Promise<void>
  /** The groups that it holds. */
  readonly groups: readonly string[]
}

const tickerOptions = z
  .strictObject({
    groups: z.array(text(1, 100)).min(1).max(1000).optional(),
    leaseMs: z.int().min(100).max(60_000).default(3000),
    heartbeatMs: z.int().min(20).max(60_000).default(1000),
    onError: z.custom<(error: unknown) => void>((value) => typeof value === 'function', 'is not a function').optional(),
    signal: z.instanceof(AbortSignal).optional(),
  })
  .refine(({ leaseMs, heartbeatMs }) => heartbeatMs < leaseMs, {
    path: ['heartbeatMs'],
    message: 'is not below leaseMs',
  })

interface HeldRow {
  readonly sync_group: string
  readonly tick_ms: number
  readonly is_held: boolean
  readonly is_active: boolean
  readonly is_others: boolean
}

const HOLD = statement<HeldRow>(
  'metadata.hold_tick_leases',
  `select h.sync_group, h.tick_ms, h.is_held, h.is_active, h.is_others
  from metadata.hold_tick_leases(current_setting('pgfleet.tenant'), $1::uuid, $2::text[], $3::integer) h`,
)

const RELEASE = statement<unknown>(
  'metadata.release_tick_leases',
  `select metadata.release_tick_leases(current_setting('pgfleet.tenant'), $1::uuid)`,
)

const TOUCH = statement<unknown>(
  'metadata.touch',
  `select t.entities, t.agents from metadata.touch(current_setting('pgfleet.tenant')) t`,
)

const EMPTY = statement<unknown>('metadata.empty_change_slot', 'select metadata.empty_change_slot() as slot')

export const TICKER_STATEMENTS: readonly Statement<unknown>[] = [HOLD, RELEASE, TOUCH, EMPTY]

/** Milliseconds between two rounds of keeping the store in order. */
const UPKEEP_MS = 1000
/** One round in so many forgets what nobody can need any more: tombstones, and the oldest part of the log. */
const RARE_ROUNDS = 10

/** A ticker that has not begun. Errors: INPUT_INVALID. */
export function createTicker(session: Session, upkeep: Upkeep, input: TickerOptions = {}): Ticker {
  const { groups, leaseMs, heartbeatMs, onError, signal } = check('options', tickerOptions, input)
  // Each beginning is a holder of its own: what an earlier one left in flight holds nothing.
  let holder = newId()
  const held = new Map<string, GroupTicks>()
  const pause = new Pause()
  let isStopping = true
  let work: Promise<void> | undefined
  let rounds = 0
  const upkeepSchedule = new TickSchedule(UPKEEP_MS)

  const attempt = async (what: () => Promise<unknown>) => {
    try {
      await what()
    } catch (error) {
      if (isFleetError(error, 'CLOSED')) isStopping = true
      else onError?.(error)
    }
  }

  /** Renews and takes leases; true when this process is one to keep the store in order. */
  const heartbeat = async (): Promise<boolean> => {
    const rows = await session.query(HOLD, [holder, groups ?? null, leaseMs], { durability: 'async', idempotent: true })
    const seen = new Set<string>()
    for (const row of rows) {
      if (!row.is_held) continue
      seen.add(row.sync_group)
      let group = held.get(row.sync_group)
      if (group === undefined) {
        group = new GroupTicks(session, row.sync_group, holder, row.tick_ms, onError)
        held.set(row.sync_group, group)
      }
      group.renew(row.tick_ms, row.is_active)
    }
    for (const [name, group] of held) {
      // A row that another statement had locked is missing: the lease decides.
      const row = rows.find((each) => each.sync_group === name)
      if (seen.has(name) || row === undefined) continue
      held.delete(name)
      await group.stop()
    }
    return held.size > 0 || !rows.some((row) => row.is_others)
  }

  const keepUp = async () => {
    await attempt(() => session.query(TOUCH, [], { durability: 'async', idempotent: true }))
    await attempt(() => upkeep.mergeVolatile())
    await attempt(() => upkeep.deleteExpired())
    if (rounds++ % RARE_ROUNDS > 0) return
    await attempt(() => upkeep.forgetTombstones())
    await attempt(() => session.query(EMPTY, [], { idempotent: true }))
  }

  const run = async () => {
    const schedule = new TickSchedule(heartbeatMs)
    while (!isStopping) {
      const waitMs = schedule.waitMs()
      if (waitMs > 0) {
        await pause.begin(Math.ceil(waitMs))
        continue
      }
      schedule.take()
      await attempt(async () => {
        const isKeeper = await heartbeat()
        if (isStopping) return
        for (const group of held.values()) group.start()
        if (isKeeper && upkeepSchedule.waitMs() === 0) {
          upkeepSchedule.take()
          await keepUp()
        }
      })
    }
    await Promise.all([...held.values()].map((group) => group.stop()))
    if (held.size > 0) await attempt(() => session.query(RELEASE, [holder], { durability: 'async', idempotent: true }))
    held.clear()
  }

  const ticker: Ticker = {
    start() {
      if (work !== undefined || signal?.aborted) return
      isStopping = false
      holder = newId()
      work = run()
    },
    async runOnce() {
      if (await heartbeat()) await keepUp()
      const captured = await Promise.all([...held.values()].map((group) => group.capture()))
      return captured.reduce((sum, ticks) => sum + ticks, 0)
    },
    async stop() {
      isStopping = true
      pause.end()
      if (work !== undefined) await work
      else if (held.size > 0) {
        await session.query(RELEASE, [holder], { durability: 'async', idempotent: true })
        held.clear()
      }
      work = undefined
    },
    get groups() {
      return [...held.keys()]
    },
  }
  onAbort(signal, () => void ticker.stop().catch((error: unknown) => onError?.(error)))
  return ticker
}
