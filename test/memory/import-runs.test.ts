import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importRuns, readRuns } from 'pgfleet/import'
import { describe, expect, test } from 'vitest'
import { afterFile, failure, openTestFleet } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'

const fleet = await openTestFleet()
const folder = await mkdtemp(join(tmpdir(), 'pgfleet-runs-'))
afterFile(() => rm(folder, { recursive: true, force: true }))

const file = async (content: unknown) => {
  const path = join(folder, `${Math.random()}.json`)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const run = {
  task_id: 7,
  trial: 0,
  reward: 1,
  info: { left: 'out' },
  traj: [
    { role: 'user', content: 'hello' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{"a": 1}' } }],
    },
    { role: 'tool', name: 'find', tool_call_id: 'c1', content: 'found' },
  ],
}

describe('importing runs', () => {
  test('appends an event a message, tool call and result, in their order', async () => {
    const { memory } = await newTenant(fleet)
    const imported = await importRuns({ memory }, await readRuns(await file([run])), { source: 's' })
    expect(imported).toMatchObject({ runs: 1, events: 5, replayed: 0 })
    const { events } = await memory.events.query({})
    expect(events.map(({ type }) => type)).toEqual([
      'message.user',
      'message.assistant',
      'tool.called',
      'tool.returned',
      'run.ended',
    ])
    expect(new Set(events.map(({ correlationId, source }) => `${correlationId} ${source}`)).size).toBe(1)
    expect(events[2]?.payload).toEqual({
      task: 7,
      trial: 0,
      step: 1,
      tool: 'find',
      callId: 'c1',
      arguments: '{"a": 1}',
    })
    expect(events[4]?.payload).toEqual({ task: 7, trial: 0, reward: 1, steps: 3 })
  })

  test('again, also later and with more runs, appends what is new alone; equal runs are two', async () => {
    const { memory } = await newTenant(fleet)
    const first = await readRuns(await file([run, run]))
    const at = new Date(Date.now() - 1e9)
    expect(await importRuns({ memory }, first, { source: 's', at })).toMatchObject({ events: 10, replayed: 0 })
    expect(await importRuns({ memory }, first, { source: 's' })).toMatchObject({ events: 0, replayed: 10 })
    const more = await readRuns(await file([{ ...run, trial: 1, reward: 0 }, run, run]))
    expect(await importRuns({ memory }, more, { source: 's' })).toMatchObject({
      events: 5,
      replayed: 10,
      passHatK: [{ k: 1, value: expect.closeTo(2 / 3, 12) }, { k: 2 }, { k: 3, value: 0 }, { k: 4, value: null }],
    })
  })

  test.each<[string, unknown]>([
    ['path', '{'],
    ['runs', {}],
    ['runs', []],
    ['runs[0].reward', [{ ...run, reward: 'much' }]],
    ['runs[1].trial', [run, { ...run, trial: -1 }]],
    ['runs[0].traj[0].role', [{ ...run, traj: [{ content: 'x' }] }]],
  ])('refuses a file that is wrong at %s', async (field, content) => {
    expect((await failure(readRuns(await file(content)), 'INPUT_INVALID')).field).toBe(field)
  })

  test('refuses a file that is not there', async () => {
    expect((await failure(readRuns(join(folder, 'nothing.json')), 'INPUT_INVALID')).field).toBe('path')
  })
})

const data = fileURLToPath(new URL('../../../shared/data/agents/airline-runs.json', import.meta.url))
const absent = !existsSync(data)

describe.skipIf(absent)(`200 runs of an airline's agent${absent ? `: skipped, ${data} is absent` : ''}`, () => {
  test('give the pass^k that their authors published, and again when imported twice', async () => {
    const { memory } = await newTenant(fleet)
    const runs = await readRuns(data)
    const published = [0.42, 0.273, 0.22, 0.2]
    for (const [appended, replayed] of [
      [6672, 0],
      [0, 6672],
    ]) {
      const imported = await importRuns({ memory }, runs, { source: 'airline' })
      expect(imported).toMatchObject({ runs: 200, events: appended, replayed })
      expect(imported.passHatK.map(({ value }) => Number(value?.toFixed(3)))).toEqual(published)
    }
    const { types } = await memory.events.stats()
    const counted = Object.fromEntries(types.map(({ type, events }) => [type, events]))
    expect(counted).toMatchObject({ 'tool.called': 1164, 'run.ended': 200 })
  })
})
