// What PgBouncer tells of itself, and what it does to sessions that set things.
import pg from 'pg'
import { expect, test } from 'vitest'
import { connect } from '../../dist/doctor/connection.js'
import { onScratchServers, startPooler, startServer } from './scratch-server.js'
import { diagnose, errorsOf, findingsOf, resultOf } from './support.js'

const DIRECT = await onScratchServers()

DIRECT.describe('a pooler', () => {
  test('is asked, and session settings behind it are an error', async () => {
    const server = await startServer(17, {
      settings: { shared_preload_libraries: 'pg_stat_statements', max_connections: '20' },
    })
    const pooler = await startPooler(server, { max_prepared_statements: '0', default_pool_size: '30' })
    const admin = await server.client()
    await admin.query('create extension pg_stat_statements')
    const client = new pg.Client({ connectionString: pooler.urlOf({}) })
    await client.connect()
    await client.query(`set app.tenant = 'acme'`)
    const openPooler = () => connect(pooler.urlOf({ database: 'pgbouncer' }), 10_000)
    // Examined through the pooler itself, in transaction mode.
    const sick = await diagnose(pooler.urlOf({}), { openPooler })
    expect(sick.results.filter(({ outcome }) => outcome === 'could-not-look').map(({ check }) => check)).toEqual([
      'cache-size',
      'worst-case-memory',
    ])
    expect(findingsOf(sick, 'pooler-settings').map(({ object }) => object)).toEqual([
      'pooler setting max_prepared_statements',
      'pooler setting auth_type',
    ])
    expect(findingsOf(sick, 'pooler-sum')).toHaveLength(1)
    expect(resultOf(sick, 'pooler-waiting').outcome).toBe('ok')
    expect(resultOf(sick, 'pooler-version').examined).toBe(1)
    expect(errorsOf(sick)).toEqual(['session-set'])
    await admin.query('select pg_stat_statements_reset()')
    expect(findingsOf(await diagnose(server.url, { openPooler }), 'session-set')).toEqual([])
    // A console that does not answer leaves the other checks.
    const without = await diagnose(server.url, {
      openPooler: () => connect('postgres://nobody@127.0.0.1:1/pgbouncer', 1000),
    })
    expect(resultOf(without, 'pooler-version')).toMatchObject({
      outcome: 'could-not-look',
      reason: expect.stringContaining('the pooler'),
    })
    expect(resultOf(without, 'duplicate-index').outcome).toBe('not-applicable')
    await client.end()
  })
})
