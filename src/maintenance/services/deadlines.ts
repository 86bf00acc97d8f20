import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'
import { tenantStep, walkTenants } from '../tenant-walk.js'
import { batchOptions } from './batch-options.js'

const WORKFLOWS = statement<{ ended: number }>(
  'platform.end_workflows',
  'select delivery.expire_workflows($1::text, $2::integer) as ended',
)
const AGENT_SESSIONS = statement<{ ended: number }>(
  'platform.end_agent_sessions',
  `select delivery.expire_agent_sessions($1::text, null, $2::integer, '{"actor_type": "system", "actor_id": "pgfleet"}'::jsonb) as ended`,
)

const ended = (name: string, end: typeof WORKFLOWS) =>
  tenantStep({
    statement: end,
    values: (tenant, rows) => [tenant, rows],
    read: ([row], asked) => ({ counts: { [name]: row?.ended ?? 0 }, more: (row?.ended ?? 0) >= asked }),
  })

const STEPS = [ended('workflows', WORKFLOWS), ended('agent_sessions', AGENT_SESSIONS)]

/** Ends what is past its time; rows stay, so a legal hold is no hindrance. */
export const deadlines = defineService({
  name: 'deadlines',
  description: 'times out workflows and tasks past their deadline, and ends agent sessions past their time',
  intervalMs: 60_000,
  options: z.strictObject(batchOptions(500)),
  statements: [WORKFLOWS, AGENT_SESSIONS],
  runOnce: (context, options) => walkTenants(context, STEPS, { ...options, removes: false }),
})
