import type { ErrorKind } from './kind.js'

/** What backing up and restoring may end with. */
export const BACKUP_ERRORS = {
  BACKUP_PROGRAM_MISSING: {
    retryable: false,
    summary:
      'pg_dump or pg_restore is not there, or older than the server; the message names the version that is needed.',
    hint: 'Install the client programs of that version (Debian: postgresql-client-17), or name their folder with --bin or PGFLEET_BIN.',
  },
  BACKUP_RIGHT_MISSING: {
    retryable: false,
    summary: 'The login lacks a right that a whole backup or restore needs; the message names it.',
    hint: 'Give the login the right that the message names, or use a superuser.',
  },
  BACKUP_BUSY: {
    retryable: true,
    summary: 'Another process backs up into the same folder.',
    hint: 'Wait until it has ended, or use another folder.',
  },
  BACKUP_FAILED: {
    retryable: true,
    summary: 'pg_dump ended with an error; nothing was kept of this backup, and no older one was removed.',
    hint: 'Read what pg_dump said, in the message.',
  },
  BACKUP_UNKNOWN: {
    retryable: false,
    summary: 'There is no complete backup at this place.',
    hint: 'Name a backup, or a folder of them: pgfleet backup list shows what is complete.',
  },
  BACKUP_CORRUPT: {
    retryable: false,
    summary: 'A file of the backup is not what was written: its checksum differs, or it is gone; the message names it.',
    hint: 'Restore another backup, or fetch this one again from where it was copied to. Check the disk.',
  },
  BACKUP_KEY_INVALID: {
    retryable: false,
    summary: 'The backup is encrypted and the key is missing or another one, or the key cannot be used.',
    hint: 'Give the key it was written with: --encrypt-key-file or --passphrase-env. A key file has 32 bytes or more.',
  },
  RESTORE_TARGET_NOT_EMPTY: {
    retryable: false,
    summary: 'The database to restore into holds relations already; nothing was changed.',
    hint: 'Make a new one (create database ... template template0) and restore into that.',
  },
  RESTORE_UNSUITABLE: {
    retryable: false,
    summary:
      'The server cannot take this backup: it is older than the one it came from, lacks an extension, or keeps texts otherwise.',
    hint: 'Use a server of the version in the manifest or newer, with the extensions that the message names.',
  },
  RESTORE_FAILED: {
    retryable: false,
    summary: 'pg_restore ended with an error; the database holds a part of the backup and must not be used.',
    hint: 'Read what pg_restore said, drop the database, make it again and repeat.',
  },
  RESTORE_MISMATCH: {
    retryable: false,
    summary: 'After restoring, a table has not the number of rows that the backup counted; the message names it.',
    hint: 'Do not use the database. Check that nobody wrote to it meanwhile, and restore again into a new one.',
  },
} as const satisfies Record<string, ErrorKind>
