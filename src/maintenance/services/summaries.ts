import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'
import { tenantStep, walkTenants } from '../tenant-walk.js'

const REFRESH = statement<unknown>('platform.refresh_summaries', 'select learning.refresh_materialized_views($1::text)')
const MEASURE = statement<{ resource: string }>(
  'platform.measure_tenant',
  'select m.resource from platform.measure_usage($1::text) m',
)

const STEPS = [
  tenantStep({
    statement: REFRESH,
    values: (tenant) => [tenant],
    read: () => ({ counts: { summaries: 1 }, more: false }),
  }),
  tenantStep({
    statement: MEASURE,
    values: (tenant) => [tenant],
    read: () => ({ counts: { measured: 1 }, more: false }),
  }),
]

/** Brings summaries of learning, and the usage that quotas are held against, up to date. Reads all of a tenant's rows. */
export const summaries = defineService({
  name: 'summaries',
  description: 'brings the summaries of learning, and the usage that quotas are held against, up to date',
  intervalMs: 3_600_000,
  options: z.strictObject({}),
  statements: [REFRESH, MEASURE],
  runOnce: (context) => walkTenants(context, STEPS, { rowsMax: 1, batchesMax: 1, removes: false }),
})
