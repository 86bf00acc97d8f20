// An estimate is worth as much as the statistics that it comes from.
import { expect, test } from 'vitest'
import { onScratchServers, startServer } from '../scratch-server.js'
import { diagnose, findingsOf, flushStatistics, resultOf } from '../support.js'

const DIRECT = await onScratchServers()

DIRECT.describe('the estimate of bloat', () => {
  test('is not made from stale statistics, of bloated and of clean tables, and says so', async () => {
    const server = await startServer(17)
    const client = await server.client()
    for (const table of ['bloated', 'clean', 'fresh']) {
      await client.query(`create table ${table} (id int, t text) with (autovacuum_enabled = off)`)
      await client.query(`insert into ${table} select i, repeat('x', 100) from generate_series(1, 20000) i`)
    }
    await flushStatistics(client)
    await client.query('vacuum analyze bloated, clean, fresh')
    await client.query('delete from bloated where id % 4 > 0')
    await client.query(`insert into clean select i, repeat('x', 100) from generate_series(1, 20000) i`)
    await flushStatistics(client)
    const thresholds = { bloatMb: 1 }
    const stale = await diagnose(server.url, { thresholds })
    expect(findingsOf(stale, 'table-bloat')).toEqual([])
    expect(resultOf(stale, 'table-bloat')).toMatchObject({
      examined: 1,
      total: 3,
      reason: expect.stringContaining('stale'),
    })
    await client.query('vacuum analyze bloated, clean')
    const found = await diagnose(server.url, { thresholds })
    expect(findingsOf(found, 'table-bloat').map(({ object }) => object)).toEqual(['table public.bloated'])
    expect(resultOf(found, 'table-bloat')).toMatchObject({ examined: 3, total: 3 })
  })
})
