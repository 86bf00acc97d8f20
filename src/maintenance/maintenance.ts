import { hostname } from 'node:os'
import type { Database } from '../database/database.js'
import { toFleetError } from '../database/failure.js'
import { type Statement, statement } from '../database/statement.js'
import { FleetError, isFleetError } from '../errors.js'
import { newId } from '../id.js'
import { Pause } from '../pause.js'
import { type Archives, createArchives } from './archives/archives.js'
import { Lease } from './lease.js'
import {
  type RunOnceOptions,
  resolveRunOnce,
  resolveStart,
  type Settings,
  type StartOptions,
} from './maintenance-options.js'
import { Operator } from './operator.js'
import { createRetentionPolicies, type RetentionPolicies } from './retention-policies.js'
import { runService } from './run.js'
import { listRuns, type MaintenanceRun, type RunsOptions } from './runs.js'
import type { Service } from './service.js'
import { SERVICE_NAMES, SERVICES, type ServiceName } from './services/index.js'

/** A service, as it is told of. */
export interface ServiceDescription {
  readonly name: ServiceName
  readonly description: string
  /** How often it runs unless told otherwise, in milliseconds. */
  readonly intervalMs: number
  /** Its options with their defaults. */
  readonly defaults: Readonly<Record<string, unknown>>
}

/**
 * What a database needs done now and then. Of all processes that would do it one leads, by a lease in the database; when it is
 * lost another follows. Needs a login that may act as pgfleet_operator; others get PERMISSION_DENIED.
 */
export interface Maintenance {
  /**
   * Does it from now on: leads when nobody does, and runs each service when it is due, one at a time. Harmless while it runs.
   * Ends with the fleet. Errors: INPUT_INVALID.
   */
  start(options?: StartOptions): void
  /**
   * Lets the batch in flight end, records its run as interrupted, and gives the lease up. Harmless to repeat. Errors: TIMEOUT
   * when the batch has not ended after as long as it may take; then the lease runs out by itself.
   */
  stop(): Promise<void>
  /**
   * Runs a service once, or all of them, now. The records tell how each ended: one that fails does not keep the others from
   * running. With `dryRun` it says what would be done. Errors: INPUT_INVALID, MAINTENANCE_LEASE_HELD when another process leads,
   * MAINTENANCE_LEASE_LOST, PERMISSION_DENIED.
   */
  runOnce(service?: ServiceName, options?: RunOnceOptions): Promise<MaintenanceRun[]>
  /** Records of runs, the newest first. Errors: INPUT_INVALID, PERMISSION_DENIED. */
  runs(options?: RunsOptions): Promise<MaintenanceRun[]>
  /** The services there are. */
  services(): readonly ServiceDescription[]
  /** True while this process leads. */
  readonly isLeader: boolean
  /** How long tenants want their rows kept. */
  readonly retention: RetentionPolicies
  /** Partitions that were archived, and their way back. */
  readonly archives: Archives
}

const LAST = statement<{ service: string; age_ms: number; has_more: boolean }>(
  'platform.last_maintenance_runs',
  `select s.service, extract(epoch from clock_timestamp() - r.started_at)::float8 * 1000 as age_ms,
    coalesce((r.done ->> 'more')::boolean, false) or r.outcome = 'interrupted' as has_more
  from unnest($1::text[]) s(service)
  cross join lateral (
    select l.started_at, l.done, l.outcome from platform.maintenance_runs l
    where l.service = s.service and not l.is_dry_run
    order by l.run_id desc
    limit 1
  ) r`,
)

export const MAINTENANCE_STATEMENTS: readonly Statement<unknown>[] = [LAST]

/** A run that failed is tried again after so long, in milliseconds, when its interval is longer. */
const RETRY_MS = 60_000
/** How much longer than a batch may take `stop` waits, in milliseconds. */
const STOP_MORE_MS = 5000

