import { FleetError } from '../errors.js'

/** How PostgreSQL's own programs log in: what may stand on a command line, and what may not. */
export interface ProgramLogin {
  /** The url without passwords, for `--dbname`. */
  readonly address: string
  /** The environment of the program, with the password. */
  readonly environment: Readonly<Record<string, string>>
}

/** What the programs are told of this process's environment: others may hold keys. */
const PASSED_ON = /^(PG|LC_|KRB5|LANG$|PATH$|HOME$|TZ$|TMPDIR$|SSL_CERT_)/

/**
 * Splits a url into what may be seen by everyone on the machine and what may not. Parameters that only the driver knows
 * are translated or left out. Errors: OPTIONS_INVALID.
 */
export function programLogin(url: string, environment: NodeJS.ProcessEnv = process.env): ProgramLogin {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch (cause) {
    throw new FleetError('OPTIONS_INVALID', { message: 'the url cannot be understood', field: 'url', cause })
  }
  const passwords = [decodeURIComponent(parsed.password), parsed.searchParams.get('password') ?? '']
  parsed.password = ''
  parsed.searchParams.delete('password')
  parsed.searchParams.delete('uselibpqcompat')
  const ssl = parsed.searchParams.get('ssl')
  parsed.searchParams.delete('ssl')
  if (ssl !== null && !parsed.searchParams.has('sslmode')) {
    parsed.searchParams.set('sslmode', ['0', 'false'].includes(ssl) ? 'disable' : 'require')
  }
  if (parsed.searchParams.has('sslpassword')) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'PostgreSQL’s programs take a password of a client key from the command line only: others would see it',
      field: 'url',
      hint: 'Use a client key without a password, in a file that nobody else can read.',
    })
  }
  const passedOn = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && PASSED_ON.test(entry[0]) && entry[0] !== 'PGOPTIONS',
  )
  const password = passwords.find((one) => one !== '')
  return {
    address: parsed.href,
    environment: {
      ...Object.fromEntries(passedOn),
      PGAPPNAME: 'pgfleet backup',
      ...(password === undefined ? {} : { PGPASSWORD: password }),
    },
  }
}
