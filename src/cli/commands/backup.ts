import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { createBackup } from '../../backup/backup.js'
import { type Backup, findBackup, newestOfEach, readFolder, verifyBackup } from '../../backup/folder.js'
import { rehearseRestore } from '../../backup/rehearsal.js'
import { FleetError, isFleetError } from '../../errors.js'
import {
  addKeyOptions,
  addProgramOptions,
  addRestoreOptions,
  type BackupProgramOptions,
  programOptions,
  type RestoreProgramOptions,
  restoreOptions,
  serverOf,
} from '../backup-options.js'
import { action, type Context, type Shell } from '../context.js'
import { duration, inWords } from '../durations.js'
import { EXIT } from '../failure.js'
import { bytes } from '../figures.js'
import { wholeNumber } from '../numbers.js'
import { describeWhere } from '../where.js'
import { restoreLines } from './restore.js'

interface CreateOptions extends BackupProgramOptions {
  readonly to?: string
  readonly compress?: string
  readonly keep?: number
  readonly keepFor?: number
}

/** `pgfleet backup`: dumps a server’s database, and looks after what was dumped. */
export function addBackup(program: Command, shell: Shell): void {
  const command = program
    .command('backup')
    .description('back up a server’s database by pg_dump, verified, with retention; see also restore')
    .option('--to <dir>', 'the folder of the backups')
    .option('--compress <method>', 'how pg_dump compresses: zstd:1, gzip:6, lz4, none (default: zstd:1)')
    .option('--keep <count>', 'afterwards keep so many of this database, remove older ones', wholeNumber(1, 100_000))
    .option('--keep-for <time>', 'afterwards keep those of this time, remove older ones: 30d', duration)
    .addHelpText(
      'after',
      `
The login has to see all rows: a superuser, or BYPASSRLS with pg_read_all_data. The password: by DATABASE_URL, PGPASSWORD or
a password file; what is on the command line others can see.

Exit codes: 0 done, 1 failed, a file is corrupt, or list found no backup as young as --max-age, 2 wrong usage.

Examples:
  pgfleet backup --to /var/backups/pgfleet --jobs 4 --keep-for 30d --encrypt-key-file /etc/pgfleet/backup.key
  pgfleet backup list /var/backups/pgfleet --max-age 26h
  pgfleet backup test /var/backups/pgfleet --url postgres://admin@localhost/postgres`,
    )
  addKeyOptions(addProgramOptions(command)).action(action(shell, create))
  command
    .command('list')
    .argument('<dir>', 'the folder of the backups')
    .description('print the complete backups, newest first')
    .option('--max-age <time>', 'exit with 1 when the newest of a database is older, or there is none: 26h', duration)
    .action(action(shell, list))
  command
    .command('verify')
    .argument('<dir>', 'a backup, or a folder of them: all are verified')
    .description('compare every file with its checksum; exit with 1 when one differs')
    .action(action(shell, verify))
  addRestoreOptions(
    command
      .command('test')
      .argument('<dir>', 'a backup, or a folder of them: the newest is taken')
      .description('restore into a scratch database of the server, compare the rows of every table, drop it'),
  ).action(action(shell, test))
}

async function create(context: Context, options: CreateOptions) {
  const { terminal, where, signal } = context
  const { to: folder, compress, keep, keepFor: keepForMs } = options
  if (folder === undefined) {
    throw new FleetError('OPTIONS_INVALID', { message: 'name the folder of the backups: --to DIR', field: 'to' })
  }
  const report = await createBackup({
    url: await serverOf(where, 'a backup'),
    folder,
    ...programOptions(options),
    ...(compress === undefined ? {} : { compress }),
    ...(keep === undefined ? {} : { keep }),
    ...(keepForMs === undefined ? {} : { keepForMs }),
    packageVersion: packageVersion(),
    signal,
    progress: terminal.note,
  })
  const { backup, milliseconds, removed, cleaned } = report
  const { manifest } = backup
  terminal.result({ ...summaryOf(backup), milliseconds: Math.round(milliseconds), removed, cleaned }, () =>
    [
      `${backup.path}`,
      `${describeWhere(where)}: ${manifest.tables.length} tables, ${rowsOf(backup)} rows, ${bytes(manifest.databaseBytes)} in ${bytes(manifest.bytes)}, ${inWords(milliseconds)}`,
      ...cleaned.map((name) => `removed ${name}, which was interrupted`),
      ...removed.map((name) => `removed ${name}, no longer kept`),
    ].join('\n'),
  )
  return EXIT.ok
}

