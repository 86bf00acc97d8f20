import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'
import { tenantStep, walkTenants } from '../tenant-walk.js'
import { batchOptions } from './batch-options.js'

const MERGE = statement<{ merged: number; dropped: number; last_entity: string | null; last_key: string | null }>(
  'platform.merge_staging',
  `select m.merged, m.dropped, m.last_entity, m.last_key
  from metadata.merge_volatile($1::text, $2::integer, $3::uuid, $4::text) m`,
)
const EMPTY = statement<{ slot: number | null }>(
  'platform.empty_change_slot',
  'select metadata.empty_change_slot() as slot',
)

interface Place {
  readonly entity: string
  readonly key: string
}

const STEPS = [
  tenantStep({
    statement: MERGE,
    values: (tenant, rows, place) => {
      const after = place as Place | undefined
      return [tenant, rows, after?.entity ?? null, after?.key ?? null]
    },
    read: ([row]) => ({
      counts: { merged: row?.merged ?? 0, dropped: row?.dropped ?? 0 },
      more: (row?.last_entity ?? null) !== null,
      place: { entity: row?.last_entity, key: row?.last_key },
    }),
  }),
]

/** Merges what volatile groups have written, and keeps the log of changes short; a ticker of the tenant does so too. */
export const stagingMerge = defineService({
  name: 'staging-merge',
  description:
    'moves volatile metadata to where a crash cannot take it, and empties the oldest part of the log of changes',
  intervalMs: 60_000,
  options: z.strictObject(batchOptions(1000)),
  statements: [MERGE, EMPTY],
  async runOnce(context, options) {
    await walkTenants(context, STEPS, { ...options, removes: false })
    if (context.dryRun) return
    const [row] = await context.batch((run) => run(EMPTY, []))
    if (row?.slot !== null) context.report.count({ slots: 1 })
  },
})
