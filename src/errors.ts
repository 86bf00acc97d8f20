import { ALERT_ERRORS } from './error-codes/alerts.js'
import { ARCHIVE_ERRORS } from './error-codes/archive.js'
import { BACKUP_ERRORS } from './error-codes/backup.js'
import { CONFIGURATION_ERRORS } from './error-codes/configuration.js'
import { DELIVERY_ERRORS } from './error-codes/delivery.js'
import { DOCTOR_ERRORS } from './error-codes/doctor.js'
import { HISTORY_ERRORS } from './error-codes/history.js'
import { LEARNING_ERRORS } from './error-codes/learning.js'
import { MAINTENANCE_ERRORS } from './error-codes/maintenance.js'
import { MEMORY_ERRORS } from './error-codes/memory.js'
import { METADATA_ERRORS } from './error-codes/metadata.js'
import { PLATFORM_ERRORS } from './error-codes/platform.js'
import { TUNING_ERRORS } from './error-codes/tuning.js'

/**
 * Every error that pgfleet throws, by its stable code. Codes are never renamed; `docs/errors.md` is held equal to this
 * table by a test.
 */
export const ERRORS = {
  ...PLATFORM_ERRORS,
  ...LEARNING_ERRORS,
  ...MEMORY_ERRORS,
  ...DELIVERY_ERRORS,
  ...METADATA_ERRORS,
  ...DOCTOR_ERRORS,
  ...BACKUP_ERRORS,
  ...MAINTENANCE_ERRORS,
  ...ARCHIVE_ERRORS,
  ...HISTORY_ERRORS,
  ...ALERT_ERRORS,
  ...CONFIGURATION_ERRORS,
  ...TUNING_ERRORS,
} as const

/** The stable code of an error. */
export type ErrorCode = keyof typeof ERRORS

/** What an error carries besides its code. */
export interface ErrorContent {
  /** What happened, and what was expected. Never holds secrets or whole payloads. */
  readonly message: string
  /** The way out; defaults to the one in the catalogue. */
  readonly hint?: string
  /** The argument at fault, as a path like `experiences[3].reward`. */
  readonly field?: string
  readonly cause?: unknown
  /** Facts for programs: numbers, ids, SQLSTATE. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** The one error class. Tell errors apart by `code`, and whether to repeat a call by `retryable`. */
export class FleetError extends Error {
  override readonly name = 'FleetError'
  readonly code: ErrorCode
  /** True when the same call may succeed later without a change. */
  readonly retryable: boolean
  readonly hint: string
  readonly field: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, content: ErrorContent) {
    super(content.message, content.cause === undefined ? undefined : { cause: content.cause })
    this.code = code
    this.retryable = ERRORS[code].retryable
    this.hint = content.hint ?? ERRORS[code].hint
    this.field = content.field
    this.details = content.details ?? {}
  }

  /** The error as plain data, for `--json` and logs; the cause as its message only. */
  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      message: this.message,
      hint: this.hint,
      retryable: this.retryable,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
      ...(this.cause instanceof Error ? { cause: this.cause.message } : {}),
    }
  }
}

/** True for a FleetError, of that code when one is given. */
export function isFleetError(error: unknown, code?: ErrorCode): error is FleetError {
  return error instanceof FleetError && (code === undefined || error.code === code)
}
