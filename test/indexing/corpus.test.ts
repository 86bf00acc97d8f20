// Workloads with a known answer, each a file of corpus/: what to create, what to drop, and the traps where nothing is right.
import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { adviseOn, outcomeOf, prepare, readCorpus, type WorkloadCase } from './workload-case.js'

const DIRECT = onEngines(['direct'], 'needs hypopg on a server')

DIRECT.describe('the corpus', async () => {
  const role = `app_${process.pid}_${Date.now()}`
  const corpus = await readCorpus(role)
  let url = ''

  beforeAll(async () => {
    const database = await createTestDatabase({ migrated: false })
    url = database.adminUrl()
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    afterFile(async () => {
      await client.query(`drop owned by ${role}`)
      await client.query(`drop role ${role}`)
      await client.end()
    })
    await client.query(
      `create role ${role}; create extension hypopg; create extension pg_trgm; create extension vector`,
    )
    await client.query(`grant usage on schema public to ${role}`)
    for (const each of corpus) await prepare(client, each, role)
    await client.query('select pg_stat_force_next_flush()')
    await client.query('select 1')
  })

  test('has more than thirty workloads, and traps among them', () => {
    expect(corpus.length).toBeGreaterThan(50)
    expect(corpus.filter(({ expected }) => expected.create.length === 0).length).toBeGreaterThan(15)
  })

  test.each(corpus.map((each): [string, WorkloadCase] => [each.name, each]))('%s', async (_, each) => {
    const advice = await adviseOn(url, each)
    expect(advice.workload.unplanned).toEqual([])
    expect(outcomeOf(advice, each.schema)).toEqual(each.expected)
    for (const note of each.notes) expect(advice.notes.join('\n')).toContain(note)
  })
})
