import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { serverUrls } from '../database/primary/server-urls.js'
import { FleetError } from '../errors.js'
import { withoutPasswords } from './failure.js'

/** Which database a command works on. */
export interface Where {
  readonly url?: string
  readonly dataDir?: string
}

const DATA_DIR = '.pgfleet'

/** `--url`, or `--data-dir`, else DATABASE_URL, else the embedded database of this directory. Errors: OPTIONS_INVALID. */
export function resolveWhere(options: { url?: string; dataDir?: string }, environment = process.env): Where {
  const { url, dataDir } = options
  if (url !== undefined && dataDir !== undefined) {
    throw new FleetError('OPTIONS_INVALID', { message: 'give --url or --data-dir, not both', field: 'dataDir' })
  }
  if (url !== undefined) return { url }
  if (dataDir !== undefined) return { dataDir }
  if (environment.DATABASE_URL) return { url: environment.DATABASE_URL }
  return { dataDir: DATA_DIR }
}

/** The database in words, without the password: `postgres@localhost:5432/app`, or a directory. */
export function describeWhere(where: Where): string {
  if (where.url === undefined) return isInMemory(where) ? 'memory' : resolve(where.dataDir ?? DATA_DIR)
  try {
    const { username, hostname, port, pathname } = new URL(where.url)
    return `${username ? `${decodeURIComponent(username)}@` : ''}${hostname}${port ? `:${port}` : ''}${pathname}`
  } catch {
    return withoutPasswords(where.url)
  }
}

/** The url, for what goes to one server whatever it is. Errors: OPTIONS_INVALID for a url of several hosts. */
export function oneHost(url: string): string {
  const { urls } = serverUrls(url)
  if (urls.length === 1) return urls[0] as string
  throw new FleetError('OPTIONS_INVALID', {
    message: 'this goes to one server, and the url names several hosts',
    field: 'url',
    hint: 'Name the one that is meant; `pgfleet servers` tells which is the primary.',
  })
}

/** The options that a next command needs to work on the same database. Never a url: it may hold a password. */
export function whereOptions(where: Where): string {
  if (where.url !== undefined || where.dataDir === undefined || where.dataDir === DATA_DIR) return ''
  return ` --data-dir ${where.dataDir}`
}

/** Refuses to look at an embedded database that is not there: looking would make one. Errors: SCHEMA_MISSING. */
export function assertThere(where: Where): void {
  if (where.dataDir === undefined || isInMemory(where) || existsSync(join(where.dataDir, 'data'))) return
  throw new FleetError('SCHEMA_MISSING', {
    message: `there is no embedded database in ${resolve(where.dataDir)}`,
    hint: 'Make one with `pgfleet migrate` or `pgfleet demo`, or name another with --data-dir or --url.',
  })
}

function isInMemory(where: Where): boolean {
  return where.dataDir?.startsWith('memory://') ?? false
}
