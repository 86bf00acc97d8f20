// An estimate is worth as much as the statistics that it comes from.
import { expect, test } from 'vitest'
import { statementFor } from '../../../dist/doctor/check.js'
import { CHECKS } from '../../../dist/doctor/checks/index.js'
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

  test('of B-trees comes close to what pgstatindex measures, of full and of empty ones', async () => {
    const server = await startServer(17)
    const client = await server.client()
    await client.query(`create extension pgstattuple;
      create table t (id int, big bigint, word text, kind int, part int) with (autovacuum_enabled = off);
      insert into t select i, i::bigint * 7919 % 1000003, 'word ' || i, i % 20, case when i % 3 = 0 then i end from generate_series(1, 1000000) i`)
    const indexes = {
      clean: 'create index clean on t (id)',
      bloated: 'create index bloated on t (big)',
      words: 'create index words on t (word, id)',
      shared: 'create index shared on t (kind)',
      nulls: 'create index nulls on t (part)',
      expression: 'create index expression on t (lower(word))',
      filled: 'create index filled on t (id, big) with (fillfactor = 50)',
    }
    for (const definition of Object.values(indexes)) await client.query(definition)
    await client.query('delete from t where big % 10 > 1')
    await client.query('drop index clean, words, shared, nulls, expression, filled')
    for (const [name, definition] of Object.entries(indexes)) if (name !== 'bloated') await client.query(definition)
    await flushStatistics(client)
    await client.query('vacuum analyze t')
    // No bound at all: what it takes of every index comes out.
    const check = CHECKS.find(({ id }) => id === 'index-bloat')
    const { rows } = await client.query(`select * from (${statementFor(check as NonNullable<typeof check>, 17)}) x`)
    const estimates = new Map<string, number>(
      rows[0].found.map(({ index, pages, filled }: { index: string; pages: number; filled: number }) => [
        index,
        (100 * filled) / pages,
      ]),
    )
    for (const name of Object.keys(indexes)) {
      const { rows: measured } = await client.query('select avg_leaf_density as density from pgstatindex($1)', [name])
      const estimate = estimates.get(name)
      if (estimate === undefined) throw new Error(`${name} was not estimated`)
      expect(Math.abs(estimate - measured[0].density), `${name}: ${estimate} for ${measured[0].density}`).toBeLessThan(
        12,
      )
    }
    const found = await diagnose(server.url, { thresholds: { indexBloatMb: 1 } })
    expect(findingsOf(found, 'index-bloat').map(({ object }) => object)).toEqual(['index public.bloated'])
    await client.query('update t set word = word')
    await flushStatistics(client)
    const stale = await diagnose(server.url, { thresholds: { indexBloatMb: 1 } })
    expect(findingsOf(stale, 'index-bloat')).toEqual([])
    expect(resultOf(stale, 'index-bloat').reason).toContain('stale')
  })
})
