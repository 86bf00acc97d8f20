import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { sqlstateOf } from '../database/failure.js'
import { FleetError } from '../errors.js'
import { openConnection } from './connection.js'
import { findBackup } from './folder.js'
import { type RestoreOptions, type RestoreReport, restoreBackup } from './restore.js'

/**
 * Restores a backup into a scratch database of the server that the url names, compares every count, and drops it,
 * whatever came of it. Errors: those of restoreBackup; BACKUP_RIGHT_MISSING without CREATEDB.
 */
export async function rehearseRestore(options: RestoreOptions): Promise<RestoreReport> {
  const name = `pgfleet_rehearsal_${randomBytes(6).toString('hex')}`
  // Looked up once: a newer one may come while it is restored.
  const { path, manifest } = await findBackup(options.from)
  const connection = await openConnection(options.url)
  try {
    // template0 holds nothing of this server's own.
    await connection
      .query(
        `create database ${pg.escapeIdentifier(name)} template template0${manifest.encoding === null ? '' : ` encoding ${pg.escapeLiteral(manifest.encoding)}`}`,
      )
      .catch((error: unknown) => {
        if (sqlstateOf(error) !== '42501') throw error
        throw new FleetError('BACKUP_RIGHT_MISSING', {
          message: 'the login may not create a scratch database; it lacks CREATEDB',
          hint: 'As a superuser: alter role ... createdb; or restore into a database of your own with pgfleet restore.',
          cause: error,
        })
      })
    const url = new URL(options.url)
    url.pathname = `/${name}`
    try {
      return await restoreBackup({ ...options, from: path, url: url.href })
    } finally {
      // pgfleet-lint ignore drop-cascade: the scratch database that was made above
      await connection.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
    }
  } finally {
    await connection.close()
  }
}
