import { z } from 'zod'
import type { Session } from '../../../database/session.js'
import { statement } from '../../../database/statement.js'
import { check } from '../../../input.js'

/** The end of the chain of seals: whoever keeps it elsewhere can tell later that no seal up to it was replaced. */
export interface SealHead {
  /** The number of the last seal; they count from 1. */
  readonly seal: number
  /** Its SHA-256, 64 hexadecimal digits. */
  readonly hash: string
}

/** What a step of sealing did. */
export interface SealReport {
  /** Rows that were sealed; of the audit log, one may hold several entries. */
  readonly sealed: number
  /** Undefined when nothing has ever been sealed. */
  readonly head: SealHead | undefined
  /** There is more to seal at once. */
  readonly more: boolean
}

/** What is wrong with the first entry, or the first seal, that does not hold. */
export interface AuditBreach {
  /**
   * Of an entry: `altered`, `removed`, `reordered` (its place is another) or `inserted` (behind the back of the sealer). Of a
   * seal: `seal_altered`, or `seal_removed` (also when the log ends before the head that was expected).
   */
  readonly problem: 'altered' | 'removed' | 'reordered' | 'inserted' | 'seal_altered' | 'seal_removed'
  /** The seal that it was found at. */
  readonly seal: number
  /** The entry, or the first of its row; undefined when the seal itself does not hold. */
  readonly entryId: string | undefined
}

/** What a verification found. */
export interface AuditVerification {
  readonly intact: boolean
  readonly breach: AuditBreach | undefined
  /** Seals, and rows behind them, that hold; of the audit log, one row may hold several entries. */
  readonly seals: number
  readonly entries: number
  /** Rows that went with their months, by the retention; their seals hold. */
  readonly retired: number
  /** Rows that are not sealed yet, and so not verified; undefined when there is a breach. */
  readonly unsealed: number | undefined
  /** The last seal that holds. */
  readonly head: SealHead | undefined
}

/** What a verification starts from. */
export interface VerifyOptions {
  /** A head that was kept elsewhere: the chain has to contain it. */
  readonly expected?: SealHead
  /** Ends the verification. */
  readonly signal?: AbortSignal
}

export const SEAL_AUDIT = statement<{ sealed: number; seal_number: number | null; seal_hash: string; more: boolean }>(
  'delivery.seal_audit',
  `select s.sealed, s.seal_number, encode(s.seal_hash, 'hex') as seal_hash, s.more
  from delivery.seal_audit(current_setting('pgfleet.tenant'), $1::integer) s`,
)

export const VERIFY_AUDIT = statement<{
  seal_number: number
  seal_hash: string
  seals: number
  entries: number
  retired: number
  more: boolean
  problem: AuditBreach['problem'] | null
  audit_id: string | null
  unsealed: number | null
}>(
  'delivery.verify_audit',
  `select v.seal_number, encode(v.seal_hash, 'hex') as seal_hash, v.seals, v.rows as entries, v.retired, v.more, v.problem,
    v.audit_id, v.unsealed
  from delivery.verify_audit(current_setting('pgfleet.tenant'), $1::bigint, decode($2::text, 'hex'), $3::integer) v`,
)

export const GET_SEAL_HASH = statement<{ seal_hash: string }>(
  'delivery.get_seal_hash',
  `select encode(s.seal_hash, 'hex') as seal_hash from delivery.audit_seals s
  where s.tenant_id = current_setting('pgfleet.tenant') and s.seal_number = $1::bigint`,
)

/** Seals compared in one statement: it stays far below the time that a call may take. */
const SEALS_A_STEP = 20

const sealOptions = z.strictObject({
  entriesMax: z.int().min(1).max(10_000).default(1000),
  signal: z.instanceof(AbortSignal).optional(),
})
const verifyOptions = z.strictObject({
  expected: z
    .strictObject({ seal: z.int().min(1), hash: z.string().regex(/^[0-9a-f]{64}$/, 'is not 64 hexadecimal digits') })
    .optional(),
  signal: z.instanceof(AbortSignal).optional(),
})

/** Errors: INPUT_INVALID, WATERMARK_FOREIGN. */
export async function sealEntries(
  session: Session,
  input: { entriesMax?: number; signal?: AbortSignal } = {},
): Promise<SealReport> {
  const { entriesMax, signal } = check('options', sealOptions, input)
  const [row] = await session.query(SEAL_AUDIT, [entriesMax], { idempotent: true, ...(signal && { signal }) })
  if (row === undefined) throw new Error('delivery.seal_audit returned no row')
  const head = row.seal_number === null ? undefined : { seal: row.seal_number, hash: row.seal_hash }
  return { sealed: row.sealed, head, more: row.more }
}

/** Errors: INPUT_INVALID. */
export async function verifyEntries(session: Session, input: VerifyOptions = {}): Promise<AuditVerification> {
  const { expected, signal } = check('options', verifyOptions, input)
  const options = { idempotent: true, ...(signal && { signal }) }
  const sums = { seals: 0, entries: 0, retired: 0 }
  let head: SealHead | undefined
  for (;;) {
    const [row] = await session.query(VERIFY_AUDIT, [head?.seal ?? 0, head?.hash ?? null, SEALS_A_STEP], options)
    if (row === undefined) throw new Error('delivery.verify_audit returned no row')
    sums.seals += row.seals
    sums.entries += row.entries
    sums.retired += row.retired
    const last = row.problem === null ? row.seal_number : row.seal_number - 1
    if (last > 0) head = { seal: last, hash: row.seal_hash }
    if (row.problem !== null) {
      const breach = { problem: row.problem, seal: row.seal_number, entryId: row.audit_id ?? undefined }
      return { intact: false, breach, ...sums, unsealed: undefined, head }
    }
    if (row.more) continue
    const missing = await missingHead(session, expected, head, options)
    if (missing !== undefined) return { intact: false, breach: missing, ...sums, unsealed: undefined, head }
    return { intact: true, breach: undefined, ...sums, unsealed: row.unsealed ?? 0, head }
  }
}

/** What has become of the seal that was expected, where it is not there as it was. */
async function missingHead(
  session: Session,
  expected: SealHead | undefined,
  head: SealHead | undefined,
  options: { idempotent: boolean; signal?: AbortSignal },
): Promise<AuditBreach | undefined> {
  if (expected === undefined) return undefined
  const { seal } = expected
  if (head === undefined || head.seal < seal) return { problem: 'seal_removed', seal, entryId: undefined }
  const [row] = await session.query(GET_SEAL_HASH, [seal], options)
  return row?.seal_hash === expected.hash ? undefined : { problem: 'seal_altered', seal, entryId: undefined }
}
