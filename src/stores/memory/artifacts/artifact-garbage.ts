import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { type Statement, statement } from '../../../database/statement.js'
import { check } from '../../../input.js'

/** How garbage is collected. */
export interface GarbageOptions {
  /**
   * How long bytes are kept after the last artifact that referred to them was deleted, in milliseconds: so long may a reader
   * of it still take, and the same bytes come back for nothing. @default 3600000 (an hour)
   */
  readonly graceMs?: number
  /** How long an upload may stand still before it counts as abandoned, in milliseconds. @default 86400000 (a day) */
  readonly uploadGraceMs?: number
  /** Most steps; each is one short transaction over at most 1,000 contents or 256 chunks. @default 10000 */
  readonly stepsMax?: number
  readonly signal?: AbortSignal
}

/** What a collection did. */
export interface GarbageReport {
  /** Contents that it let go of, and the bytes that they were stored in. */
  readonly contents: number
  readonly bytes: number
  /** Chunks that it deleted, and uploads that were abandoned or let go of. */
  readonly chunks: number
  readonly uploads: number
  /** False when the steps ran out before the garbage did. */
  readonly done: boolean
}

const COLLECT_CONTENTS = statement<{ last_id: string | null; contents: number; bytes: number }>(
  'memory.collect_contents',
  `select last_id, contents, bytes
  from memory.collect_contents(current_setting('pgfleet.tenant'), $1::uuid, 1000, make_interval(secs => $2::double precision))`,
)
const COLLECT_CHUNKS = statement<{ chunks: number; uploads: number }>(
  'memory.collect_chunks',
  `select chunks, uploads
  from memory.collect_chunks(current_setting('pgfleet.tenant'), 256, make_interval(secs => $1::double precision))`,
)

export const GARBAGE_STATEMENTS: readonly Statement<unknown>[] = [COLLECT_CONTENTS, COLLECT_CHUNKS]

const garbageOptions = z.strictObject({
  graceMs: z.int().min(0).default(3_600_000),
  uploadGraceMs: z.int().min(0).default(86_400_000),
  stepsMax: z.int().min(1).max(1_000_000).default(10_000),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Lets go of contents that nothing refers to, then deletes chunks that no content owns. Repeating a step is harmless. */
export async function collectGarbage(session: Session, input: GarbageOptions = {}): Promise<GarbageReport> {
  const { graceMs, uploadGraceMs, stepsMax, signal } = check('options', garbageOptions, input)
  const how = { idempotent: true, ...(signal && { signal }) }
  const report = { contents: 0, bytes: 0, chunks: 0, uploads: 0 }
  let after: string | null = '00000000-0000-0000-0000-000000000000'
  for (let step = 0; step < stepsMax; step++) {
    if (after !== null) {
      const step = await collectContents(session, after, graceMs, how)
      report.contents += step.contents
      report.bytes += step.bytes
      after = step.last_id
    } else {
      const [row] = await session.query(COLLECT_CHUNKS, [uploadGraceMs / 1000], how)
      report.chunks += row?.chunks ?? 0
      report.uploads += row?.uploads ?? 0
      if (row === undefined || row.chunks + row.uploads === 0) return { ...report, done: true }
    }
  }
  return { ...report, done: false }
}

async function collectContents(session: Session, after: string, graceMs: number, how: { signal?: AbortSignal }) {
  const [row] = await session.query(COLLECT_CONTENTS, [after, graceMs / 1000], { ...how, idempotent: true })
  return row ?? { last_id: null, contents: 0, bytes: 0 }
}
