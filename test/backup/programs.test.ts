import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { programLogin } from '../../dist/backup/login.js'
import { findProgram, run } from '../../dist/backup/program.js'
import { failure } from '../setup/index.js'
import { newFolder } from './support.js'

async function folderWith(script: string): Promise<string> {
  const folder = await newFolder()
  await writeFile(join(folder, 'pg_dump'), `#!/bin/sh\n${script}\n`)
  await chmod(join(folder, 'pg_dump'), 0o755)
  return folder
}

describe('the program', () => {
  test('of the wanted version is found, a newer one serves, an older is refused with what is needed', async () => {
    const folder = await folderWith('echo "pg_dump (PostgreSQL) 17.6 (Debian 17.6-1)"')
    expect(await findProgram('pg_dump', 17, folder)).toMatchObject({ version: '17.6', major: 17 })
    expect(await findProgram('pg_dump', 16, folder)).toMatchObject({ major: 17 })
    const error = await failure(findProgram('pg_dump', 18, folder), 'BACKUP_PROGRAM_MISSING')
    expect(error.message).toBe(`pg_dump 18 or newer is needed; ${join(folder, 'pg_dump')} is 17.6`)
    expect(error.hint).toContain('postgresql-client-18')
    await failure(findProgram('pg_restore', 17, folder), 'BACKUP_PROGRAM_MISSING')
  })

  test('that fails is told with what it said; one that cannot be run, too', async () => {
    const folder = await folderWith('echo "pg_dump: error: no such thing" >&2; exit 3')
    const options = { environment: {}, code: 'BACKUP_FAILED' } as const
    const error = await failure(run(join(folder, 'pg_dump'), [], options), 'BACKUP_FAILED')
    expect(error.message).toBe('pg_dump ended with 3: pg_dump: error: no such thing')
    await failure(run(join(folder, 'nothing'), [], options), 'BACKUP_FAILED')
  })

  test('is ended when aborted, and waited for', async () => {
    const folder = await folderWith('trap "exit 1" TERM; echo started; while :; do sleep 0.1; done')
    const controller = new AbortController()
    const running = run(join(folder, 'pg_dump'), [], {
      environment: { PATH: process.env.PATH ?? '' },
      signal: controller.signal,
      code: 'BACKUP_FAILED',
    })
    controller.abort()
    await failure(running, 'ABORTED')
  })
})

describe('its login', () => {
  test('has the password in the environment alone', () => {
    const { address, environment } = programLogin('postgres://ada:s%40cret@db:5433/app?sslmode=require', {
      PATH: '/bin',
      BACKUP_PASSPHRASE: 'hidden',
      PGOPTIONS: '-c role=x',
    })
    expect(address).toBe('postgres://ada@db:5433/app?sslmode=require')
    expect(environment).toEqual({ PATH: '/bin', PGAPPNAME: 'pgfleet backup', PGPASSWORD: 's@cret' })
  })

  test('knows the driver’s own parameters, and refuses what would be seen', async () => {
    expect(programLogin('postgres://ada@db/app?password=secret&ssl=true&uselibpqcompat=true', {})).toEqual({
      address: 'postgres://ada@db/app?sslmode=require',
      environment: { PGAPPNAME: 'pgfleet backup', PGPASSWORD: 'secret' },
    })
    const refused = async (url: string) =>
      await failure(
        Promise.resolve().then(() => programLogin(url)),
        'OPTIONS_INVALID',
      )
    await refused('postgres://ada@db/app?sslpassword=secret')
    await refused('not a url')
  })
})
