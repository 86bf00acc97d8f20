import { expect, test } from 'vitest'
import { openConnection } from '../../dist/backup/connection.js'
import { availableMajors, onScratchServers, startServer } from '../doctor/scratch-server.js'

const DIRECT = await onScratchServers()
const { majors } = await availableMajors()

DIRECT.describe('a session for backups', () => {
  test.each(majors)('has no time-outs on PostgreSQL %i, whatever its login has', async (major) => {
    const server = await startServer(major)
    const admin = await server.client()
    for (const name of ['statement_timeout', 'lock_timeout', ...(major >= 17 ? ['transaction_timeout'] : [])]) {
      await admin.query(`alter role postgres set ${name} = '9min'`)
    }
    const connection = await openConnection(server.url)
    try {
      const settings = await connection.query<{ setting: string }>(
        `select setting from pg_settings where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout')`,
      )
      expect(new Set(settings.map(({ setting }) => setting))).toEqual(new Set(['0']))
    } finally {
      await connection.close()
    }
  })
})
