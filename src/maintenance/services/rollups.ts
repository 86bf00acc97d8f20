import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'
import { tenantStep, walkTenants } from '../tenant-walk.js'
import { batchOptions } from './batch-options.js'

const ROLL_UP = statement<{ points: number; rollups: number; more: boolean }>(
  'platform.roll_up_metrics',
  'select r.points, r.rollups, r.more from delivery.calculate_aggregated_metrics($1::text, $2::integer) r',
)

const STEPS = [
  tenantStep({
    statement: ROLL_UP,
    values: (tenant, rows) => [tenant, rows],
    read: ([row]) => ({
      counts: { points: row?.points ?? 0, rollups: row?.rollups ?? 0 },
      more: row?.more ?? false,
    }),
  }),
]

/** Takes what was measured into minutes, hours and days. */
export const rollups = defineService({
  name: 'rollups',
  description: 'takes points of metrics into their minutes, hours and days',
  intervalMs: 60_000,
  options: z.strictObject(batchOptions(50_000)),
  statements: [ROLL_UP],
  runOnce: (context, options) => walkTenants(context, STEPS, { ...options, removes: false }),
})
