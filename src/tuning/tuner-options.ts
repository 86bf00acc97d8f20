import { z } from 'zod'
import { THRESHOLDS } from '../doctor/thresholds.js'
import { check } from '../input.js'
import { KNOBS } from './knobs/index.js'

/** How settings are tried. */
export interface TunerOptions {
  /** Only these knobs. @default all */
  readonly knobs?: readonly string[]
  /** How long one window of measuring lasts, in milliseconds, from 300 to 3600000; a trial has two or four. @default 60000 */
  readonly windowMs?: number
  /** Longest wait for a change to reach what is measured, in milliseconds; then it is taken back. @default 300000 */
  readonly settleMs?: number
  /** How long another process waits for this one when it is lost in the middle of a trial, in milliseconds. @default 30000 */
  readonly holdMs?: number
  /** Calls that have to happen in each window; with fewer there is no verdict. @default 100 */
  readonly callsMin?: number
  /** The least part of the metric that is worth a setting. @default 0.05 */
  readonly gainMin?: number
  /** How long the same target is left alone after a trial, in milliseconds. @default 86400000 */
  readonly coolDownMs?: number
  /** Roles, tables (`public.jobs`) and limits (`flightsMax`, `default_pool_size`) that are left alone. @default none */
  readonly keep?: readonly string[]
  /** Share of the nearest that searches of vectors have to find. @default 0.9, the doctor's */
  readonly recallMin?: number
  /** Memory of the server's machine in bytes, where the server cannot tell it. @default what it tells */
  readonly memoryBytes?: number
  /** The console of a PgBouncer: a url of its database `pgbouncer`, of one of its admin_users. @default none */
  readonly poolerUrl?: string
}

const ms = (min: number, max: number) => z.int().min(min).max(max)

const schema = z.strictObject({
  knobs: z
    .array(z.enum(KNOBS.map(({ id }) => id) as [string, ...string[]]))
    .min(1)
    .default(KNOBS.map(({ id }) => id)),
  windowMs: ms(300, 3_600_000).default(60_000),
  settleMs: ms(100, 86_400_000).default(300_000),
  holdMs: ms(500, 3_600_000).default(30_000),
  callsMin: z.int().min(1).max(1_000_000_000).default(100),
  gainMin: z.number().min(0).max(0.9).default(0.05),
  coolDownMs: ms(0, 31_536_000_000).default(86_400_000),
  keep: z.array(z.string().min(1).max(200)).max(1000).default([]),
  recallMin: z.number().min(0.5).max(1).default(THRESHOLDS.vectorRecall.value),
  memoryBytes: z.int().min(1024).optional(),
  poolerUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'a url begins with postgres:// or postgresql://')
    .optional(),
})

/** The options with every default filled in. */
export type ResolvedTunerOptions = z.output<typeof schema>

/** Errors: INPUT_INVALID. */
export function resolveTunerOptions(options: TunerOptions): ResolvedTunerOptions {
  return check('options', schema, options)
}
