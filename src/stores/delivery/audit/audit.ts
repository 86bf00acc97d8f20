import type { CallOptions } from '../../../database/batch.js'
import type { Session } from '../../../database/session.js'
import type { Statement } from '../../../database/statement.js'
import type { Identity } from '../../../identity.js'
import { type NewAuditEntry, RECORD_AUDIT, recordEntries } from './audit-entry.js'
import { type AuditPage, type AuditQuery, FIND_AUDIT_ENTRIES, listEntries } from './audit-query.js'
import {
  type AuditVerification,
  GET_SEAL_HASH,
  SEAL_AUDIT,
  type SealReport,
  sealEntries,
  VERIFY_AUDIT,
  type VerifyOptions,
  verifyEntries,
} from './audit-seals.js'

/** The audit log of one tenant: every change of the delivery store by itself, and what the caller records; never changed. */
export interface Audit {
  /**
   * Records entries of the caller's own, at most 2000 a call, all or none, with the identity of `tenant.as()`, and returns
   * their ids; idempotent by id. Errors: INPUT_INVALID, ID_OUT_OF_WINDOW, ID_CONFLICT.
   */
  record(entry: NewAuditEntry, options?: CallOptions): Promise<string>
  record(entries: readonly NewAuditEntry[], options?: CallOptions): Promise<string[]>
  /** A page of the entries that match, newest first unless told. Errors: INPUT_INVALID. */
  list(query?: AuditQuery, options?: Pick<CallOptions, 'signal'>): Promise<AuditPage>
  /**
   * Seals the next rows, at most `entriesMax` (1 to 10000, 1000 unless told; of the audit log, one may hold several entries), of transactions older than every running one;
   * for a schedule, or see `keepSealed`. Harmless to repeat, and at the same moment. Errors: INPUT_INVALID, WATERMARK_FOREIGN.
   */
  seal(options?: { entriesMax?: number; signal?: AbortSignal }): Promise<SealReport>
  /**
   * Compares every sealed entry with its seal, and the seals with each other; names the first that was altered, removed,
   * reordered or inserted. Reads the whole log, in short steps. Errors: INPUT_INVALID.
   */
  verify(options?: VerifyOptions): Promise<AuditVerification>
}

export const AUDIT_STATEMENTS: readonly Statement<unknown>[] = [
  RECORD_AUDIT.statement,
  FIND_AUDIT_ENTRIES,
  SEAL_AUDIT,
  VERIFY_AUDIT,
  GET_SEAL_HASH,
]

export function createAudit(session: Session, identity: Identity): Audit {
  return {
    record: (async (input: NewAuditEntry | readonly NewAuditEntry[], options?: CallOptions) =>
      Array.isArray(input)
        ? await recordEntries(session, identity, input, options)
        : (await recordEntries(session, identity, [input as NewAuditEntry], options))[0]) as Audit['record'],
    list: (query = {}, options) => listEntries(session, query, options),
    seal: (options) => sealEntries(session, options),
    verify: (options) => verifyEntries(session, options),
  }
}
