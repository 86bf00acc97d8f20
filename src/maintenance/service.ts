import type { z } from 'zod'
import type { Statement } from '../database/statement.js'
import type { BatchWork } from './operator.js'
import type { RunReport } from './run-report.js'

/** What a run of a service works with. */
export interface ServiceContext {
  /** Say what would be done, and change nothing. Batches are rolled back. */
  readonly dryRun: boolean
  /** True for the embedded database: one connection, and no autovacuum that could be told anything. */
  readonly isEmbedded: boolean
  /** A url past the pooler, for what no transaction can do; undefined where none was given. */
  readonly directUrl: string | undefined
  /** Fires when the run is to stop, or the lease is lost. */
  readonly signal: AbortSignal
  readonly report: RunReport
  /** The tenant behind which the last run ended before its time was over; undefined: begin with the first. */
  readonly position: string | undefined
  /** True once the run has used the time that it may take; it ends after the present batch. */
  isOver(): boolean
  /** Reads, outside any batch. */
  query<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]>
  /**
   * One batch under the lease. Tried three times when a lock is not to be had. Errors: ABORTED once the run is to stop,
   * MAINTENANCE_LEASE_LOST, TIMEOUT, CONFLICT, and those of the work.
   */
  batch<T>(work: BatchWork<T>): Promise<T>
  /** Does a part of the work; when it fails, the run goes on with the others, and ends as failed. */
  attempt<T>(object: string, work: () => Promise<T>): Promise<T | undefined>
  /** Records what was done so far, and where the next run goes on should this one be lost; undefined: from the first. */
  note(position: string | undefined): Promise<void>
}

/** A part of maintenance. All are alike: they are told when to run, do it in bounded batches, and report what they did. */
export interface Service<Options extends z.ZodObject = z.ZodObject> {
  /** What it is called in options, records and commands. */
  readonly name: string
  /** What it does, in one sentence. */
  readonly description: string
  /** How often it runs unless told otherwise, in milliseconds. */
  readonly intervalMs: number
  /** Its options, each with a default. */
  readonly options: Options
  /** Its statements, for the test that prepares them all. */
  readonly statements: readonly Statement<unknown>[]
  runOnce(context: ServiceContext, options: z.output<Options>): Promise<void>
}

/** Keeps the types of a service's options together. */
export function defineService<Options extends z.ZodObject>(service: Service<Options>): Service<Options> {
  return Object.freeze(service)
}
