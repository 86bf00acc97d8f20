/** Limits of the queues. */
export interface BatchOptions {
  /** Most items that wait in one queue (one operation of one tenant); further calls wait. @default 10000 */
  readonly queueMax: number
  /** Most calls that wait for room in one queue; further calls are rejected with QUEUE_FULL. @default 10000 */
  readonly waitersMax: number
  /** Most statements of one queue in flight at once; what waits is shared out among them. @default 2 */
  readonly flightsMax: number
  /** Most bytes of one statement's items. @default 8388608 */
  readonly bytesMax: number
}

export const BATCH_DEFAULTS: BatchOptions = Object.freeze({
  queueMax: 10_000,
  waitersMax: 10_000,
  flightsMax: 2,
  bytesMax: 8 * 1024 * 1024,
})
