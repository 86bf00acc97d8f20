import { z } from 'zod'

/** The options of services that visit tenants. */
export const batchOptions = (rows: number) => ({
  /** Most rows of a batch, 1 to 100,000; fewer after time-outs. */
  rowsMax: z.int().min(1).max(100_000).default(rows),
  /** Most batches of one kind for a tenant in a run, 1 to 100,000: what is left is done by the next. */
  batchesMax: z.int().min(1).max(100_000).default(1000),
})
