import type { Command } from 'commander'
import type { KeySource } from '../backup/encryption.js'
import { primaryUrl } from '../database/primary/primary-url.js'
import { FleetError } from '../errors.js'
import { wholeNumber } from './numbers.js'
import { size } from './sizes.js'
import type { Where } from './where.js'

/** Options that backing up and restoring share. */
export interface BackupProgramOptions {
  readonly jobs?: number
  readonly bin?: string
  readonly encryptKeyFile?: string
  readonly passphraseEnv?: string
}

/** Options that a restore has, for good or as a test. */
export interface RestoreProgramOptions extends BackupProgramOptions {
  readonly workDir?: string
  readonly buildMemory?: number
}

/** Adds what makes the key. */
export function addKeyOptions(command: Command): Command {
  return command
    .option('--encrypt-key-file <file>', 'the key: a file of 32 random bytes or more')
    .option('--passphrase-env <variable>', 'the key: a passphrase in this variable of the environment')
}

/** Adds how PostgreSQL’s programs are run. */
export function addProgramOptions(command: Command): Command {
  return command
    .option('--jobs <count>', 'tables at once (default: 2)', wholeNumber(1, 64))
    .option('--bin <dir>', 'where pg_dump and pg_restore are (default: PGFLEET_BIN, the PATH, /usr/lib/postgresql)')
}

/** What the options mean to the backup. Errors: OPTIONS_INVALID when both keys are given. */
export function programOptions({ jobs, bin, encryptKeyFile, passphraseEnv }: BackupProgramOptions): {
  readonly jobs?: number
  readonly programs?: string
  readonly key?: KeySource
} {
  if (encryptKeyFile !== undefined && passphraseEnv !== undefined) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'give --encrypt-key-file or --passphrase-env, not both',
      field: 'passphraseEnv',
    })
  }
  const key =
    encryptKeyFile !== undefined
      ? { file: encryptKeyFile }
      : passphraseEnv !== undefined
        ? { variable: passphraseEnv }
        : undefined
  return {
    ...(jobs === undefined ? {} : { jobs }),
    ...(bin === undefined ? {} : { programs: bin }),
    ...(key === undefined ? {} : { key }),
  }
}

/** Adds what a restore can be told, the key and the programs among it. */
export function addRestoreOptions(command: Command): Command {
  return addKeyOptions(addProgramOptions(command))
    .option('--work-dir <dir>', 'where an encrypted backup is decrypted to meanwhile (default: beside it)')
    .option(
      '--build-memory <size>',
      "memory for building an index, each of --jobs at once (default: a quarter of the server's shared_buffers in all)",
      size,
    )
}

/** What the options mean to a restore. Errors: those of programOptions. */
export function restoreOptions(options: RestoreProgramOptions): ReturnType<typeof programOptions> & {
  readonly workFolder?: string
  readonly buildMemoryBytes?: number
} {
  const { workDir, buildMemory } = options
  return {
    ...programOptions(options),
    ...(workDir === undefined ? {} : { workFolder: workDir }),
    ...(buildMemory === undefined ? {} : { buildMemoryBytes: buildMemory }),
  }
}

/** The url of the server, of several of the primary. Errors: OPTIONS_INVALID for an embedded database, with what to do instead; PRIMARY_UNAVAILABLE. */
export async function serverOf(where: Where, what: string): Promise<string> {
  if (where.url !== undefined) return await primaryUrl(where.url)
  throw new FleetError('OPTIONS_INVALID', {
    message: `${what} needs a server: --url or DATABASE_URL`,
    field: 'url',
    hint: 'An embedded database is backed up by copying its directory while no process has it open.',
  })
}
