import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'
import { tenantStep, walkTenants } from '../tenant-walk.js'
import { batchOptions } from './batch-options.js'

const LEARNING = statement<{ table_name: string; deleted: number }>(
  'platform.expire_learning',
  'select c.table_name, c.deleted from learning.cleanup_expired_data($1::text, $2::integer) c',
)
const VALUES = statement<{ deleted: number }>(
  'platform.expire_values',
  'select memory.cleanup_expired_values($1::text, $2::integer) as deleted',
)
const VECTORS = statement<{ deleted: number }>(
  'platform.expire_vectors',
  'select memory.delete_expired_vectors($1::text, $2::integer) as deleted',
)
const SESSIONS = statement<{ deleted: number }>(
  'platform.expire_sessions',
  `select coalesce(cardinality(memory.drop_sessions($1::text, array(
    select s.session_id from memory.sessions s
    where s.tenant_id = $1::text and s.expires_at <= now()
    order by s.expires_at
    limit $2::integer
  ), now())), 0) as deleted`,
)
const METADATA = statement<{ entries: number; entities: number }>(
  'platform.expire_metadata',
  'select d.entries, d.entities from metadata.delete_expired($1::text, $2::integer) d',
)
const TOMBSTONES = statement<{ deleted: number }>(
  'platform.expire_tombstones',
  'select metadata.forget_tombstones($1::text, $2::integer) as deleted',
)

/** A step of a function that returns how many rows went. */
const counted = (name: string, removal: typeof VALUES) =>
  tenantStep({
    statement: removal,
    values: (tenant, rows) => [tenant, rows],
    read: ([row], asked) => ({ counts: { [name]: row?.deleted ?? 0 }, more: (row?.deleted ?? 0) >= asked }),
  })

const STEPS = [
  tenantStep({
    statement: LEARNING,
    values: (tenant, rows) => [tenant, rows],
    read: (rows, asked) => ({
      counts: Object.fromEntries(rows.map((row) => [`learning.${row.table_name}`, row.deleted])),
      more: rows.some((row) => row.deleted >= asked),
    }),
  }),
  counted('memory.key_values', VALUES),
  counted('memory.vectors', VECTORS),
  counted('memory.sessions', SESSIONS),
  tenantStep({
    statement: METADATA,
    values: (tenant, rows) => [tenant, rows],
    read: ([row], asked) => ({
      counts: { 'metadata.entries': row?.entries ?? 0, 'metadata.entities': row?.entities ?? 0 },
      more: Math.max(row?.entries ?? 0, row?.entities ?? 0) >= asked,
    }),
  }),
  counted('metadata.tombstones', TOMBSTONES),
]

/** Removes what has expired: nothing returns it any more, so this frees its space. */
export const expiry = defineService({
  name: 'expiry',
  description: 'removes expired rows of learning, memory and metadata, and marks of deleted keys',
  intervalMs: 300_000,
  options: z.strictObject(batchOptions(2000)),
  statements: [LEARNING, VALUES, VECTORS, SESSIONS, METADATA, TOMBSTONES],
  runOnce: (context, options) => walkTenants(context, STEPS, { ...options, removes: true }),
})
