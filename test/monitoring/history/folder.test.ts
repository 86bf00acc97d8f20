// The folder of a history, when things go wrong: torn lines, another writer, damage, files of days that are over.
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolderWriter } from '../../../dist/monitoring/history/folder-writer.js'
import { createHistoryObserver } from '../../../dist/monitoring/history/history-observer.js'
import { readHistory } from '../../../dist/monitoring/history/read-history.js'
import { afterFile, failure } from '../../setup/index.js'
import { sample, serverOf, snapshotOf } from './snapshots.js'

const root = await mkdtemp(join(tmpdir(), 'pgfleet-history-'))
afterFile(() => rm(root, { recursive: true, force: true }))
const never = new AbortController().signal
const DAY_MS = 86_400_000
const at = (text: string) => new Date(`2026-03-${text}:00Z`)

/** Keeps a gauge at these times: its value is the hour. */
async function keep(folder: string, times: readonly string[], options: { keepMs?: number; settings?: string } = {}) {
  const notices: string[] = []
  const writer = await openFolderWriter(folder, {
    keepMs: options.keepMs ?? 100 * DAY_MS,
    onNotice: (text) => notices.push(text),
  })
  const { settings } = options
  const observer = createHistoryObserver({
    writer,
    intervalMs: 60_000,
    ...(settings === undefined ? {} : { readSettings: async () => [{ name: 'work_mem', value: settings }] }),
  })
  for (const time of times) {
    const value = at(time).getUTCHours()
    await observer.observe(snapshotOf(at(time), [sample('pg_stat_activity_count', { state: 'active' }, value)]), never)
  }
  await observer.close()
  return notices
}

const read = (folder: string) =>
  readHistory(folder, { metric: 'pg_stat_activity_count', from: at('01T00:00'), to: at('31T00:00') })

test('a file a day; those of days that are over are compressed, and go when they are kept long enough', async () => {
  const folder = join(root, 'days')
  await keep(folder, ['01T10:00', '02T11:00', '03T12:00'])
  expect(await readdir(folder)).toEqual([
    'history-000001-2026-03-01.ndjson.gz',
    'history-000002-2026-03-02.ndjson.gz',
    'history-000003-2026-03-03.ndjson',
  ])
  const reading = await read(folder)
  expect(reading.series[0]?.values).toEqual([10, 11, 12])
  expect(reading.marks.filter(({ kind }) => kind === 'gap').length).toBe(3)
  // Seen from the day before, so that a clock that jumps ahead for once takes nothing along.
  await keep(folder, ['20T10:00'], { keepMs: DAY_MS })
  expect((await readdir(folder)).map((name) => name.slice(15, 25))).toEqual(['2026-03-02', '2026-03-03', '2026-03-20'])
  await keep(folder, ['21T10:00'], { keepMs: DAY_MS })
  expect((await readdir(folder)).map((name) => name.slice(15, 25))).toEqual(['2026-03-20', '2026-03-21'])
})

test('a line that a crash tore is not read, cut off by the next writer, and told', async () => {
  const folder = join(root, 'torn')
  await keep(folder, ['01T10:00', '01T10:01'])
  const file = join(folder, 'history-000001-2026-03-01.ndjson')
  const whole = await readFile(file)
  await appendFile(file, '{"t":1772359320000,"v":[0,9')
  expect((await read(folder)).times).toHaveLength(2)
  expect(await keep(folder, ['01T11:00'])).toEqual([expect.stringContaining('27 bytes of a line')])
  expect((await readFile(file)).subarray(0, whole.length)).toEqual(whole)
  const reading = await read(folder)
  expect(reading.series[0]?.values).toEqual([10, 10, 11])
  expect(reading.marks.map(({ kind }) => kind)).toEqual(['gap', 'gap'])
})

test('a header that a crash tore leaves no file behind', async () => {
  const folder = join(root, 'header')
  await mkdir(folder)
  await writeFile(join(folder, 'history-000001-2026-03-01.ndjson'), '{"history":1,"sou')
  await keep(folder, ['01T10:00'])
  expect((await read(folder)).series[0]?.values).toEqual([10])
})

