import type { ErrorKind } from './kind.js'

/** What examining a database may end with. */
export const DOCTOR_ERRORS = {
  DATABASE_UNEXAMINED: {
    retryable: true,
    summary:
      'The doctor, the linter or the plan reader could not look at the database: no connection, a lost one, or a version that it does not know.',
    hint: 'Check the url, the login and that the server is PostgreSQL 15 to 18.',
  },
} as const satisfies Record<string, ErrorKind>
