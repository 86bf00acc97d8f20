import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFleet } from 'pgfleet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from './run-cli.js'

let cwd: string

// One embedded database for all of them, in the order of a first day: each start costs a second or more.
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pgfleet-cli-'))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

const json = async (...parameters: string[]) => {
  const { code, stdout, stderr } = await runCli(cwd, [...parameters, '--json'])
  expect(stderr).toBe('')
  return { code, value: JSON.parse(stdout) }
}

const HISTORY = [
  'Name;Duration;Verdict;Cycle',
  'a;1;0;1',
  'b;1;1;1',
  'a;1;0;2',
  'b;x;1;2',
  'b;1;1;2',
  'a;1;0;3',
  'b;1;1;3',
]

describe.sequential('a first day', () => {
  test('migrate makes the schema, and then finds it done', async () => {
    const first = await json('migrate')
    expect(first.code).toBe(0)
    expect(first.value.migrations).toHaveLength(first.value.version)
    const { code, stdout } = await runCli(cwd, ['migrate'])
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('is up to date') })
  })

  test('tenant creates and limits', async () => {
    await json('tenant', 'create', 'acme', '--name', 'Acme', '--q-values', '10')
    const { value } = await json('tenant', 'quota', 'acme', '--q-values', 'none', '--patterns', '5')
    expect(value).toEqual({ id: 'acme', quotas: { patterns: 5 } })
    await json('tenant', 'create', 'limited', '--events', '7', '--hook-executions', '8')
    const { value: more } = await json('tenant', 'quota', 'limited', '--vectors', '9', '--events', 'none')
    expect(more).toEqual({ id: 'limited', quotas: { hook_executions: 8, vectors: 9 } })
    expect((await runCli(cwd, ['tenant', 'list'])).stdout).toMatch(/patterns.*vectors.*hook_executions/)
    const again = await runCli(cwd, ['tenant', 'create', 'acme'])
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('error TENANT_EXISTS: ') })
  })

  test('tenant holds and lifts', async () => {
    const { value } = await json('tenant', 'hold', 'acme', '--reason', 'case 1', '--by', 'counsel')
    const { holdId } = value.hold
    expect(await json('tenant', 'holds', 'acme')).toMatchObject({ value: { isHeld: true, holds: [{ holdId }] } })
    const { stdout } = await runCli(cwd, ['tenant', 'lift', 'acme', holdId, '--by', 'judge'])
    expect(stdout).toContain('tenant acme is held no more')
    expect((await runCli(cwd, ['tenant', 'holds', 'acme'])).stdout).toContain('case 1')
    const unnamed = await runCli(cwd, ['tenant', 'hold', 'acme', '--by', 'counsel'])
    expect(unnamed).toMatchObject({ code: 2, stderr: expect.stringContaining('--reason') })
  })

  test('tenant erases, keeps the receipt, and erases again what came back', async () => {
    await json('tenant', 'create', 'leaving')
    const order = ['--reason', 'contract ended', '--by', 'operations']
    const dry = await json('tenant', 'erase', 'leaving', ...order, '--dry-run')
    expect(dry.value).toMatchObject({ erasureId: null, tables: { 'learning.agent_types': 18 } })
    const { stdout } = await runCli(cwd, ['tenant', 'erase', 'leaving', ...order])
    expect(stdout).toContain('Nothing of tenant leaving is left; 22 rows were removed')
    const { value: receipts } = await json('tenant', 'erasures')
    expect(receipts).toMatchObject([{ tenant: 'leaving', rows: 22, reason: 'contract ended', reusedAt: null }])
    expect((await runCli(cwd, ['tenant', 'erasures', 'leaving'])).stdout).toContain('contract ended')
    const again = await runCli(cwd, ['tenant', 'create', 'leaving'])
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('error TENANT_ERASED: ') })
    await writeFile(join(cwd, 'receipts.json'), JSON.stringify(receipts))
    const reapply = ['tenant', 'reapply-erasures', '--by', 'restore', '--receipts']
    expect((await runCli(cwd, [...reapply, 'receipts.json'])).stdout).toContain('has come back')
    await writeFile(join(cwd, 'receipts.json'), 'nothing')
    expect(await runCli(cwd, [...reapply, 'receipts.json'])).toMatchObject({ code: 2 })
    expect((await json('tenant', 'create', 'leaving', '--reuse')).code).toBe(0)
    await json('tenant', 'erase', 'leaving', ...order)
  })

  test('tenant goes out to a file, and comes in under another id', async () => {
    const { value } = await json('tenant', 'export', 'acme', 'acme.gz')
    expect(value).toMatchObject({ id: 'acme', file: 'acme.gz', rows: expect.any(Number) })
    const again = await runCli(cwd, ['tenant', 'export', 'acme', 'acme.gz'])
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('EEXIST') })
    const taken = await runCli(cwd, ['tenant', 'import', 'acme.gz'])
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('error TENANT_EXISTS: ') })
    const { stdout } = await runCli(cwd, ['tenant', 'import', 'acme.gz', '--as', 'copy'])
    expect(stdout).toContain('Tenant copy is there')
    await json('tenant', 'erase', 'copy', '--reason', 'a copy', '--by', 'operations')
    await runCli(cwd, ['tenant', 'export', 'nobody', 'nobody.gz'])
    expect(await runCli(cwd, ['tenant', 'import', 'nobody.gz'])).toMatchObject({
      stderr: expect.stringContaining('ENOENT'),
    })
  })

  test('replay tells the lines that it skips, and learns', async () => {
    await writeFile(join(cwd, 'history.csv'), HISTORY.join('\n'))
    const { code, stdout, stderr } = await runCli(cwd, ['replay', 'history.csv', '--tenant', 'acme', '--windows', '1'])
    expect(code).toBe(0)
    expect(stderr).toContain('Skipped 1 line that cannot be read:\n  history.csv:5: Duration:')
    expect(stdout).toContain('3 cycles, 6 runs of 2 tests')
    expect(stdout).toContain('last third')
    const strict = await runCli(cwd, ['replay', 'history.csv', '--strict'])
    expect(strict).toMatchObject({ code: 1, stderr: expect.stringContaining('error REPLAY_BAD_LINE: ') })
  })

  test('status tells all of it', async () => {
    const { code, value } = await json('status', '--tenant', 'acme')
    expect(code).toBe(0)
    expect(value).toMatchObject({
      schema: { upToDate: true },
      tenants: [{ id: 'acme', quotas: { patterns: 5 } }, { id: 'limited' }],
    })
    expect(value.learning).toMatchObject([{ tenant: 'acme', agentTypes: 18 }])
    expect(value.learning[0].qValues).toBeGreaterThan(0)
    expect(value.tables.map((one: { table: string }) => one.table)).toContain('learning.q_values')
  })

  test('Ctrl-C ends the demo in order: exit 130, and the directory is free again', async () => {
    const interrupted = await runCli(cwd, ['demo', '--episodes', '100000'], {
      interrupt: { after: 'tenant demo-1', milliseconds: 500 },
    })
    expect(interrupted).toMatchObject({
      code: 130,
      stdout: '',
      stderr: expect.stringContaining('error ABORTED: Interrupted'),
    })
  })

  test('import runs prints pass^k, events query and tail the log', async () => {
    const run = (trial: number, reward: number) => ({
      task_id: 1,
      trial,
      reward,
      traj: [{ role: 'user', content: 'hi' }],
    })
    await writeFile(join(cwd, 'runs.json'), JSON.stringify([run(0, 1), run(1, 0)]))
    const { stdout } = await runCli(cwd, ['import', 'runs', 'runs.json', '--tenant', 'acme'])
    expect(stdout).toContain('2 runs: 4 events appended, 0 there before')
    expect(stdout).toMatch(/1 │ +0\.500/)
    const { value } = await json('import', 'runs', 'runs.json', '--tenant', 'acme')
    expect(value).toMatchObject({
      events: 0,
      replayed: 4,
      passHatK: [{ k: 1, value: 0.5, tasks: 1 }, { k: 2, value: 0 }, {}, {}],
    })
    const found = await json('events', 'query', '--tenant', 'acme', '--contains', '{"reward": 1}')
    expect(found.value).toMatchObject({ type: 'run.ended', source: 'runs.json', payload: { task: 1, reward: 1 } })
    const tail = await runCli(cwd, [
      'events',
      'tail',
      '--tenant',
      'acme',
      '--after',
      'start',
      '--type',
      'message.*',
      '--limit',
      '2',
      '--json',
    ])
    const lines = tail.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; cursor: string })
    expect(lines.map(({ type }) => type)).toEqual(['message.user', 'message.user'])
    const wrong = await runCli(cwd, ['events', 'query', '--tenant', 'acme', '--from', 'soon'])
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('A time like') })
  })

  test('audit seals and verifies, and exits with 1 when the chain is not the one that was kept', async () => {
    expect(await json('audit', 'seal', '--tenant', 'acme')).toEqual({ code: 0, value: { sealed: 0, head: null } })
    const verified = await runCli(cwd, ['audit', 'verify', '--tenant', 'acme'])
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('0 entries hold') })
    expect(await runCli(cwd, ['audit', 'list', '--tenant', 'acme', '--entity', 'a:b', '--from', '1h'])).toMatchObject({
      code: 0,
      stdout: '',
    })
    const head = `1:${'0'.repeat(64)}`
    const cut = await json('audit', 'verify', '--tenant', 'acme', '--head', head)
    expect(cut).toMatchObject({ code: 1, value: { intact: false, breach: { problem: 'seal_removed', seal: 1 } } })
    const wrong = await runCli(cwd, ['audit', 'verify', '--tenant', 'acme', '--head', 'x'])
    expect(wrong).toMatchObject({ stderr: expect.stringContaining('--head is not') })
  })

  test('pipeline prints what webhooks told, page by page and by key', async () => {
    const deliveries = [1, 2].map((id) => ({
      event: 'deployment',
      deliveryId: `d-${id}`,
      payload: {
        repository: { full_name: 'acme/shop' },
        deployment: {
          id,
          sha: 'abcdef',
          ref: 'main',
          environment: id === 1 ? 'staging' : 'production',
          created_at: '2026-01-01T00:00:00Z',
          updated_at: '2026-01-01T00:00:00Z',
        },
      },
    }))
    await writeFile(join(cwd, 'deliveries.json'), JSON.stringify(deliveries))
    await json('ingest', 'github', 'deliveries.json', '--tenant', 'acme')
    await writeFile(
      join(cwd, 'jobs.csv'),
      'job_id,start_time,conclusion,dynamoKey,name\n7,2026-01-01 00:00:00,success,acme/shop/7,build\n',
    )
    await json('ingest', 'jobs', 'jobs.csv', '--tenant', 'acme')
    const { stdout } = await runCli(cwd, ['pipeline', 'deployments', '--tenant', 'acme'])
    expect(stdout).toMatch(/acme\/shop 2 +pending +production +main +abcdef\n.*acme\/shop 1 +pending +staging/)
    const found = await json(
      'pipeline',
      'deployments',
      '--tenant',
      'acme',
      '--environment',
      'staging',
      '--from',
      '2025-01-01',
    )
    expect(found.value).toMatchObject({ deploymentId: 1, environment: 'staging', headSha: 'abcdef' })
    const job = await json('pipeline', 'jobs', 'acme/shop', '--tenant', 'acme', '--conclusion', 'success')
    expect(job.value).toMatchObject({ jobId: 7, name: 'build' })
    for (const empty of [
      ['runs'],
      ['checks', '--suites', '--pull-request', 'acme/shop#7'],
      ['branches', '--no-deleted'],
    ])
      expect(await runCli(cwd, ['pipeline', ...empty, '--tenant', 'acme'])).toMatchObject({ code: 0, stdout: '' })
    const one = await json('pipeline', 'get', 'deployment', 'acme/shop', '2', '--tenant', 'acme')
    expect(one).toMatchObject({ code: 0, value: { environment: 'production' } })
    const missing = await runCli(cwd, ['pipeline', 'get', 'branch', 'acme/shop', 'refs/heads/x', '--tenant', 'acme'])
    expect(missing).toMatchObject({ code: 1, stderr: 'Not there: branch refs/heads/x of acme/shop\n' })
  })

  test('metrics are recorded from a file or standard input, rolled up, and shown', async () => {
    // Looked at once: an hour may begin meanwhile.
    const thisHour = Math.floor(Date.now() / 3_600_000) * 3_600_000
    const at = (hour: number) => new Date(thisHour - hour * 3_600_000)
    const point = (hour: number, numericValue: number, zone: number | string = 1) =>
      JSON.stringify({ name: 'build.seconds', measuredAt: at(hour), numericValue, dimensions: { zone } })
    await writeFile(join(cwd, 'points.json'), `[${[point(3, 10), point(3, 30)].join()}]`)
    expect(await json('metrics', 'record', 'points.json', '--tenant', 'acme')).toMatchObject({ value: { points: 2 } })
    const piped = await runCli(cwd, ['metrics', 'record', '-', '--tenant', 'acme'], {
      stdin: `${point(1, 80)}\n${point(1, 1000, '1')}\n`,
    })
    expect(piped).toMatchObject({ code: 0, stdout: '2 points recorded\n' })
    expect(await json('metrics', 'names', '--tenant', 'acme', '--prefix', 'build')).toMatchObject({
      value: [{ name: 'build.seconds', series: 2 }],
    })
    const empty = await runCli(cwd, ['metrics', 'show', 'build.seconds', '--tenant', 'acme'])
    expect(empty).toMatchObject({ code: 1, stdout: expect.stringContaining('No number is in the rollups') })
    expect(await json('metrics', 'roll-up', '--tenant', 'acme')).toMatchObject({ value: { points: 4 } })
    const shown = await json(
      'metrics',
      'show',
      'build.seconds',
      '--tenant',
      'acme',
      '--dimension',
      'zone=1',
      '--fractions',
      '0,1',
    )
    expect(shown).toMatchObject({
      code: 0,
      value: {
        summary: { points: 3, min: 10, max: 80, mean: 40 },
        rollups: [
          { bucket: at(3).toISOString(), points: 2, mean: 20 },
          { bucket: at(1).toISOString(), points: 1, mean: 80 },
        ],
      },
    })
    const { stdout } = await runCli(cwd, [
      'metrics',
      'show',
      'build.seconds',
      '--tenant',
      'acme',
      '--dimension',
      'zone=1',
      '--from',
      at(3).toISOString(),
      '--to',
      at(0).toISOString(),
    ])
    const [, line, figures] = stdout.split('\n')
    expect(line).toBe('▁ █')
    expect(figures).toMatch(/^3 points +mean 40 +min 10 +max 80 +last 80 +p50 /)
    const points = await runCli(cwd, [
      'metrics',
      'query',
      'build.seconds',
      '--tenant',
      'acme',
      '--dimension',
      'zone="1"',
    ])
    expect(points.stdout).toBe(`${at(1).toISOString()}  build.seconds  1000  zone=1\n`)
    const newest = await json(
      'metrics',
      'query',
      '--tenant',
      'acme',
      '--newest-first',
      '--limit',
      '1',
      '--to',
      at(2).toISOString(),
    )
    expect(newest.value).toMatchObject({ measuredAt: at(3).toISOString() })
    const wrong = await runCli(cwd, ['metrics', 'record', '-', '--tenant', 'acme'], { stdin: '{"name": "x"}' })
    expect(wrong).toMatchObject({ stderr: expect.stringContaining('has no value') })
  })

  test('metadata prints groups, entities and ticks, and watches', async () => {
    const { value: found } = await json('metadata', 'groups', '--tenant', 'acme')
    expect(found.map(({ name }: { name: string }) => name)).toEqual(['BACKGROUND', 'NORMAL', 'REALTIME', 'STATIC'])
    const fleet = await openFleet({ dataDir: join(cwd, '.pgfleet') })
    const { metadata } = fleet.tenant('acme')
    const { cursor } = await metadata.changesSince('now', { group: 'NORMAL' })
    await metadata.entities.create({ name: 'robot', channel: 'floor' })
    await metadata.set({ entity: 'robot', key: 'steps', value: 2n ** 60n })
    await metadata.set({ entity: 'robot', key: 'image', value: Buffer.from('abc') })
    await fleet.close()
    const read = await json('metadata', 'get', 'robot', '--tenant', 'acme', '--key', 'steps')
    expect(read).toMatchObject({
      code: 0,
      value: { name: 'robot', entries: [{ key: 'steps', value: '1152921504606846976' }] },
    })
    const missing = await runCli(cwd, ['metadata', 'get', 'robot', 'nobody', '--tenant', 'acme'])
    expect(missing).toMatchObject({ code: 1, stderr: 'Not there: nobody\n' })
    expect(missing.stdout).toContain('image = "YWJj"')
    const common = ['--tenant', 'acme', '--group', 'NORMAL']
    const watched = await runCli(cwd, ['metadata', 'watch', ...common, '--cursor', cursor, '--limit', '2', '--json'])
    const changes = watched.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: string; kind: string })
    expect(changes.map(({ key }) => key).sort()).toEqual(['image', 'steps'])
    const interrupted = await runCli(cwd, ['metadata', 'watch', ...common], {
      interrupt: { after: 'Watching', milliseconds: 200 },
    })
    expect(interrupted).toMatchObject({ code: 130, stdout: '', stderr: 'Watching; Ctrl-C ends.\n' })
    expect(await runCli(cwd, ['metadata', 'ticks', ...common])).toMatchObject({ code: 0, stdout: '' })
    const wrong = await runCli(cwd, ['metadata', 'watch', '--tenant', 'acme', '--group', 'NONE'])
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('error SYNC_GROUP_UNKNOWN') })
  })

  test('the demo ends with what to try next', async () => {
    const { code, stdout } = await runCli(cwd, ['demo', '--episodes', '5', '--measure', '30'])
    expect(code).toBe(0)
    expect(stdout).toContain('optimum, exact     6.64')
    expect(stdout).toContain('npx pgfleet status --tenant demo-2')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no colours where nobody looks
    expect(stdout).not.toMatch(/\u001b/)
  })

  test('migrate down refuses to drop data unless told to', async () => {
    const refused = await runCli(cwd, ['migrate', 'down', '--to', '0'])
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('error DATA_LOSS_REFUSED: ') })
    expect((await json('migrate', 'down', '--to', '0', '--allow-data-loss')).value.version).toBe(0)
    expect((await json('migrate', 'status')).code).toBe(1)
  })
})
