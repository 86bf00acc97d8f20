import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findWebhookFiles, importJobs, importWebhooks } from 'pgfleet/import'
import { describe, expect, test } from 'vitest'
import { afterFile } from '../setup/index.js'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'
import { examplesOf } from './webhook-examples.js'

const fleet = useFleet()
const folder = await mkdtemp(join(tmpdir(), 'pgfleet-ingest-'))
afterFile(() => rm(folder, { recursive: true, force: true }))

const file = async (name: string, content: unknown) => {
  const path = join(folder, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

describe('webhooks from files', () => {
  test('of every form are taken in once', async () => {
    const { delivery } = await newTenant(fleet())
    const directory = join(folder, 'all')
    await mkdir(join(directory, 'deeper'), { recursive: true })
    const [run, job, check, deployment] = ['workflow_run', 'workflow_job', 'check_run', 'deployment'].map(
      (event) => examplesOf(event)[1],
    )
    await file('all/pull_request.opened.json', examplesOf('pull_request')[0])
    await file('all/array.json', [{ event: 'workflow_run', payload: run, deliveryId: 'r' }])
    const ofApi = { id: 1, guid: 'g', event: 'workflow_job', action: 'x', request: { headers: {}, payload: job } }
    await file('all/api.json', ofApi)
    await file(
      'all/deeper/lines.jsonl',
      `${JSON.stringify({ event: 'check_run', payload: check })}\n\n${JSON.stringify({ event: 'star', payload: {} })}\n`,
    )
    await file('all/deeper/examples.json', [{ name: 'deployment', examples: [deployment] }])
    await file('all/notes.txt', 'no JSON')
    const files = await findWebhookFiles(directory)
    const seen: number[] = []
    const first = await importWebhooks({ delivery }, files, { onProgress: (done) => seen.push(done) })
    expect(first).toMatchObject({ files: 5, deliveries: 6, replayed: 0, rejected: 1 })
    expect(Object.keys(first.reasons)).toEqual([expect.stringMatching(/^star: the event is none/)])
    expect(seen).toEqual([1, 2, 3, 4, 5])
    expect(await importWebhooks({ delivery }, files)).toMatchObject({ deliveries: 6, replayed: 5, rejected: 1 })
    expect(await delivery.pullRequests.list()).toHaveLength(1)
    expect(await delivery.pipeline.jobs(job.repository.full_name)).toHaveLength(1)
  })

  test('have the event that is told', async () => {
    const { delivery } = await newTenant(fleet())
    const path = await file('some.json', examplesOf('workflow_job')[1])
    expect(await importWebhooks({ delivery }, [path])).toMatchObject({ rejected: 1 })
    expect(await importWebhooks({ delivery }, [path], { event: 'workflow_job' })).toMatchObject({ rejected: 0 })
  })

  test.each([
    ['that are not there', async () => await findWebhookFiles(join(folder, 'nowhere'))],
    ['that are not JSON', async () => await importWebhooks(await newTenant(fleet()), [await file('bad.json', '{')])],
    [
      'that hold no delivery',
      async () => await importWebhooks(await newTenant(fleet()), [await file('five.json', '5')]),
    ],
  ])('%s are refused', async (_, call) => {
    expect(await failure(call(), 'INPUT_INVALID')).toMatchObject({ field: 'path' })
  })
})

const HEADER = 'job_id,start_time,conclusion,dynamoKey,name,job_name'

describe('jobs from a file', () => {
  test('are taken in once', async () => {
    const { delivery } = await newTenant(fleet())
    const lines = Array.from(
      { length: 2500 },
      (_, n) =>
        `"${n + 1}","2024-08-14 22:38:01.125000000","${n % 5 ? 'success' : 'failure'}","acme/shop/${n + 1}","job, ${n % 7}","job"`,
    )
    const path = await file('jobs.csv', [HEADER, ...lines, lines[0]].join('\n'))
    const seen: number[] = []
    expect(await importJobs({ delivery }, path, { onProgress: (_bytes, _total, jobs) => seen.push(jobs) })).toEqual({
      jobs: 2501,
      written: 2500,
      known: 1,
      conclusions: { success: 2000, failure: 501 },
    })
    expect(seen).toEqual([1000, 2000, 2501])
    expect(await importJobs({ delivery }, path)).toMatchObject({ written: 0, known: 2501 })
    expect(await delivery.pipeline.jobs('acme/shop', { limit: 1 })).toMatchObject([
      {
        jobId: 2500,
        name: 'job, 0',
        status: 'completed',
        conclusion: 'success',
        startedAt: new Date('2024-08-14T22:38:01.125Z'),
      },
    ])
  })

  test.each([
    ['no header', 'dynamoKey', 'job_id,start_time,conclusion,name\n', /has no column dynamoKey/],
    [
      'a bad id',
      'job_id',
      `${HEADER}\nx,2024-08-14 22:38:01,success,a/b/1,n,n`,
      /bad\.csv:2: job_id: expected a whole number, found "x"/,
    ],
    ['a bad time', 'start_time', `${HEADER}\n1,yesterday,success,a/b/1,n,n`, /expected a time in UTC/],
    ['a bad key', 'dynamoKey', `${HEADER}\n1,2024-08-14 22:38:01,success,b/1,n,n`, /expected owner/],
    ['no name', 'name', `${HEADER}\n1,2024-08-14 22:38:01,success,a/b/1,,n`, /expected a name/],
    ['an open quote', 'path', `${HEADER}\n"1,2024-08-14 22:38:01,success,a/b/1,n,n`, /cannot be read/],
  ])('with %s are refused', async (_, field, content, message) => {
    const { delivery } = await newTenant(fleet())
    const error = await failure(importJobs({ delivery }, await file('bad.csv', content)), 'INPUT_INVALID')
    expect(error.field).toBe(field)
    expect(error.message).toMatch(message)
  })

  test('that are not there are refused, and an import ends when it is told to', async () => {
    const { delivery } = await newTenant(fleet())
    await failure(importJobs({ delivery }, join(folder, 'nowhere.csv')), 'INPUT_INVALID')
    const path = await file('one.csv', `${HEADER}\n1,2024-08-14 22:38:01,success,a/b/1,n,n`)
    await failure(importJobs({ delivery }, path, { signal: AbortSignal.abort() }), 'ABORTED')
    expect(await delivery.pipeline.jobs('a/b')).toEqual([])
  })
})

const data = fileURLToPath(new URL('../../../shared/data/ci/github-jobs.csv', import.meta.url))
// In a worktree the data lies one folder higher.
const path = [data, fileURLToPath(new URL('../../../../shared/data/ci/github-jobs.csv', import.meta.url))].find(
  existsSync,
)

test.skipIf(path === undefined)('a day of real jobs is taken in, as its lines say', async () => {
  const { id, delivery } = await newTenant(fleet())
  expect(await importJobs({ delivery }, path as string)).toEqual({
    jobs: 19_199,
    written: 19_198,
    known: 1,
    conclusions: { success: 18_486, failure: 713 },
  })
  const [row] = await sql(
    fleet(),
    `select count(*)::integer as jobs, count(distinct repository)::integer as repositories from delivery.pipeline_jobs where tenant_id = $1`,
    [id],
  )
  expect(row).toEqual({ jobs: 19_198, repositories: 2 })
})