/** Maintenance that has not begun; no call is made. */
export function createMaintenance(database: Database): Maintenance {
  const operator = new Operator(database)
  const holder = `${hostname()}/${process.pid}/${newId()}`
  let lease: Lease | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let loop:
    | { readonly work: Promise<void>; readonly end: AbortController; readonly pause: Pause; limitMs: number }
    | undefined

  /** One after the other, in this process too. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }

  const run = (name: ServiceName, means: { settings: Settings; lease: Lease; dryRun: boolean; signal: AbortSignal }) =>
    runService(SERVICES[name] as unknown as Service, { operator, ...means })

  const goOn = async (options: ReturnType<typeof resolveStart>, end: AbortController, pause: Pause) => {
    const mine = new Lease(operator, holder, options.leaseMs)
    lease = mine
    const due = new Map<ServiceName, number>()
    const jittered = (milliseconds: number) => milliseconds * (1 + options.jitter * (2 * Math.random() - 1))
    const intervalOf = (name: ServiceName) => jittered(options.intervalMs ?? SERVICES[name].intervalMs)
    /** When each service is due, by when it ran last, whoever led then. */
    const plan = async () => {
      const last = new Map((await operator.run(LAST, [options.services])).map((row) => [row.service, row]))
      for (const name of options.services) {
        const row = last.get(name)
        const waitMs = row === undefined || row.has_more ? 0 : Math.max(0, intervalOf(name) - row.age_ms)
        due.set(name, performance.now() + waitMs)
      }
    }
    let isLeader = false
    const lead = (leads: boolean) => {
      if (isLeader === leads) return
      isLeader = leads
      options.onLead?.(leads)
    }
    while (!end.signal.aborted) {
      try {
        if (!mine.isHeld) {
          lead(false)
          if ((await mine.acquire()) !== undefined) {
            await pause.begin(jittered(options.leaseMs / 3))
            continue
          }
          await plan()
          lead(true)
        }
        const [name, at] = [...due].reduce((first, each) => (each[1] < first[1] ? each : first))
        const waitMs = at - performance.now()
        if (waitMs > 0) {
          // No longer than a lease, so that a lost one is seen.
          await pause.begin(Math.min(waitMs, options.leaseMs))
          continue
        }
        const done = await inTurn(() =>
          run(name, { settings: options, lease: mine, dryRun: false, signal: end.signal }),
        )
        const intervalMs = intervalOf(name)
        const waitsMs = done.done.more ? 0 : done.outcome === 'failed' ? Math.min(intervalMs, RETRY_MS) : intervalMs
        due.set(name, performance.now() + waitsMs)
        options.onRun?.(done)
      } catch (error) {
        if (isFleetError(error, 'CLOSED')) return
        if (isFleetError(error, 'MAINTENANCE_LEASE_LOST')) {
          mine.lose()
          continue
        }
        options.onError?.(toFleetError(error, false))
        await pause.begin(jittered(Math.min(options.leaseMs / 3, RETRY_MS)))
      }
    }
    lead(false)
    await mine.release().catch((error: unknown) => options.onError?.(toFleetError(error, false)))
  }

  return {
    start(input = {}) {
      if (loop !== undefined) return
      const options = resolveStart(input)
      const [end, pause] = [new AbortController(), new Pause()]
      // An error here is a bug: it ends the loop, and shows when it is stopped.
      const work = goOn(options, end, pause)
      work.catch(() => {})
      loop = { work, end, pause, limitMs: options.batchTimeoutMs + 3 * options.lockTimeoutMs + STOP_MORE_MS }
    },
    async stop() {
      const { work, end, pause, limitMs } = loop ?? {}
      if (work === undefined || limitMs === undefined) return
      end?.abort()
      pause?.end()
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<true>((resolve) => {
        timer = setTimeout(() => resolve(true), limitMs)
      })
      const isLate = await Promise.race([work.then(() => false), limit]).finally(() => clearTimeout(timer))
      if (isLate) throw new FleetError('TIMEOUT', { message: `maintenance had not stopped after ${limitMs} ms` })
      loop = undefined
      lease = undefined
    },
    runOnce(service, input = {}) {
      return inTurnOf(service, input)
    },
    runs: (options) => listRuns(operator, options),
    services: () =>
      SERVICE_NAMES.map((name) => {
        const { description, intervalMs, options } = SERVICES[name]
        return { name, description, intervalMs, defaults: options.parse({}) }
      }),
    get isLeader() {
      return lease?.isHeld ?? false
    },
    retention: createRetentionPolicies(database),
    archives: createArchives(operator),
  }

  async function inTurnOf(service: ServiceName | undefined, input: RunOnceOptions): Promise<MaintenanceRun[]> {
    const options = resolveRunOnce(service === undefined ? input : { ...input, services: [service] })
    const signal = options.signal ?? new AbortController().signal
    return await inTurn(async () => {
      const leading = lease?.isHeld ? lease : undefined
      const mine = leading ?? new Lease(operator, holder, options.leaseMs)
      if (leading === undefined) {
        const other = await mine.acquire()
        if (other !== undefined) {
          throw new FleetError('MAINTENANCE_LEASE_HELD', {
            message: `${other.holder} leads maintenance until ${other.until.toISOString()} or longer`,
            details: { holder: other.holder, until: other.until.toISOString() },
          })
        }
      }
      try {
        const runs: MaintenanceRun[] = []
        for (const name of options.services) {
          if (signal.aborted) break
          const done = await run(name, { settings: options, lease: mine, dryRun: options.dryRun, signal })
          runs.push(done)
          options.onRun?.(done)
        }
        return runs
      } finally {
        if (leading === undefined) await mine.release()
      }
    })
  }
}
