/** What a code means: the default hint says the way out; `retryable` says whether the same call may succeed later. */
interface ErrorKind {
  readonly retryable: boolean
  readonly summary: string
  readonly hint: string
  /** The SQLSTATE by which the SQL functions raise it, where they do. */
  readonly sqlstate?: string
}

/**
 * Every error that pgfleet throws, by its stable code. Codes are never renamed; `docs/errors.md` is held equal to this
 * table by a test.
 */
export const ERRORS = {
  INPUT_INVALID: {
    retryable: false,
    sqlstate: 'PF005',
    summary: 'An argument has the wrong shape, type, range or size; `field` names it.',
    hint: 'Correct the named field; nothing was written.',
  },
  OPTIONS_INVALID: {
    retryable: false,
    summary: 'An option of openFleet, or of a command, is unknown or out of range.',
    hint: 'See the named option in the documentation.',
  },
  TENANT_INVALID: {
    retryable: false,
    sqlstate: 'PF001',
    summary: 'The tenant is empty, null or not a legal id.',
    hint: 'A tenant id is 1 to 63 characters: a-z, 0-9, "-", "_" or ".", beginning with a letter or digit.',
  },
  TENANT_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF002',
    summary: 'No tenant of that id exists in this database.',
    hint: 'Create it first: fleet.tenants.create({ id }).',
  },
  TENANT_EXISTS: {
    retryable: false,
    sqlstate: 'PF011',
    summary: 'A tenant of that id exists already.',
    hint: 'Choose another id, or pass ifNotExists: true.',
  },
  TENANT_MISMATCH: {
    retryable: false,
    sqlstate: 'PF003',
    summary: 'A transaction that works for one tenant was asked to work for another.',
    hint: 'Use one transaction for each tenant.',
  },
  QUOTA_EXCEEDED: {
    retryable: false,
    sqlstate: 'PF007',
    summary: 'The tenant holds as many rows of this kind as its quota allows.',
    hint: 'Raise the quota with fleet.tenants.setQuotas, or remove rows and measure again.',
  },
  AGENT_TYPE_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF004',
    summary: 'The tenant has no agent type of that name.',
    hint: 'List them with learning.agentTypes.list(), or add one with learning.agentTypes.upsert().',
  },
  SESSION_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF008',
    summary: 'The tenant has no session of that id.',
    hint: 'Start one with learning.sessions.start(), or create one with memory.sessions.create(); sessions expire.',
  },
  SESSION_ENDED: {
    retryable: false,
    summary: 'The learning session has ended, and an ended session stays as it is.',
    hint: 'Start a new session.',
  },
  PATTERN_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF010',
    summary: 'The tenant has no live pattern of that id.',
    hint: 'Search for it, or remember it again: patterns expire.',
  },
  SNAPSHOT_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF013',
    summary: 'The tenant has no policy snapshot of that id.',
    hint: 'List them with learning.snapshots.list().',
  },
  TRAJECTORY_UNKNOWN: {
    retryable: false,
    summary: 'The tenant has no trajectory of that id.',
    hint: 'Record the trajectory first.',
  },
  ENTITY_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF030',
    summary: 'The knowledge graph knows no entity of that id, or not over all of that valid time.',
    hint: 'Assert the entity first, over a valid time that covers this one; without validFrom and validTo it is always valid.',
  },
  RELATIONSHIP_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF031',
    summary: 'The knowledge graph knows no such relationship, or not at any moment of that valid time.',
    hint: 'List what is known with memory.graph.relationships.of(), or assert it.',
  },
  ENTITY_IN_USE: {
    retryable: false,
    sqlstate: 'PF032',
    summary: 'An entity that is to be retracted has relationships over that valid time.',
    hint: 'Retract them first, or pass detach: true to retract them with it.',
  },
  TRAVERSAL_BUDGET_SPENT: {
    retryable: false,
    sqlstate: 'PF033',
    summary: 'A traversal has followed as many relationships as its budget allows, and was not at its end.',
    hint: 'Lower depth or rows, name a type or a direction, or raise budget.',
  },
  ID_OUT_OF_WINDOW: {
    retryable: false,
    sqlstate: 'PF006',
    summary: 'The time inside an id lies outside the window in which its table takes rows.',
    hint: 'Make ids with UUID version 7 at the time of the event; rows older than the retention are refused.',
  },
  ID_CONFLICT: {
    retryable: false,
    sqlstate: 'PF012',
    summary: 'The id was used before for something else.',
    hint: 'Repeat a call with the same id only with the same content.',
  },
  CURSOR_STALE: {
    retryable: false,
    sqlstate: 'PF050',
    summary: 'The cursor is of another database, or of the time before this one was restored or failed over.',
    hint: "Follow the log from 'start', or read by time what came after the last event seen, then follow from 'now'.",
  },
  VERSION_CONFLICT: {
    retryable: false,
    sqlstate: 'PF042',
    summary: 'What was to be written is at another version than the one expected; nothing was written.',
    hint: 'Read it again, apply the change to what is there now, and write with the version that was read.',
  },
  VALUE_NOT_NUMBER: {
    retryable: false,
    sqlstate: 'PF061',
    summary: 'A value that is no number cannot be incremented, nor one beyond 2^53 - 1.',
    hint: 'Use another key for the counter, or set the key to a number first.',
  },
  CHECKSUM_MISMATCH: {
    retryable: false,
    summary: 'What is stored does not match the checksum that was stored with it.',
    hint: 'Somebody changed it past this library, or the storage is damaged: save it again from a trusted source, or restore a backup.',
  },
  WORKFLOW_UNKNOWN: {
    retryable: false,
    summary: 'The tenant has no workflow state of that id.',
    hint: 'Save it first: memory.workflowStates.save().',
  },
  WORKFLOW_TRANSITION_ILLEGAL: {
    retryable: false,
    summary: 'A workflow cannot go from its present status to the one asked for.',
    hint: 'Legal are pending to running or cancelled, and running to completed, failed or cancelled.',
  },
  ARCHIVE_UNKNOWN: {
    retryable: false,
    summary: 'The tenant has no archive of that id.',
    hint: 'List them with memory.hooks.archives().',
  },
  ARCHIVE_INCOMPLETE: {
    retryable: false,
    summary: 'An archive that has not been read to its end cannot be confirmed; nothing was deleted.',
    hint: 'Read the archive to its end, store what it gave, then confirm it.',
  },
  SESSION_STATE_ILLEGAL: {
    retryable: false,
    sqlstate: 'PF041',
    summary: 'The state of the session does not allow this; the message names it, and the states that it may go to.',
    hint: 'Read the session, and go to one of the states that the message names.',
  },
  ARTIFACT_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF043',
    summary: 'The tenant has no artifact of that id, or it was deleted while it was read.',
    hint: 'List them with memory.artifacts.list().',
  },
  ARTIFACT_CORRUPT: {
    retryable: false,
    summary: 'The stored bytes of an artifact are not those that were written.',
    hint: 'Put the artifact again, and look for a failing disk or a restore that lost rows.',
  },
  HASH_MISMATCH: {
    retryable: false,
    summary: 'The bytes do not have the SHA-256 that they were announced with; nothing was kept.',
    hint: 'Send the right bytes, or the right hash.',
  },
  UPLOAD_BROKEN: {
    retryable: false,
    summary: 'The stream of an artifact failed before its end; nothing was kept.',
    hint: 'Put it again with a new stream; the cause is the error of the stream.',
  },
  UPLOAD_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF045',
    summary: 'The chunks of an upload are gone: it was collected because it stood still for too long.',
    hint: 'Put the artifact again.',
  },
  KEY_UNKNOWN: {
    retryable: false,
    summary: 'The text is not an API key of this tenant.',
    hint: 'Send the key as it was shown when it was created.',
  },
  KEY_EXPIRED: {
    retryable: false,
    summary: 'The API key has expired.',
    hint: 'Create another, or rotate keys before they expire.',
  },
  KEY_REVOKED: {
    retryable: false,
    summary: 'The API key was revoked.',
    hint: 'Create another with memory.keys.create().',
  },
  KEY_SCOPE_MISSING: {
    retryable: false,
    summary: 'The API key is good, and has not the scope that was asked for.',
    hint: 'Create a key with that scope.',
  },
  KEY_PROVIDER_MISSING: {
    retryable: false,
    summary: 'The fleet was opened without a provider of master keys, which secrets need.',
    hint: 'Pass keyProvider to openFleet, for example staticKeyProvider({ key }).',
  },
  KEY_PROVIDER_FAILED: {
    retryable: true,
    summary: 'The provider of master keys failed, or does not have the master key that is needed.',
    hint: 'See the cause; keep old master keys with the provider until memory.secrets.rewrap() has run for every tenant.',
  },
  SECRET_UNKNOWN: {
    retryable: false,
    summary: 'The tenant has no active secret for that service.',
    hint: 'Set one with memory.secrets.set().',
  },
  SECRET_UNREADABLE: {
    retryable: false,
    summary: 'A secret cannot be decrypted: its row, or the key it was encrypted with, is not what it was.',
    hint: 'Look whether the rows were copied from another tenant or service, or the master key replaced; set the secret again.',
  },
  VECTOR_DIMENSION_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF020',
    summary: 'There is no table for vectors of so many dimensions.',
    hint: 'Make it with `pgfleet vectors add-dimension N`, once for all tenants, or use the model whose vectors are kept already.',
  },
  QUEUE_FULL: {
    retryable: true,
    summary: 'The queue of this operation is full and the call was told not to wait.',
    hint: 'Slow down, or raise batch.queueMax.',
  },
  ABORTED: {
    retryable: false,
    summary: 'The caller aborted the call before it was sent; nothing was written by it.',
    hint: 'Call again when wanted.',
  },
  OUTCOME_UNKNOWN: {
    retryable: false,
    summary: 'The call was in flight when it was aborted or the connection was lost; the write may have committed.',
    hint: 'Repeat it with the same id where the operation takes one: it is then applied once. Otherwise read before repeating.',
  },
  CONNECTION_FAILED: {
    retryable: true,
    summary: 'The database could not be reached, or closed the connection before the call was sent.',
    hint: 'Check the url and that the server runs; the call did not take effect.',
  },
  TIMEOUT: {
    retryable: true,
    summary: 'A wait took longer than its limit.',
    hint: 'Look for a long transaction or an overloaded server, or raise the limit that the message names.',
  },
  CONFLICT: {
    retryable: true,
    summary: 'The database ended the transaction because of another one (serialization failure or deadlock).',
    hint: 'Repeat the transaction; single operations are repeated by themselves.',
  },
  TRANSACTION_NESTED: {
    retryable: false,
    summary: 'A plain call was made inside a transaction of an embedded database, which has one connection only.',
    hint: 'Use the tx that the callback received.',
  },
  TRANSACTION_ENDED: {
    retryable: false,
    summary: 'A transaction was used after its callback had returned, or after one of its statements had failed.',
    hint: 'Await every call inside the callback; start a new transaction.',
  },
  CLOSED: {
    retryable: false,
    summary: 'The fleet was closed.',
    hint: 'Open a new one.',
  },
  PERMISSION_DENIED: {
    retryable: false,
    summary: 'The login may not do this.',
    hint: 'Run the bootstrap script that `pgfleet migrate plan` prints, once, as a superuser; or log in as the owner.',
  },
  DATABASE_LOCKED: {
    retryable: false,
    summary: 'Another process uses this embedded data directory.',
    hint: 'Close the other process, use another dataDir, or use a server.',
  },
  DATABASE_UNSUITABLE: {
    retryable: false,
    sqlstate: 'PF021',
    summary: 'The database is too old, or lacks an extension that pgfleet needs.',
    hint: 'Use PostgreSQL 17 or newer with the extension named in the message.',
  },
  SCHEMA_MISSING: {
    retryable: false,
    summary: 'The database has no pgfleet schema, or an older one, and migrating was switched off.',
    hint: 'Run `pgfleet migrate`.',
  },
  SCHEMA_TOO_NEW: {
    retryable: false,
    summary: 'The database was migrated by a newer pgfleet than this one.',
    hint: 'Upgrade the package, or use the database that belongs to it.',
  },
  MIGRATION_CHANGED: {
    retryable: false,
    summary: 'A migration that was applied has another text than the one in this package.',
    hint: 'Applied migrations are never edited; add a new one.',
  },
  MIGRATION_FAILED: {
    retryable: false,
    summary: 'A migration could not be applied; its transaction was rolled back.',
    hint: 'See the cause; the database is as it was before that migration.',
  },
  DATA_LOSS_REFUSED: {
    retryable: false,
    summary: 'Going down would drop data.',
    hint: 'Pass --allow-data-loss if that is what you want.',
  },
  REPLAY_BAD_LINE: {
    retryable: false,
    summary: 'A line of the history cannot be read.',
    hint: 'Correct the line, or leave out --strict to skip such lines.',
  },
  REPLAY_EMPTY: {
    retryable: false,
    summary: 'The history holds no cycle.',
    hint: 'Give a RETECS CSV file or a directory of JUnit XML files.',
  },
  BENCH_FAILED: {
    retryable: false,
    summary: 'A benchmark could not be run.',
    hint: 'See the cause.',
  },
  DATABASE_ERROR: {
    retryable: false,
    summary: 'The database refused a statement for a reason that has no code of its own; the cause has its SQLSTATE.',
    hint: 'See the cause.',
  },
} as const satisfies Record<string, ErrorKind>

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
