import { z } from 'zod'
import type { FleetError } from '../errors.js'
import { check } from '../input.js'
import type { MaintenanceRun } from './runs.js'
import { SERVICE_NAMES, SERVICES, type ServiceName } from './services/index.js'

/** Options of the services by their names; those that are left out have their defaults. docs/maintenance.md lists them. */
export type ServiceOptions = { readonly [Name in ServiceName]?: z.input<(typeof SERVICES)[Name]['options']> }

/** How maintenance works. */
export interface MaintenanceOptions {
  /** Only these services. @default all */
  readonly services?: readonly ServiceName[]
  /** Options of services. */
  readonly options?: ServiceOptions
  /**
   * A url of the server past any pooler, for rebuilding indexes, which no transaction can do; without it they are not
   * rebuilt. @default undefined
   */
  readonly directUrl?: string
  /** How soon another process may follow one that was lost: 500 ms to an hour. @default 15000 */
  readonly leaseMs?: number
  /** Longest wait for a lock, in milliseconds, 10 to 60,000; such a batch is tried three times. @default 1000 */
  readonly lockTimeoutMs?: number
  /**
   * Longest time of a statement of a batch, in milliseconds, 100 to 3,600,000; the next batch is then half as large. Not above
   * `callTimeoutMs`. The embedded database knows no such limit. @default 30000
   */
  readonly batchTimeoutMs?: number
  /** Longest time of a run, in milliseconds, 100 to 86,400,000; what is left is done by the next. @default 60000; an hour for runOnce */
  readonly runTimeoutMs?: number
}

/** How a run that is asked for works. */
export interface RunOnceOptions extends MaintenanceOptions {
  /** Say what would be done, and change nothing. @default false */
  readonly dryRun?: boolean
  /** Told of each run when it has ended. */
  readonly onRun?: (run: MaintenanceRun) => void
  /** Ends it after the batch in flight; the run is recorded as interrupted. */
  readonly signal?: AbortSignal
}

/** How the service that goes on works. */
export interface StartOptions extends MaintenanceOptions {
  /** How often every service runs, in milliseconds, 100 to 86,400,000. @default each has its own */
  readonly intervalMs?: number
  /** The share by which an interval is longer or shorter at random, 0 to 0.5. @default 0.1 */
  readonly jitter?: number
  /** Told of each run when it has ended. */
  readonly onRun?: (run: MaintenanceRun) => void
  /** Told when this process begins (true) or ceases to lead. */
  readonly onLead?: (leads: boolean) => void
  /** Told what went wrong between maintenance and the database; it goes on. @default nothing is told */
  readonly onError?: (error: FleetError) => void
}

const callback = z
  .custom<(value: never) => void>((value) => typeof value === 'function', 'is not a function')
  .optional()

const common = {
  services: z
    .array(z.enum(SERVICE_NAMES as [ServiceName, ...ServiceName[]]))
    .min(1)
    .optional(),
  options: z
    .strictObject(
      Object.fromEntries(SERVICE_NAMES.map((name) => [name, SERVICES[name].options.optional()])) as Record<
        ServiceName,
        z.ZodOptional<z.ZodObject>
      >,
    )
    .default({}),
  directUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'a url begins with postgres:// or postgresql://')
    .optional(),
  leaseMs: z.int().min(500).max(3_600_000).default(15_000),
  lockTimeoutMs: z.int().min(10).max(60_000).default(1000),
  batchTimeoutMs: z.int().min(100).max(3_600_000).default(30_000),
  runTimeoutMs: z.int().min(100).max(86_400_000).optional(),
}
const startOptions = z.strictObject({
  ...common,
  intervalMs: z.int().min(100).max(86_400_000).optional(),
  jitter: z.number().min(0).max(0.5).default(0.1),
  onRun: callback,
  onLead: callback,
  onError: callback,
})
const runOnceOptions = z.strictObject({
  ...common,
  dryRun: z.boolean().default(false),
  onRun: callback,
  signal: z.instanceof(AbortSignal).optional(),
})

/** What every run works with. */
export interface Settings {
  readonly services: readonly ServiceName[]
  readonly options: Readonly<Partial<Record<ServiceName, Record<string, unknown>>>>
  readonly directUrl: string | undefined
  readonly leaseMs: number
  readonly lockTimeoutMs: number
  readonly batchTimeoutMs: number
  readonly runTimeoutMs: number
}

/** What the service that goes on works with. */
export type StartSettings = Settings &
  Required<Pick<StartOptions, 'jitter'>> &
  Pick<StartOptions, 'intervalMs' | 'onRun' | 'onLead' | 'onError'>

/** What a run that is asked for works with. */
export type RunOnceSettings = Settings &
  Required<Pick<RunOnceOptions, 'dryRun'>> &
  Pick<RunOnceOptions, 'onRun' | 'signal'>

/** Errors: INPUT_INVALID, which names the option. */
export function resolveStart(input: StartOptions): StartSettings {
  const checked = check('options', startOptions, input)
  return Object.freeze({ ...input, ...settingsOf(checked, 60_000), jitter: checked.jitter })
}

/** Errors: INPUT_INVALID, which names the option. */
export function resolveRunOnce(input: RunOnceOptions): RunOnceSettings {
  const checked = check('options', runOnceOptions, input)
  return Object.freeze({ ...input, ...settingsOf(checked, 3_600_000), dryRun: checked.dryRun })
}

function settingsOf(checked: z.output<z.ZodObject<typeof common>>, runTimeoutMs: number): Settings {
  const { services, options, directUrl, leaseMs, lockTimeoutMs, batchTimeoutMs } = checked
  return {
    services: SERVICE_NAMES.filter((name) => services === undefined || services.includes(name)),
    options: options as Settings['options'],
    directUrl,
    leaseMs,
    lockTimeoutMs,
    batchTimeoutMs,
    runTimeoutMs: checked.runTimeoutMs ?? runTimeoutMs,
  }
}
