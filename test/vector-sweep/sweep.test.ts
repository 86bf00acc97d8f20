import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adviseVectors } from '../../dist/vector-sweep/advice.js'
import { type SweepOptions, sweepVectors } from '../../dist/vector-sweep/sweep.js'
import { runCli } from '../cli/run-cli.js'
import { createLogin, createTestDatabase, failure, type Login, onEngines, type TestDatabase } from '../setup/index.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const ROWS = 4000

onEngines(['direct'], 'sweeps on a session of a server').describe('a sweep', () => {
  let cwd: string
  let url: string
  let login: Login
  let database: TestDatabase
  let admin: pg.Client

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'pgfleet-sweep-'))
    login = await createLogin()
    database = await createTestDatabase({ migrated: false })
    url = database.adminUrl()
    admin = new pg.Client({ connectionString: url })
    await admin.connect()
    await admin.query(`
      create extension vector;
      create table docs (id integer primary key, "Org" text, kind text, embedding vector(24));
      insert into docs select i, case when i % 10 < 7 then 'big' when i % 10 < 9 then 'mid' else 'small' end,
        case when i % 8 = 0 then 'note' else 'log' end,
        case when i % 500 = 0 then null when i % 1000 = 1 then array_fill(0, array[24])::vector else
        (select array_agg(sin((i * 7919 % 97) * d * 0.7) + 1.4 * (('x' || substr(md5(i || ':' || d), 1, 6))::bit(24)::integer / 16777216.0 - 0.5) order by d)
          from generate_series(1, 24) d)::vector end
      from generate_series(1, ${ROWS}) i;
      create index docs_embedding on docs using hnsw (embedding vector_cosine_ops) with (m = 4, ef_construction = 8);
      analyze docs;
      create table wide (v vector(3000));
      create table too_wide (v vector(4001));
      create table loose (v vector);
      create table few (v vector(3));
      insert into few values ('[1,2,3]');
      create view seen as select * from docs;
      create table secret (org text, v vector(3));
      insert into secret select 'org-' || i % 2, array[i, i % 7, 1]::vector from generate_series(1, 2000) i;
      alter table secret enable row level security;
      create policy one on secret using (org = 'org-1');
      grant select on secret to ${login.name};
      analyze secret`)
  }, 60_000)
  afterAll(async () => {
    await admin?.end()
    await rm(cwd, { recursive: true, force: true })
  })

  /** What is left of copies, of whoever. */
  const scratch = async () =>
    (await admin.query(`select relname from pg_class where starts_with(relname, 'pgfleet_sweep')`)).rows
  const gone = () => expect.poll(scratch, { timeout: 15_000, interval: 50 }).toEqual([])
  const options = (more: Partial<SweepOptions> = {}): SweepOptions => ({
    url,
    table: 'docs',
    k: 10,
    recall: 0.95,
    builds: [{ m: 12, efConstruction: 48 }],
    efSearch: [10, 20, 40, 80, 160],
    filters: [],
    queriesMax: 40,
    budgetMs: 60_000,
    memoryBytes: 256 * 1024 * 1024,
    inPlace: false,
    signal: new AbortController().signal,
    agree: async () => {},
    ...more,
  })
  const advise = (...more: string[]) => runCli(cwd, ['advise', 'vectors', '--url', url, '--yes', ...more])

  test('finds more with more candidates, on average, and tells what each index costs', async () => {
    const sweep = await sweepVectors(options())
    expect(sweep.builds.map(({ type, m, existing }) => [type, m, existing])).toEqual([
      ['vector', 4, true],
      ['vector', 12, false],
      ['halfvec', 12, false],
    ])
    const recalls = [10, 20, 40, 80, 160].map((efSearch) => {
      const points = sweep.points.filter((point) => point.efSearch === efSearch)
      return points.reduce((sum, { recall }) => sum + recall, 0) / points.length
    })
    for (const [i, recall] of recalls.entries()) expect(recall).toBeGreaterThanOrEqual((recalls[i - 1] ?? 0) - 0.005)
    expect(recalls.at(-1)).toBeGreaterThan(recalls[0] as number)
    expect(Math.max(...sweep.points.map(({ recall }) => recall))).toBeGreaterThan(0.95)
    for (const { bytes, seconds, spilledAfter } of sweep.builds) {
      expect(bytes).toBeGreaterThan(100_000)
      expect(seconds).toBeGreaterThan(0)
      expect(spilledAfter).toBeNull()
    }
    const [, full, half] = sweep.builds
    expect(half?.bytes).toBeLessThanOrEqual(full?.bytes as number)
    for (const { p50, p95 } of sweep.points) expect(p50).toBeLessThanOrEqual(p95)
    // All rows but eight without a vector, four without a direction, and the queries.
    expect(sweep.sample).toMatchObject({ rows: ROWS - 8 - 4 - 40, whole: true, queries: 40 })
    expect(sweep.extrapolation).toBeNull()
    expect(sweep.notes.join('\n')).toMatch(/^4 of \d+ sampled vectors have length 0/m)
    expect(sweep.stopped).toBe(false)
    await gone()
  })

  test('keeps the index that is there when nothing else was better', async () => {
    const sweep = await sweepVectors(options({ builds: [], recall: 0.5 }))
    expect(sweep.choice?.build).toMatchObject({ existing: true, m: 4, efConstruction: 8 })
    const advice = adviseVectors(sweep)
    expect(advice).toMatchObject({ keep: true, steps: [] })
    expect(advice?.application).toContain(`set local hnsw.ef_search = ${sweep.choice?.efSearch};`)
  })

  test('works out what all rows take, from a sample and a quarter of it', async () => {
    const sweep = await sweepVectors(options({ sampleRows: 2000, recall: 0.9 }))
    expect(sweep.sample).toMatchObject({ whole: false })
    expect(sweep.sample.rows).toBeGreaterThan(1500)
    expect(sweep.extrapolation?.rows).toBe(ROWS)
    const { exponent = -1, efSearch = 0 } = sweep.extrapolation ?? {}
    expect(exponent).toBeGreaterThanOrEqual(0)
    expect(exponent).toBeLessThanOrEqual(1)
    expect(efSearch).toBeGreaterThanOrEqual(10)
    expect(adviseVectors(sweep)?.efSearch).toBeGreaterThanOrEqual(sweep.choice?.efSearch as number)
  })

  test('searches tenants and filters, with and without iterative scans, and counts what comes back short', async () => {
    const sweep = await sweepVectors(
      options({
        builds: [],
        tenantColumn: 'Org',
        filters: [`kind = 'note' -- those`],
        recall: 0.5,
        efSearch: [10, 40],
      }),
    )
    const names = [...new Set(sweep.slices.map(({ slice }) => slice.name))]
    expect(names).toEqual([
      'tenant big (largest)',
      'tenant mid (median)',
      'tenant small (smallest)',
      `kind = 'note' -- those`,
    ])
    const short = (iterativeScan: string) =>
      sweep.slices.filter((point) => point.iterativeScan === iterativeScan).reduce((sum, point) => sum + point.short, 0)
    expect(short('off')).toBeGreaterThan(0)
    expect(short('relaxed_order')).toBeLessThan(short('off'))
    const advice = adviseVectors(sweep)
    expect(advice?.slices.map(({ slice }) => slice)).toEqual(names)
    expect(advice?.application.join('\n')).toMatch(/set local hnsw\.iterative_scan = (relaxed|strict)_order/)
  })

  test('measures the index that is there on the table itself when told to, and writes nothing', async () => {
    const { rows: before } = await admin.query(
      `select pg_current_wal_insert_lsn() as at, n_tup_ins as n from pg_stat_user_tables where relname = 'docs'`,
    )
    const sweep = await sweepVectors(options({ builds: [], recall: 0.5, inPlace: true }))
    expect(sweep.inPlace, sweep.notes.join('\n')).toMatchObject({ index: 'public.docs_embedding', queries: 40 })
    const recalls = sweep.inPlace?.points.map(({ recall }) => recall) ?? []
    expect(recalls).toHaveLength(5)
    expect(recalls.at(-1)).toBeGreaterThan(recalls[0] as number)
    const { rows: after } = await admin.query(`select n_tup_ins as n from pg_stat_user_tables where relname = 'docs'`)
    expect(after[0].n).toBe(before[0].n)
  })

  test('stops when its time is over, with what it has', async () => {
    const end = performance.now() + 5000
    const sweep = await sweepVectors(
      options({
        budgetMs: 5000,
        // Held up until the time is over, when the second index is begun.
        progress: (done) => {
          while (done === 1 && performance.now() < end + 100);
        },
      }),
    )
    expect(sweep.stopped).toBe(true)
    expect(sweep.builds).toHaveLength(1)
    expect(sweep.points).toHaveLength(5)
    await gone()
    const error = await failure(sweepVectors(options({ budgetMs: 1 })), 'TIMEOUT')
    expect(error.hint).toContain('--budget')
    await gone()
  })

  test('takes the queries it is given, or those of another table', async () => {
    const vectors = Array.from({ length: 12 }, (_, i) => Array.from({ length: 24 }, (_, d) => Math.sin(i + d)))
    const given = await sweepVectors(options({ builds: [], recall: 0.1, queries: { vectors } }))
    expect(given.sample).toMatchObject({ rows: ROWS - 8 - 4, queries: 12 })
    const taken = await sweepVectors(options({ builds: [], recall: 0.1, queries: { table: 'docs' }, efSearch: [20] }))
    expect(taken.sample.queries).toBe(40)
    const wrong = await failure(sweepVectors(options({ queries: { vectors: [[1, 2]] } })), 'INPUT_INVALID')
    expect(wrong).toMatchObject({ field: 'queries[0]' })
    expect(wrong.message).toContain('has 2 dimensions; public.docs.embedding has 24')
  })

  test.each([
    [{ table: 'nothing' }, 'INPUT_INVALID', 'there is no table nothing'],
    [{ table: 'seen' }, 'INPUT_INVALID', 'neither a table nor a materialized view'],
    [{ table: 'few' }, 'INPUT_INVALID', '500 or more can be measured'],
    [{ table: 'loose' }, 'INPUT_INVALID', 'has no dimensions declared'],
    [{ table: 'too_wide' }, 'INPUT_INVALID', '4000 as halfvec, 2000 as vector'],
    [{ table: 'wide' }, 'INPUT_INVALID', 'has 0 vectors'],
    [{ column: 'kind' }, 'INPUT_INVALID', 'is of type text'],
    [{ tenantColumn: 'org' }, 'INPUT_INVALID', 'has no column org'],
    [{ filters: ['kind ='] }, 'INPUT_INVALID', 'filter[0]: the server does not take it'],
    [
      { filters: ['true) from docs t; drop table docs; --'] },
      'INPUT_INVALID',
      'filter[0]: the server does not take it',
    ],
  ] as const)('refuses %j, before it copies anything that stays', async (more, code, message) => {
    const error = await failure(
      sweepVectors(options({ ...more, filters: [...('filters' in more ? more.filters : [])] })),
      code,
    )
    expect(error.message).toContain(message)
    await gone()
  })

  test('says what a login could not see, and which rights it lacks', async () => {
    const own = database.urlOf(login)
    const sweep = await sweepVectors(
      options({ url: own, table: 'secret', metric: 'l2', builds: [{ m: 4, efConstruction: 8 }], recall: 0.1 }),
    )
    expect(sweep.notes.join('\n')).toContain('Row-level security holds for this login: it saw about 1000 rows of 2000.')
    const unread = await failure(sweepVectors(options({ url: own })), 'PERMISSION_DENIED')
    expect(unread.hint).toContain('grant select on public.docs')
    await admin.query(`revoke temporary on database ${database.name} from public`)
    const unmade = await failure(sweepVectors(options({ url: own, table: 'secret' })), 'PERMISSION_DENIED')
    expect(unmade.hint).toContain('grant temporary')
  })

  test('without iterative scans, or without pgvector, it says so', async () => {
    const other = await createTestDatabase({ migrated: false })
    const bare = await failure(sweepVectors(options({ url: other.adminUrl() })), 'DATABASE_UNSUITABLE')
    expect(bare.message).toContain('no pgvector')
    const old = new pg.Client({ connectionString: other.adminUrl() })
    await old.connect()
    await old.query(`
      create extension vector;
      create table docs (org text, v halfvec(3));
      insert into docs select i % 2, array[i % 31, i % 7, 1]::vector::halfvec from generate_series(1, 1000) i;
      update pg_extension set extversion = '0.7.4' where extname = 'vector'`)
    await old.end()
    const sweep = await sweepVectors(
      options({
        url: other.adminUrl(),
        builds: [{ m: 4, efConstruction: 8 }],
        recall: 0.1,
        tenantColumn: 'org',
        efSearch: [20],
      }),
    )
    expect(sweep.notes).toContain('Iterative scans were not measured: this pgvector has none.')
    expect(sweep.notes.join('\n')).toContain('No index tells by which distance is searched: cosine was taken')
    expect(new Set(sweep.slices.map(({ iterativeScan }) => iterativeScan))).toEqual(new Set(['off']))
    expect(sweep.builds.map(({ type }) => type)).toEqual(['halfvec'])
  })

  test('the statements that it gives do what they say, and their undo undoes it', async () => {
    const sweep = await sweepVectors(options({ recall: 0.9, type: 'halfvec', efSearch: [80] }))
    const forced = { ...sweep, choice: sweep.points.find(({ build }) => !build.existing) ?? null }
    const steps = adviseVectors(forced)?.steps ?? []
    expect(steps.map(({ run }) => run[0]?.split(' ').slice(0, 3).join(' '))).toEqual([
      expect.stringMatching(/^set maintenance_work_mem/),
      'create index concurrently',
      'drop index concurrently',
    ])
    const [prepare, create] = steps
    for (const statement of prepare?.run ?? []) await admin.query(statement)
    await admin.query(create?.run.join('\n') ?? '')
    const indexes = async () =>
      (
        await admin.query(
          `select indexrelid::regclass::text as name, indisvalid from pg_index where indrelid = 'docs'::regclass`,
        )
      ).rows
    expect(await indexes()).toContainEqual({ name: 'docs_embedding_halfvec_m12_ef48', indisvalid: true })
    await admin.query(create?.undo ?? '')
    expect((await indexes()).map(({ name }) => name)).not.toContain('docs_embedding_halfvec_m12_ef48')
    const rebuilt = adviseVectors({
      ...forced,
      choice: {
        ...(forced.choice as NonNullable<typeof forced.choice>),
        build: { ...(sweep.builds[0] as (typeof sweep.builds)[number]), m: 6, efConstruction: 20, existing: false },
      },
    })
    for (const { run } of rebuilt?.steps ?? []) for (const statement of run) await admin.query(statement)
    const { rows } = await admin.query(`select reloptions from pg_class where oid = 'docs_embedding'::regclass`)
    expect(rows[0].reloptions).toEqual(['m=6', 'ef_construction=20'])
    for (const { undo } of (rebuilt?.steps ?? []).slice(1, 2)) await admin.query(undo)
  })

  test('on the command line: a table of 80 columns, a picture, Markdown, JSON', async () => {
    const more = [
      '--table',
      'public.docs',
      '--builds',
      '8/32',
      '--ef-search',
      '10,40,160',
      '--searches',
      '20',
      '--recall',
      '0.5',
    ]
    const text = await advise(...more, '--tenant-column', 'Org', '--svg', 'front.svg')
    expect(text.code, text.stderr).toBe(0)
    expect(text.stdout).toMatch(/^public\.docs\.embedding: vector\(24\), cosine distance$/m)
    expect(text.stdout).toContain('→ ')
    for (const line of text.stdout.split('\n').filter((each) => /^[┌│└]/.test(each))) {
      expect(line.length, line).toBeLessThanOrEqual(80)
    }
    const svg = await readFile(join(cwd, 'front.svg'), 'utf8')
    expect(svg.match(/<circle /g)).toHaveLength(9)
    const markdown = await advise(...more, '--markdown')
    expect(markdown.stdout).toContain('| index m/ef\\_c |'.replace('\\', ''))
    await writeFile(
      join(cwd, 'queries.json'),
      JSON.stringify([
        Array(24).fill(0.5),
        ...Array.from({ length: 9 }, (_, i) =>
          Array(24)
            .fill(0)
            .map((_, d) => Math.cos(i * d)),
        ),
      ]),
    )
    const json = await advise(...more, '--queries', 'queries.json', '--json')
    expect(json.stderr).toBe('')
    expect(JSON.parse(json.stdout)).toMatchObject({
      column: { table: 'public.docs' },
      sample: { queries: 10 },
      advice: { keep: expect.any(Boolean) },
    })
    const missed = await advise(
      '--table',
      'docs',
      '--builds',
      '8/32',
      '--ef-search',
      '10',
      '--recall',
      '1',
      '--searches',
      '20',
    )
    expect(missed.code).toBe(1)
    expect(missed.stdout).toContain('No setting that was tried reaches a recall of 1')
    await gone()
  }, 60_000)

  test('of the vectors of pgfleet itself, by tenant, with the commands that set them', async () => {
    const own = await createTestDatabase()
    const client = new pg.Client({ connectionString: own.adminUrl() })
    await client.connect()
    await client.query(`
      select memory.add_vector_dimension(8, 4, 8);
      insert into platform.tenants (tenant_id) values ('acme'), ('other');
      insert into memory.vectors_8 (tenant_id, scope, vector_id, embedding, created_at, updated_at)
      select case when i % 3 = 0 then 'acme' else 'other' end, 'default', gen_random_uuid(), array[i % 31, i % 29, i % 23, i % 19, i % 17, i % 13, i % 11, 1]::extensions.vector, now(), now()
      from generate_series(1, 1500) i;
      analyze memory.vectors_8`)
    await client.end()
    const ended = await runCli(cwd, [
      ...['advise', 'vectors', '--url', own.adminUrl(), '--yes', '--dimensions', '8', '--json'],
      ...['--builds', '12/48', '--ef-search', '20', '--recall', '0.1', '--searches', '20'],
    ])
    expect(ended.code, ended.stderr).toBe(0)
    const { builds, slices, advice, column } = JSON.parse(ended.stdout)
    expect(column).toMatchObject({ table: 'memory.vectors_8', metric: 'cosine' })
    expect(builds.map(({ type, m }: { type: string; m: number }) => [type, m])).toEqual([
      ['vector', 4],
      ['vector', 12],
    ])
    expect([...new Set(slices.map(({ slice }: { slice: { name: string } }) => slice.name))]).toEqual([
      'tenant other (largest)',
      'tenant acme (smallest)',
    ])
    expect(advice.application[0]).toMatch(
      /^await fleet\.vectorDimensions\.setSearch\(8, \{ fast: \d+, balanced: \d+ \}\)$/,
    )
  })

  test.each([
    [['--table', 'a', '--dimensions', '3'], 'give --table, or --dimensions'],
    [[], 'give --table, or --dimensions'],
    [['--table', 'docs', '--builds', '16/20'], 'Pairs m/ef_construction'],
    [['--table', 'docs', '--ef-search', '0'], 'from 1 to 1000'],
    [['--table', 'docs', '--queries', 'absent.json'], 'queries: absent.json'],
  ])('refuses %j', async (more, message) => {
    const { code, stdout, stderr } = await advise(...more)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  test('asks first, and where nobody can be asked does nothing', async () => {
    const { code, stderr } = await runCli(cwd, ['advise', 'vectors', '--url', url, '--table', 'docs'])
    expect(code).toBe(2)
    expect(stderr).toContain('This copies about 4,000 rows of public.docs')
    expect(stderr).toContain('--yes')
  })

  test('an interrupted sweep leaves nothing behind', async () => {
    const abort = new AbortController()
    const builds = [100, 99].map((m) => ({ m, efConstruction: 1000 }))
    const progress = (done: number) => void (done === 1 && setTimeout(() => abort.abort(), 100))
    await failure(sweepVectors(options({ builds, signal: abort.signal, progress })), 'ABORTED')
    await gone()
  })

  test('neither does a killed one, whatever its server waits for', async () => {
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    await other.query('begin')
    await other.query('lock table docs in access exclusive mode')
    const sessions = async () =>
      (await admin.query(`select state from pg_stat_activity where application_name = 'pgfleet advise vectors'`)).rows
    const child = spawn(process.execPath, [MAIN, 'advise', 'vectors', '--url', url, '--yes', '--table', 'docs'], {
      cwd,
    })
    const waits = async () =>
      (await admin.query(`select from pg_locks where not granted and relation = 'docs'::regclass`)).rows.length
    await expect.poll(waits, { timeout: 30_000, interval: 20 }).toBe(1)
    expect(await scratch()).not.toEqual([])
    child.kill('SIGKILL')
    // The lock is held until it has ended.
    await expect.poll(sessions, { timeout: 15_000, interval: 50 }).toEqual([])
    await other.end()
    await gone()
  }, 60_000)
})

test('a sweep of the embedded database is refused', async () => {
  const { code, stderr } = await runCli(tmpdir(), ['advise', 'vectors', '--data-dir', 'memory://', '--table', 'docs'])
  expect(code).toBe(2)
  expect(stderr).toContain('a sweep needs a server')
})
