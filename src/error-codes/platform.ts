import type { ErrorKind } from './kind.js'

/** What any call may end with, and what goes wrong around the stores. */
export const PLATFORM_ERRORS = {
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
  TENANT_UNAVAILABLE: {
    retryable: false,
    sqlstate: 'PF111',
    summary: 'The tenant is being erased or imported.',
    hint: 'Wait for the end of it; what was interrupted goes on with fleet.tenants.erase().',
  },
  TENANT_ERASED: {
    retryable: false,
    sqlstate: 'PF112',
    summary: 'A tenant of that id was erased from this database.',
    hint: 'Choose another id, or pass reuse: true: then the tombstone no longer keeps restored rows of the old tenant away.',
  },
  TENANT_HELD: {
    retryable: false,
    sqlstate: 'PF113',
    summary: 'A legal hold on the tenant stands, so nothing of it may be erased.',
    hint: 'See fleet.tenants.holds(); once all are lifted, call again.',
  },
  EXPORT_DAMAGED: {
    retryable: false,
    summary:
      'What was to be imported is no export of a tenant, or is cut off or altered; the message names where. Nothing of it is left.',
    hint: 'Copy the file again, or export the tenant again.',
  },
  EXPORT_UNSUITABLE: {
    retryable: false,
    summary: 'The export holds tables or columns that this database has not, or has otherwise.',
    hint: 'Bring both databases to the same version with `pgfleet migrate`; dimensions of vectors are made with `pgfleet vectors add-dimension`.',
  },
  HOLD_UNKNOWN: {
    retryable: false,
    summary: 'The tenant has no legal hold of that id.',
    hint: 'List them with fleet.tenants.holds().',
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
  SESSION_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF008',
    summary: 'The tenant has no session of that id.',
    hint: 'Start one with learning.sessions.start(), or create one with memory.sessions.create(); sessions expire.',
  },
  WORKFLOW_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF070',
    summary: 'The tenant has no workflow of that id.',
    hint: 'Create it with delivery.workflows.create(); a state of one is saved with memory.workflowStates.save().',
  },
  WORKFLOW_TRANSITION_ILLEGAL: {
    retryable: false,
    sqlstate: 'PF071',
    summary:
      'A workflow cannot go from its present status to the one asked for; the message names it, and the legal next ones.',
    hint: 'Read the workflow, and go to one of the statuses that the message names; what has ended is repeated as a new workflow.',
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
  VERSION_CONFLICT: {
    retryable: false,
    sqlstate: 'PF042',
    summary: 'What was to be written is at another version than the one expected; nothing was written.',
    hint: 'Read it again, apply the change to what is there now, and write with the version that was read.',
  },
  CURSOR_STALE: {
    retryable: false,
    sqlstate: 'PF050',
    summary: 'The cursor is of another database, or of the time before this one was restored or failed over.',
    hint: "Events: follow the log from 'start', or read by time what came after the last one seen, then follow from 'now'. Metadata: subscribe without a cursor, and read the whole group.",
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
  CLOSE_INCOMPLETE: {
    retryable: false,
    summary: 'The fleet was closed before all calls had settled; `details.held` counts them by operation.',
    hint: 'Those that were not sent had rejected with CLOSED, those in flight with OUTCOME_UNKNOWN. Raise closeTimeoutMs, or look for what blocks the database.',
  },
  PRIMARY_UNAVAILABLE: {
    retryable: true,
    summary: 'None of the servers is a primary that may be written to, or the one behind the url takes no writes.',
    hint: 'See `pgfleet servers`: start the primary, or promote a standby; of two primaries stop the old one.',
  },
  PRIMARY_REQUIRED: {
    retryable: false,
    summary: 'A transaction that a replica answers made a call that only the primary can answer.',
    hint: 'Begin the transaction without readOnly, or on the tenant itself instead of tenant.reading().',
  },
  PERMISSION_DENIED: {
    retryable: false,
    sqlstate: 'PF094',
    summary: 'The login, or the agent on whose behalf the call is made, may not do this.',
    hint: 'A login: run the bootstrap script that `pgfleet migrate plan` prints, once, as a superuser, or log in as the owner. An agent: grant it a role with metadata.roles.grant().',
  },
  DATABASE_LOCKED: {
    retryable: false,
    summary: 'Another process uses this embedded data directory.',
    hint: 'Close the other process, use another dataDir, or use a server.',
  },
  DATABASE_UNSUITABLE: {
    retryable: false,
    sqlstate: 'PF021',
    summary: 'The database is too old, lacks an extension that pgfleet needs, or keeps texts otherwise than as UTF-8.',
    hint: 'Use PostgreSQL 17 or newer with the extension named in the message.',
  },
  SCHEMA_MISSING: {
    retryable: false,
    summary: 'The database has no pgfleet schema, or an older one, and migrating was switched off.',
    hint: 'Run `pgfleet migrate`.',
  },
  SCHEMA_TOO_NEW: {
    retryable: false,
    summary: 'A newer pgfleet migrated the database: this one cannot migrate it, or is too old to be served by it.',
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
