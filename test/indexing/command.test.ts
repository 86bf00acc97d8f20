// The command: what it prints, how it ends, and what it does with bad input. On the embedded database there is no hypopg: statistics do.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import type { IndexAdvice } from '../../dist/indexing/advice.js'
import { runCli } from '../cli/run-cli.js'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'

const directory = await mkdtemp(join(tmpdir(), 'advise-indexes-'))
afterFile(() => rm(directory, { recursive: true, force: true }))
const advise = (...parameters: string[]) => runCli(directory, ['advise', 'indexes', ...parameters])

describe('wrong usage', () => {
  test.each([
    [['--workload', 'missing.sql'], 'missing.sql'],
    [['--size-budget', '10'], '16GB'],
    [['--write-budget', '0.3'], '30%'],
    [['--markdown', '--json'], 'markdown'],
  ])('%j ends with 2 and says why', async (parameters, why) => {
    const { code, stderr, stdout } = await advise(...parameters)
    expect(stderr).toContain(why)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

const DIRECT = onEngines(['direct'], 'needs hypopg on a server')

DIRECT.describe('on a server', () => {
  let url = ''
  beforeAll(async () => {
    const database = await createTestDatabase({ migrated: false })
    url = database.adminUrl()
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    afterFile(() => client.end())
    await client.query(`create extension hypopg; create table orders (id int primary key, customer int, note text);
      create index orders_note on orders (note); create index orders_note_twin on orders (note);
      insert into orders select i, i * 7919 % 2000, 'a note' from generate_series(1, 20000) i; analyze orders`)
    await writeFile(
      join(directory, 'w.sql'),
      "-- calls: 100000\nselect * from orders where customer = 7 and note <> 'a secret';",
    )
  })

  test('text fits 80 columns, and holds no literal', async () => {
    const { code, stdout, stderr } = await advise('--url', url, '--workload', 'w.sql', '--window', '1s')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toContain('create index concurrently orders_customer_idx on public.orders (customer);')
    expect(stdout).toContain('drop index concurrently orders_note')
    expect(stdout).toMatch(/× cheaper 100,000 calls: select \* from orders where customer = \?/)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(stdout).not.toContain('a secret')
    expect(stderr).toContain('trying')
  })

  test('JSON, Markdown and the script say the same; nothing has changed', async () => {
    const common = ['--url', url, '--workload', 'w.sql', '--schema', 'public', '--quiet']
    const json = await advise(...common, '--json', '--sql', 'out.sql')
    const advice = JSON.parse(json.stdout) as IndexAdvice
    expect(advice.create).toMatchObject([
      { index: 'public.orders (customer)', by: 'planner', helps: [{ calls: 100_000 }] },
    ])
    expect(advice.drop).toMatchObject([
      { keptBecause: expect.stringContaining('of the 7.0 days that are asked for') },
      {},
    ])
    expect(await readFile(join(directory, 'out.sql'), 'utf8')).toContain(`${advice.create[0]?.sql[0]};`)
    const markdown = await advise(...common, '--markdown')
    expect(markdown.stdout).toContain('| `public.orders (customer)` | planner |')
    expect(json.stdout + markdown.stdout).not.toContain('a secret')
    const again = JSON.parse((await advise(...common, '--json')).stdout) as IndexAdvice
    expect(again.create.map(({ index }) => index)).toEqual(advice.create.map(({ index }) => index))
  })

  test('a size budget refuses what is larger, and says so', async () => {
    const { stdout } = await advise('--url', url, '--workload', 'w.sql', '--size-budget', '1%', '--json')
    const advice = JSON.parse(stdout) as IndexAdvice
    expect(advice.create).toEqual([])
    expect(advice.rejected[0]?.reason).toContain('size budget')
  })

  test('without pg_stat_statements it says how to go on', async () => {
    const { code, stdout, stderr } = await advise('--url', url)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/--workload FILE.*shared_preload_libraries.*create extension pg_stat_statements/)
  })

  test('a statement that cannot be planned is told, and the others are', async () => {
    await writeFile(join(directory, 'bad.sql'), 'select nothing from orders;\nselect * from orders where customer = 7;')
    const { stdout } = await advise('--url', url, '--workload', 'bad.sql', '--json')
    const advice = JSON.parse(stdout) as IndexAdvice
    expect(advice.workload.unplanned).toMatchObject([{ reason: expect.stringContaining('nothing') }])
    expect(advice.create).toMatchObject([{ index: 'public.orders (customer)' }])
  })

  test('Ctrl-C ends it in order', async () => {
    const many = Array.from({ length: 1500 }, (_, n) => `select * from orders where customer = ${n} and note = 'x';`)
    await writeFile(join(directory, 'many.sql'), many.join('\n'))
    const { code, stdout } = await runCli(directory, ['advise', 'indexes', '--url', url, '--workload', 'many.sql'], {
      interrupt: { after: 'planning', milliseconds: 1 },
    })
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  })
})
