import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { defineService } from '../service.js'
import { tenantStep, walkTenants } from '../tenant-walk.js'
import { batchOptions } from './batch-options.js'

const CONTENTS = statement<{ last_id: string | null; contents: number; bytes: number }>(
  'platform.collect_contents',
  `select c.last_id, c.contents, c.bytes
  from memory.collect_contents($1::text, $2::uuid, $3::integer, $4::float8 * interval '1 millisecond') c`,
)
const CHUNKS = statement<{ chunks: number; uploads: number }>(
  'platform.collect_chunks',
  `select c.chunks, c.uploads
  from memory.collect_chunks($1::text, $2::integer, $3::float8 * interval '1 millisecond') c`,
)
const FIRST = '00000000-0000-0000-0000-000000000000'
/** Chunks of a batch, at most: each is up to a quarter of a megabyte of stored bytes. */
const CHUNKS_MAX = 256

/** Collects the bytes of artifacts that nothing refers to. */
export const garbage = defineService({
  name: 'garbage',
  description: 'frees the bytes of artifacts that nothing refers to, and of uploads that were abandoned',
  intervalMs: 3_600_000,
  options: z.strictObject({
    ...batchOptions(1000),
    /** How long bytes are kept after the last artifact that referred to them was deleted, in milliseconds. */
    graceMs: z.int().min(0).max(31_536_000_000).default(3_600_000),
    /** How long an upload may stand still, in milliseconds. */
    uploadGraceMs: z.int().min(0).max(31_536_000_000).default(86_400_000),
  }),
  statements: [CONTENTS, CHUNKS],
  runOnce: (context, { graceMs, uploadGraceMs, ...options }) =>
    walkTenants(
      context,
      [
        tenantStep({
          statement: CONTENTS,
          values: (tenant, rows, place) => [tenant, place ?? FIRST, rows, graceMs],
          read: ([row]) => ({
            counts: { contents: row?.contents ?? 0, bytes: row?.bytes ?? 0 },
            more: (row?.last_id ?? null) !== null,
            place: row?.last_id,
          }),
        }),
        tenantStep({
          statement: CHUNKS,
          values: (tenant, rows) => [tenant, Math.min(rows, CHUNKS_MAX), uploadGraceMs],
          read: ([row]) => ({
            counts: { chunks: row?.chunks ?? 0, uploads: row?.uploads ?? 0 },
            more: (row?.chunks ?? 0) + (row?.uploads ?? 0) > 0,
          }),
        }),
      ],
      { ...options, removes: true },
    ),
})
