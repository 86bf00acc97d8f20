import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendRun, latestRun, readRuns } from 'pgfleet/bench'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { play, playback } from './samples.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pgfleet-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('runs are read back as they were saved, oldest first', async () => {
  const nested = join(folder, 'bench', 'results')
  const first = await play([playback('a', [{ throughput: 1 }])])
  const second = await play([playback('a', [{ throughput: 2 }])])
  const path = await appendRun(first, nested)
  await appendRun(second, nested)
  expect(path).toBe(join(nested, 'example.jsonl'))
  expect(await readRuns('example', nested)).toEqual([first, second])
  expect(await latestRun('example', nested)).toEqual(second)
})

test('there are no runs before the first', async () => {
  expect(await readRuns('example', folder)).toEqual([])
  expect(await latestRun('example', folder)).toBeNull()
})

test('runs that are saved at the same time do not mix', async () => {
  const run = await play([playback('a', [])])
  await Promise.all(Array.from({ length: 20 }, () => appendRun(run, folder)))
  expect(await readRuns('example', folder)).toEqual(Array(20).fill(run))
})

test('a line that was cut off does not damage the next, and is named', async () => {
  const run = await play([playback('a', [])])
  await appendRun(run, folder)
  await appendFile(join(folder, 'example.jsonl'), '{"format":1,"scen')
  await appendRun(run, folder)
  const lines = (await readFile(join(folder, 'example.jsonl'), 'utf8')).split('\n')
  expect(JSON.parse(lines[2] ?? '')).toEqual(run)
  await expect(readRuns('example', folder)).rejects.toThrow('Line 2')
})

test.for(['../example', '', 'Example', 'a/b'])('the name %j is refused', async (name) => {
  await expect(readRuns(name, folder)).rejects.toMatchObject({ code: 'INPUT_INVALID', field: 'scenario' })
})
