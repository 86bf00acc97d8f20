import { CommanderError } from 'commander'
import { ERRORS, type ErrorCode, isFleetError } from '../errors.js'

/** How the program can end. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** An error as it is told. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint: string
  readonly exitCode: number
  /** Everything, for `--json`. */
  readonly json: Record<string, unknown>
}

/** Errors that say that the command was given something wrong, or that it could not begin to look. */
const USAGE: ReadonlySet<ErrorCode> = new Set([
  'OPTIONS_INVALID',
  'INPUT_INVALID',
  'TENANT_INVALID',
  'DATABASE_UNEXAMINED',
])

/** How calls end that are aborted: before they are sent, and in flight. */
const ENDS: ReadonlySet<ErrorCode> = new Set(['ABORTED', 'OUTCOME_UNKNOWN'])

/** What to tell of whatever was thrown. Passwords in urls are struck out. */
export function describeFailure(error: unknown, interrupted: boolean): Failure {
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '')
    return failure('OPTIONS_INVALID', message, 'See the help: pgfleet --help, or pgfleet COMMAND --help.', EXIT.usage)
  }
  if (interrupted && (!isFleetError(error) || ENDS.has(error.code))) {
    const message = 'Interrupted; what was committed until then stays.'
    return failure('ABORTED', message, ERRORS.ABORTED.hint, EXIT.interrupted)
  }
  if (isFleetError(error)) {
    const exitCode = interrupted ? EXIT.interrupted : USAGE.has(error.code) ? EXIT.usage : EXIT.failed
    const json = JSON.parse(withoutPasswords(JSON.stringify(error))) as Record<string, unknown>
    return { code: error.code, message: withoutPasswords(error.message), hint: error.hint, exitCode, json }
  }
  const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) }
  if (code !== undefined && /^E[A-Z]+$/.test(code)) {
    return failure(code, message, 'The operating system refused it: check the path and its rights.', EXIT.failed)
  }
  return failure(
    'UNEXPECTED',
    message,
    'This is a bug of pgfleet: please report it, with the output of --debug.',
    EXIT.failed,
  )
}

function failure(code: string, message: string, hint: string, exitCode: number): Failure {
  const told = withoutPasswords(message)
  return { code, message: told, hint, exitCode, json: { code, message: told, hint, retryable: false } }
}

/** Strikes the passwords out of every PostgreSQL url in a text. */
export function withoutPasswords(text: string): string {
  return text
    .replaceAll(/(postgres(?:ql)?:\/\/[^\s:@/]*):[^\s/]*@/gi, '$1:***@')
    .replaceAll(/([?&](?:password|sslpassword)=)[^\s&"]*/gi, '$1***')
}
