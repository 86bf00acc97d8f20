import type { ErrorKind } from './kind.js'

/** What goes wrong when a configuration is tried. */
export const CONFIGURATION_ERRORS = {
  SERVER_PROGRAMS_MISSING: {
    retryable: false,
    summary:
      'initdb and postgres of the wanted major are not on this machine, or may not be run; the message names where was looked.',
    hint: 'Install the server of that version (Debian: postgresql-17), or name the folder of its programs with --bin.',
  },
  SCRATCH_CLUSTER_FAILED: {
    retryable: true,
    summary:
      'A scratch cluster could not be made, started or stopped; the message has the words of the program. Nothing of it is left.',
    hint: 'See that the temporary directory (TMPDIR) has room, and that the user of --system-user may run the programs of PostgreSQL.',
  },
} as const satisfies Record<string, ErrorKind>
