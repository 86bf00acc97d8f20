import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'
import { tenantStep, walkTenants } from '../tenant-walk.js'
import { batchOptions } from './batch-options.js'

const SEAL = statement<{ sealed: number; more: boolean }>(
  'platform.seal_audit',
  'select s.sealed, s.more from delivery.seal_audit($1::text, $2::integer) s',
)

const STEPS = [
  tenantStep({
    statement: SEAL,
    values: (tenant, rows) => [tenant, rows],
    read: ([row]) => ({ counts: { sealed: row?.sealed ?? 0 }, more: row?.more ?? false }),
  }),
]

/** Chains what the audit log has recorded. */
export const auditSeals = defineService({
  name: 'audit-seals',
  description: 'seals what the audit log has recorded, so that a change of it shows',
  intervalMs: 60_000,
  options: z.strictObject(batchOptions(1000)),
  statements: [SEAL],
  runOnce: (context, options) => walkTenants(context, STEPS, { ...options, removes: false }),
})
