import { setTimeout as sleep } from 'node:timers/promises'
import { toFleetError } from '../database/failure.js'
import { type Statement, statement } from '../database/statement.js'
import { type ErrorCode, FleetError, isFleetError } from '../errors.js'
import { newId } from '../id.js'
import type { Lease } from './lease.js'
import type { Settings } from './maintenance-options.js'
import type { Operator } from './operator.js'
import { RunReport } from './run-report.js'
import { getRun, type MaintenanceRun, type RunOutcome } from './runs.js'
import type { Service, ServiceContext } from './service.js'

const START = statement<{ position: string | null }>(
  'platform.start_maintenance_run',
  'select platform.start_maintenance_run($1::bigint, $2::uuid, $3::text, $4::boolean) as position',
)
const NOTE = statement<{ noted: boolean }>(
  'platform.note_maintenance_run',
  'select platform.note_maintenance_run($1::bigint, $2::uuid, $3::jsonb, $4::text) as noted',
)
const END = statement<{ ended: boolean }>(
  'platform.end_maintenance_run',
  'select platform.end_maintenance_run($1::bigint, $2::uuid, $3::text, $4::jsonb, $5::text, $6::text) as ended',
)

export const RUN_ONCE_STATEMENTS: readonly Statement<unknown>[] = [START, NOTE, END]

/** Attempts of a batch that a lock keeps from its work. */
const LOCK_ATTEMPTS = 3
/** Longest wait between two of them, in milliseconds. */
const LOCK_PAUSE_MS = 200

/** After these the run has to end: whatever comes next would end alike. */
const FATAL: ReadonlySet<ErrorCode> = new Set([
  'ABORTED',
  'MAINTENANCE_LEASE_LOST',
  'CLOSED',
  'CONNECTION_FAILED',
  'OUTCOME_UNKNOWN',
  'PERMISSION_DENIED',
])

/** What a run needs beside its service. */
export interface RunMeans {
  readonly operator: Operator
  readonly lease: Lease
  readonly settings: Settings
  readonly dryRun: boolean
  /** Fires when the run is to stop. */
  readonly signal: AbortSignal
}

/**
 * Runs a service once, and records it. What a service fails with is in the record: the run of another goes on. Errors:
 * those of recording alone (MAINTENANCE_LEASE_LOST, PERMISSION_DENIED, CONNECTION_FAILED).
 */
export async function runService(service: Service, means: RunMeans): Promise<MaintenanceRun> {
  const { operator, lease, settings, dryRun } = means
  const id = newId()
  const { token } = lease
  const [row] = await operator.run(START, [token, id, service.name, dryRun])
  const report = new RunReport()
  const signal = AbortSignal.any([means.signal, lease.loss])
  const context = contextOf(means, { id, token, signal, report, position: row?.position ?? undefined })
  const { outcome, error } = await service
    .runOnce(context, service.options.parse(settings.options[service.name as keyof Settings['options']] ?? {}))
    .then(
      () => endOf(report),
      (reason: unknown) => failureOf(reason, signal),
    )
  if (error?.code === 'MAINTENANCE_LEASE_LOST') lease.lose()
  await operator.run(END, [
    token,
    id,
    outcome,
    JSON.stringify(report.done),
    error?.code ?? null,
    error?.message.slice(0, 1000) ?? null,
  ])
  return await getRun(operator, id)
}

interface End {
  readonly outcome: RunOutcome
  readonly error: FleetError | undefined
}

function endOf(report: RunReport): End {
  if (report.failure !== undefined) return { outcome: 'failed', error: report.failure }
  return { outcome: report.isSkipped ? 'skipped' : 'ok', error: undefined }
}

function failureOf(reason: unknown, signal: AbortSignal): End {
  if (isFleetError(reason, 'MAINTENANCE_LEASE_LOST')) return { outcome: 'interrupted', error: reason }
  if (signal.aborted || isFleetError(reason, 'ABORTED')) {
    return {
      outcome: 'interrupted',
      error: new FleetError('ABORTED', { message: 'the run was stopped', cause: reason }),
    }
  }
  return { outcome: 'failed', error: toFleetError(reason, false) }
}

function contextOf(
  { operator, settings, dryRun }: RunMeans,
  run: { id: string; token: number; signal: AbortSignal; report: RunReport; position: string | undefined },
): ServiceContext {
  const { id, token, signal, report, position } = run
  const deadline = performance.now() + settings.runTimeoutMs
  const assertGoing = () => {
    if (signal.aborted) throw new FleetError('ABORTED', { message: 'the run was stopped between two batches' })
  }
  return {
    dryRun,
    signal,
    report,
    position,
    isEmbedded: operator.isEmbedded,
    directUrl: settings.directUrl,
    isOver: () => performance.now() > deadline,
    query: (statement, values) => {
      assertGoing()
      return operator.run(statement, values)
    },
    async batch(work) {
      for (let attempt = 1; ; attempt++) {
        assertGoing()
        try {
          return await operator.batch(token, settings, dryRun, work)
        } catch (error) {
          if (!isFleetError(error, 'CONFLICT') || attempt === LOCK_ATTEMPTS) throw error
          await sleep(Math.random() * LOCK_PAUSE_MS)
        }
      }
    },
    async attempt(object, work) {
      try {
        return await work()
      } catch (error) {
        if (!isFleetError(error) || FATAL.has(error.code)) throw error
        report.fail(object, error)
        return undefined
      }
    },
    async note(place) {
      await operator.run(NOTE, [token, id, JSON.stringify(report.done), place ?? null])
    },
  }
}
