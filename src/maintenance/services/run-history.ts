import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'

const FORGET = statement<{ forgotten: number }>(
  'platform.forget_maintenance_runs',
  `select platform.forget_maintenance_runs($1::float8 * interval '1 millisecond', $2::integer) as forgotten`,
)
const FORGET_TRIALS = statement<{ forgotten: number }>(
  'platform.forget_tuning_trials',
  `select platform.forget_tuning_trials($1::float8 * interval '1 millisecond', $2::integer) as forgotten`,
)
/** Records of a batch. */
const ROWS = 1000

/** Forgets what maintenance did long ago. */
export const runHistory = defineService({
  name: 'run-history',
  description: 'forgets records of old runs and trials; the last run of each service, and trials that are kept, stay',
  intervalMs: 3_600_000,
  options: z.strictObject({
    /** How long records are kept, in milliseconds: an hour to ten years. */
    keepMs: z
      .int()
      .min(3_600_000)
      .max(315_360_000_000)
      .default(14 * 86_400_000),
    /** How long records of trials that were not kept are kept, in milliseconds: a day to ten years. */
    trialsKeepMs: z
      .int()
      .min(86_400_000)
      .max(315_360_000_000)
      .default(365 * 86_400_000),
  }),
  statements: [FORGET, FORGET_TRIALS],
  async runOnce(context, { keepMs, trialsKeepMs }) {
    // Trials are few: a batch an hour is more than there can be.
    const [trials] = await context.batch((run) => run(FORGET_TRIALS, [trialsKeepMs, ROWS]))
    if ((trials?.forgotten ?? 0) > 0) context.report.count({ trials: trials?.forgotten ?? 0 })
    for (let forgotten = ROWS; forgotten === ROWS; ) {
      const [row] = await context.batch((run) => run(FORGET, [keepMs, ROWS]))
      forgotten = row?.forgotten ?? 0
      context.report.count({ runs: forgotten })
      if (context.dryRun) return
      if (context.isOver() && forgotten === ROWS) return context.report.leaveSome()
    }
  },
})
