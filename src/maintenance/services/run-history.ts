import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'

const FORGET = statement<{ forgotten: number }>(
  'platform.forget_maintenance_runs',
  `select platform.forget_maintenance_runs($1::float8 * interval '1 millisecond', $2::integer) as forgotten`,
)
/** Records of a batch. */
const ROWS = 1000

/** Forgets what maintenance did long ago. */
export const runHistory = defineService({
  name: 'run-history',
  description: 'forgets records of old runs; the last of each service stays',
  intervalMs: 3_600_000,
  options: z.strictObject({
    /** How long records are kept, in milliseconds: an hour to ten years. */
    keepMs: z
      .int()
      .min(3_600_000)
      .max(315_360_000_000)
      .default(14 * 86_400_000),
  }),
  statements: [FORGET],
  async runOnce(context, { keepMs }) {
    for (let forgotten = ROWS; forgotten === ROWS; ) {
      const [row] = await context.batch((run) => run(FORGET, [keepMs, ROWS]))
      forgotten = row?.forgotten ?? 0
      context.report.count({ runs: forgotten })
      if (context.dryRun) return
      if (context.isOver() && forgotten === ROWS) return context.report.leaveSome()
    }
  },
})
