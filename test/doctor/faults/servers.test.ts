// Faults of a whole server, each on one of its own.
import { expect, test } from 'vitest'
import { onScratchServers, startServer } from '../scratch-server.js'
import { cure, diagnose, errorsOf, findingsOf, resultOf } from '../support.js'

const DIRECT = await onScratchServers()

DIRECT.describe('a server', () => {
  test('with MD5 passwords, settings that wait for a restart, and an archiver that fails', async () => {
    const server = await startServer(17, {
      settings: { password_encryption: 'md5', archive_mode: 'on', archive_command: 'false', wal_level: 'replica' },
    })
    const client = await server.client()
    await client.query(`create role old login password 'old'`)
    await client.query(`alter system set max_wal_senders = 7`)
    await client.query(`alter system set enable_hashjoin = off`)
    await client.query(`alter system set fsync = off`)
    await client.query(`alter system set autovacuum = off`)
    await client.query('select pg_reload_conf()')
    await client.query('create table t (n int); insert into t values (1); select pg_switch_wal()')
    const thresholds = { archiverFailingS: 0 }
    await expect
      .poll(async () => findingsOf(await diagnose(server.url, { thresholds }), 'archiver-failing').length, {
        timeout: 60_000,
      })
      .toBe(1)
    const sick = await diagnose(server.url, { thresholds })
    expect(findingsOf(sick, 'md5-password').map(({ object }) => object)).toEqual(['role old'])
    expect(findingsOf(sick, 'password-encryption')).toHaveLength(1)
    expect(findingsOf(sick, 'pending-restart')).toMatchObject([{ object: 'setting max_wal_senders', level: 'warning' }])
    expect(errorsOf(sick).toSorted()).toEqual(['archiver-failing', 'autovacuum-off', 'dangerous-setting'])
    // Where a provider runs the server, nobody is sent to ALTER SYSTEM.
    await client.query('create role rds_superuser')
    const provided = findingsOf(await diagnose(server.url), 'planner-switch')
    expect(provided).toMatchObject([{ remedy: { text: expect.stringContaining('enable_hashjoin') } }])
    expect(provided[0]?.remedy.text).toContain('parameter group')
    expect(provided[0]?.remedy.sql).toBeUndefined()
    await client.query('create function public.aurora_version() returns text return null')
    const [aurora] = findingsOf(await diagnose(server.url), 'planner-switch')
    expect(aurora?.remedy.text).toContain('Amazon Aurora refuses ALTER SYSTEM')
    await client.query('drop function public.aurora_version(); drop role rds_superuser')
    for (const id of ['pending-restart', 'planner-switch', 'dangerous-setting', 'autovacuum-off'])
      await cure(client, findingsOf(sick, id))
    await client.query(`set password_encryption = 'scram-sha-256'; alter role old password 'new'`)
    const well = await diagnose(server.url)
    for (const id of ['md5-password', 'pending-restart', 'planner-switch', 'dangerous-setting', 'autovacuum-off'])
      expect(findingsOf(well, id), id).toEqual([])
  })

  test('that lets everybody in, has a faulty configuration file, and is nearly full', async () => {
    const server = await startServer(17, {
      hba: 'local all all trust\nhost all all 0.0.0.0/0 trust\nhost all all ::1/128 scram-sha-256\n',
      settings: { max_connections: '8', superuser_reserved_connections: '1' },
    })
    const client = await server.client()
    const others = [
      await server.client(),
      await server.client(),
      await server.client(),
      await server.client(),
      await server.client(),
    ]
    const sick = await diagnose(server.url)
    expect(findingsOf(sick, 'host-authentication').map(({ level }) => level)).toEqual(['error', 'warning'])
    expect(errorsOf(sick).toSorted()).toEqual(['connection-usage', 'host-authentication'])
    for (const other of others) await other.end()
    await expect.poll(async () => findingsOf(await diagnose(server.url), 'connection-usage')).toEqual([])
    await client.query(`create role monitor login password 'monitor' in role pg_monitor`)
    await client.query(`create role plain login password 'plain'`)
    await client.query(
      'create table t (id int primary key, n int); insert into t select i from generate_series(1, 50000) i; analyze t',
    )
    // What a login may not see is told, and the rest goes on.
    const monitor = await diagnose(server.urlOf({ user: 'monitor', password: 'monitor' }))
    expect(resultOf(monitor, 'md5-password')).toMatchObject({
      outcome: 'could-not-look',
      reason: expect.stringContaining('superuser'),
    })
    expect(resultOf(monitor, 'table-bloat')).toMatchObject({ examined: 0, outcome: 'could-not-look' })
    expect(resultOf(monitor, 'idle-in-transaction').outcome).toBe('ok')
    const plain = await diagnose(server.urlOf({ user: 'plain', password: 'plain' }))
    expect(resultOf(plain, 'idle-in-transaction')).toMatchObject({
      outcome: 'could-not-look',
      reason: expect.stringContaining('pg_monitor'),
    })
    expect(resultOf(plain, 'duplicate-index').outcome).toBe('ok')
  })

  test('that is sound has no error on any version', async () => {
    for (const major of [15, 16, 18]) {
      const server = await startServer(major)
      const well = await diagnose(server.url)
      expect(
        well.results.flatMap(({ findings }) =>
          findings.filter(({ level, check }) => level !== 'info' && check !== 'server-version'),
        ),
      ).toEqual([])
    }
  })
})