test('damage in the middle is told, and what can be read is', async () => {
  const folder = join(root, 'damage')
  await keep(folder, ['01T10:00', '01T10:01', '01T10:02', '01T11:00', '02T10:00', '03T10:00'])
  const [first = '', second = ''] = (await readdir(folder)).sort()
  await truncate(join(folder, second), 60)
  expect(first).toMatch(/gz$/)
  const reading = await read(folder)
  expect(reading.times.map((time) => time.getUTCDate())).toEqual([1, 1, 1, 1, 3])
  expect(reading.marks.find(({ kind }) => kind === 'damage')?.text).toContain(second)

  const plain = join(root, 'damaged-line')
  await keep(plain, ['01T10:00', '01T10:01', '01T10:02', '01T11:00'])
  const file = join(plain, 'history-000001-2026-03-01.ndjson')
  const lines = (await readFile(file, 'utf8')).split('\n')
  lines[2] = lines[2]?.replace('"v"', '"v') ?? ''
  await writeFile(file, lines.join('\n'))
  const rest = await read(plain)
  // What is left of the hour stands on what was lost; the next hour begins anew.
  expect(rest.series[0]?.values).toEqual([10, 11])
  expect(rest.marks.find(({ kind }) => kind === 'damage')?.text).toContain('cannot be read')
})

test('two writers do not share a folder, nor do two databases', async () => {
  const folder = join(root, 'shared')
  await keep(folder, ['01T10:00'])
  const writer = await openFolderWriter(folder, { keepMs: DAY_MS })
  expect((await failure(openFolderWriter(folder, { keepMs: DAY_MS }), 'HISTORY_HELD')).message).toContain('folder')
  const observer = createHistoryObserver({ writer, intervalMs: 60_000 })
  const other = snapshotOf(at('01T11:00'), [], { server: serverOf({ database: 'other' }) })
  await failure(observer.observe(other, never), 'HISTORY_UNSUITABLE')
  await observer.close()
  await observer.close()
  await (await openFolderWriter(folder, { keepMs: DAY_MS })).close()
})

test('what is no history, and one of a later format, are refused', async () => {
  await failure(read(join(root, 'nowhere')), 'HISTORY_UNKNOWN')
  const folder = join(root, 'later')
  await mkdir(folder)
  await writeFile(join(folder, 'history-000001-2026-03-01.ndjson'), '{"history":2,"source":"1/app"}\n{"t":0,"v":[]}\n')
  await failure(openFolderWriter(folder, { keepMs: DAY_MS }), 'HISTORY_UNSUITABLE')
  await failure(read(folder), 'HISTORY_UNSUITABLE')
  // It can be opened by others afterwards.
  await rm(join(folder, 'history-000001-2026-03-01.ndjson'))
  await keep(folder, ['01T10:00'])
})

test('settings that changed are told, also when that was between two monitors', async () => {
  const folder = join(root, 'settings')
  await keep(folder, ['01T10:00', '01T10:01'], { settings: '4MB' })
  await keep(folder, ['01T10:02'], { settings: '8MB' })
  await keep(folder, ['02T10:02'], { settings: '8MB' })
  await keep(folder, ['03T10:02'], { settings: '4MB' })
  const changed = (await read(folder)).marks.filter(({ kind }) => kind === 'setting')
  expect(changed.map(({ at: time, text }) => [time, text])).toEqual([
    [at('01T10:02'), 'work_mem: 4MB → 8MB'],
    [at('03T10:02'), 'work_mem: 8MB → 4MB'],
  ])
})

test('a snapshot that could not be written leaves a whole file, and the next is kept', async () => {
  const folder = join(root, 'full')
  const writer = await openFolderWriter(folder, { keepMs: DAY_MS })
  const observer = createHistoryObserver({ writer, intervalMs: 60_000 })
  const look = (time: string, value: number) =>
    observer.observe(snapshotOf(at(time), [sample('pg_stat_activity_count', {}, value)]), never)
  await look('01T10:00', 1)
  // A value that cannot be written stands for a disk that takes none.
  const failing = {
    toString: () => {
      throw new Error('no space left')
    },
  } as unknown as number
  await expect(look('01T10:01', failing)).rejects.toThrow('no space left')
  await look('01T10:02', 3)
  await observer.close()
  expect((await read(folder)).series[0]?.values).toEqual([1, 3])
})
