import type { ErrorKind } from './kind.js'

/** What goes wrong with archives of partitions. */
export const ARCHIVE_ERRORS = {
  ARCHIVE_STORE_FAILED: {
    retryable: true,
    summary:
      'The folder or bucket of the archives could not be read or written: away, full, or not allowed; the message says which. Nothing was dropped.',
    hint: 'Make room, or see that it can be reached and that the login may read and write there; the next run goes on.',
  },
  ARCHIVE_OBJECT_EXISTS: {
    retryable: true,
    summary: 'An object of this name is there already; it was left as it is, and nothing was dropped.',
    hint: 'Nothing needs to be done: the next attempt takes another name. See who else writes there.',
  },
  ARCHIVE_UNKNOWN: {
    retryable: false,
    summary:
      'There is no such archive, or its object or manifest is not at its place; the message names what is missing.',
    hint: 'pgfleet archive list shows what there is. Where objects were moved, name their place with --from.',
  },
  ARCHIVE_CORRUPT: {
    retryable: false,
    summary:
      'What was read of an archive is not what was written: checksum, rows or manifest differ; the message says where.',
    hint: 'Fetch the objects again from a copy. While the partition was not dropped, the next run writes it anew.',
  },
  ARCHIVE_BUSY: {
    retryable: true,
    summary: 'Another process archives or restores the same partition.',
    hint: 'Wait until it has ended.',
  },
  ARCHIVE_REFUSED: {
    retryable: false,
    sqlstate: 'PF121',
    summary:
      'The archive is not at this step, or does not fit what is there: the partition holds rows, or the table has lost a column; the message says which.',
    hint: 'Empty what is in the way, or give the table its column back, and repeat.',
  },
} as const satisfies Record<string, ErrorKind>
