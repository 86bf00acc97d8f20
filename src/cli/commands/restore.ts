import type { Command } from 'commander'
import { type RestoreReport, restoreBackup } from '../../backup/restore.js'
import { addRestoreOptions, type RestoreProgramOptions, restoreOptions, serverOf } from '../backup-options.js'
import { action, type Context, type Shell } from '../context.js'
import { inWords } from '../durations.js'
import { EXIT } from '../failure.js'
import { describeWhere } from '../where.js'

/** `pgfleet restore`: brings a backup into an empty database. */
export function addRestore(program: Command, shell: Shell): void {
  const command = program
    .command('restore')
    .argument('<backup>', 'a backup, its manifest.json, or a folder of backups: the newest is taken')
    .description('restore a backup into an empty database, and compare the rows of every table')
    .addHelpText(
      'after',
      `
Make the database first: create database NAME template template0. One that holds a relation is refused.
The login is a superuser's: pg_restore hands objects over to other roles.

Examples:
  pgfleet restore /var/backups/pgfleet --url postgres://admin@localhost/restored --jobs 4
  pgfleet restore /var/backups/pgfleet/pgfleet-app-20260131T020000000Z --encrypt-key-file /etc/pgfleet/backup.key`,
    )
  addRestoreOptions(command).action(action(shell, restore))
}

async function restore({ terminal, where, signal }: Context, options: RestoreProgramOptions, from = '') {
  const report = await restoreBackup({
    from,
    url: await serverOf(where, 'a restore'),
    ...restoreOptions(options),
    signal,
    progress: terminal.note,
  })
  const { backup, milliseconds, rows, rolesMade, logs } = report
  terminal.result(
    {
      name: backup.name,
      rows,
      tables: backup.manifest.tables.length,
      milliseconds: Math.round(milliseconds),
      rolesMade,
      logs,
    },
    () => [`${backup.name} is restored into ${describeWhere(where)}.`, ...restoreLines(report), LOGS[logs]].join('\n'),
  )
  return EXIT.ok
}

/** What a restore did, in lines. */
export function restoreLines({ backup, milliseconds, rows, rolesMade }: RestoreReport): string[] {
  return [
    `${backup.manifest.tables.length} tables, ${rows} rows, as counted when it was made; ${inWords(milliseconds)}`,
    ...(rolesMade.length === 0 ? [] : [`made the roles ${rolesMade.join(', ')}; none can log in yet`]),
  ]
}

const LOGS: Readonly<Record<RestoreReport['logs'], string>> = {
  adopted: 'Events, metrics and audit go on behind their last entries; cursors of followers are refused once.',
  ahead: 'Events, metrics and audit go on; nothing had to be done for it.',
  none: 'It has no schema of pgfleet.',
  migrate:
    'Its schema is older than this pgfleet: before anybody writes, run `pgfleet migrate`, then `select * from platform.adopt_restored()` as a superuser.',
}