async function list({ terminal }: Context, { maxAge }: { maxAge?: number }, dir = '') {
  const { backups, broken, partial } = await readFolder(dir)
  const now = Date.now()
  const ageOf = ({ manifest }: Backup) => now - manifest.endedAt.getTime()
  // Of each database: a young backup of one does not make up for the old one of another.
  const stale = maxAge === undefined ? [] : newestOfEach(backups).filter((newest) => ageOf(newest) > maxAge)
  const isStale = stale.length > 0 || (maxAge !== undefined && backups.length === 0)
  const found = backups.map((backup) => ({ ...summaryOf(backup), ageSeconds: Math.round(ageOf(backup) / 1000) }))
  terminal.result({ backups: found, broken, partial, ...(maxAge === undefined ? {} : { isStale }) }, () =>
    [
      backups.length === 0
        ? `${dir} holds no complete backup.`
        : terminal.table(
            ['backup', '>age', '>rows', '>database', '>backup', 'encrypted'],
            backups.map((backup) => [
              backup.name,
              inWords(ageOf(backup)),
              String(rowsOf(backup)),
              bytes(backup.manifest.databaseBytes),
              bytes(backup.manifest.bytes),
              backup.manifest.encryption === null ? 'no' : 'yes',
            ]),
          ),
      ...broken.map(({ name, problem }) => terminal.colors.red(`${name}: ${problem}`)),
      ...partial.map((name) => `${name}: being written, or interrupted`),
      ...stale.map(({ name, manifest }) =>
        terminal.colors.red(
          `The newest backup of ${manifest.database}, ${name}, is older than ${inWords(maxAge ?? 0)}.`,
        ),
      ),
    ].join('\n'),
  )
  return isStale ? EXIT.failed : EXIT.ok
}

async function verify({ terminal, signal }: Context, _: object, dir = '') {
  const { backups, broken } = await readFolder(dir)
  if (backups.length === 0 && broken.length === 0) await findBackup(dir)
  const results: { name: string; problem?: string; file?: unknown }[] = [...broken]
  for (const backup of backups) {
    terminal.note(`verifying ${backup.name}`)
    await verifyBackup(backup, signal).then(
      () => results.push({ name: backup.name }),
      (error: unknown) => {
        if (!isFleetError(error, 'BACKUP_CORRUPT')) throw error
        results.push({ name: backup.name, problem: error.message, file: error.details.file })
      },
    )
  }
  const isIntact = results.every(({ problem }) => problem === undefined)
  terminal.result({ isIntact, backups: results }, () =>
    results
      .map(({ name, problem }) =>
        problem === undefined ? `${name} holds` : terminal.colors.red(`${name} is corrupt: ${problem}`),
      )
      .join('\n'),
  )
  return isIntact ? EXIT.ok : EXIT.failed
}

async function test({ terminal, where, signal }: Context, options: RestoreProgramOptions, dir = '') {
  const report = await rehearseRestore({
    from: dir,
    url: await serverOf(where, 'a test restore'),
    ...restoreOptions(options),
    signal,
    progress: terminal.note,
  })
  const { backup, milliseconds, rows, rolesMade } = report
  terminal.result(
    {
      name: backup.name,
      rows,
      tables: backup.manifest.tables.length,
      milliseconds: Math.round(milliseconds),
      rolesMade,
    },
    () => [`${backup.name} can be restored; the scratch database is gone again.`, ...restoreLines(report)].join('\n'),
  )
  return EXIT.ok
}

/** A backup for programs: the manifest without its lists of files and tables. */
function summaryOf(backup: Backup) {
  const { manifest, name, path } = backup
  return {
    name,
    path,
    database: manifest.database,
    serverVersion: manifest.serverVersion,
    schemaVersion: manifest.schemaVersion,
    startedAt: manifest.startedAt,
    endedAt: manifest.endedAt,
    databaseBytes: manifest.databaseBytes,
    bytes: manifest.bytes,
    tables: manifest.tables.length,
    rows: rowsOf(backup),
    isEncrypted: manifest.encryption !== null,
  }
}

const rowsOf = ({ manifest }: Backup) => manifest.tables.reduce((sum, { rows }) => sum + rows, 0)

/** The version of this package. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
