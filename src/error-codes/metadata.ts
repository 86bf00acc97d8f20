import type { ErrorKind } from './kind.js'

/** Errors of the metadata store. */
export const METADATA_ERRORS = {
  METADATA_ENTITY_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF090',
    summary: 'The tenant has no metadata entity of that name, or it has expired.',
    hint: 'Create it first: metadata.entities.create().',
  },
  SYNC_GROUP_UNKNOWN: {
    retryable: false,
    sqlstate: 'PF091',
    summary: 'The tenant has no sync group of that name.',
    hint: 'List them with metadata.groups.list(), or make it with metadata.groups.set().',
  },
  METADATA_ENTITY_EXISTS: {
    retryable: false,
    sqlstate: 'PF092',
    summary: 'The tenant has another metadata entity of that name already.',
    hint: 'Choose another name, or use the entity that is there.',
  },
  SYNC_GROUP_IN_USE: {
    retryable: false,
    sqlstate: 'PF093',
    summary: 'A sync group that is to be deleted has entities.',
    hint: 'Move them to another group with metadata.entities.update(), or delete them.',
  },
  METADATA_CURSOR_TOO_OLD: {
    retryable: false,
    sqlstate: 'PF095',
    summary: 'The cursor is older than the log of changes, which keeps half an hour at least: it has missed some.',
    hint: 'Subscribe without a cursor, read the whole group with metadata.list() once it is ready, and go on from there.',
  },
  SUBSCRIBER_TOO_SLOW: {
    retryable: false,
    summary: 'The reader of a subscription has fallen behind by more keys than it allows to wait.',
    hint: 'Take messages faster, raise pendingMax, or follow less; subscribe again with the cursor in the details.',
  },
} as const satisfies Record<string, ErrorKind>
