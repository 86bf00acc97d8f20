import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BAD_LINES_KEPT, readHistory } from 'pgfleet/replay'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const HEADER = 'Id;Name;Duration;CalcPrio;LastRun;LastResults;Verdict;Cycle'
let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pgfleet-csv-'))
})
afterEach(() => rm(directory, { recursive: true }))

async function csv(...lines: string[]): Promise<string> {
  const path = join(directory, 'history.csv')
  await writeFile(path, lines.join('\n'))
  return path
}

describe('a RETECS file', () => {
  test('is read into cycles in ascending order, runs in the order given', async () => {
    const path = await csv(
      HEADER,
      '1;b;2.5;0;2015-02-13 16:13:00;[1, 0];1;10',
      '2;a;0;0;;[];0;9',
      '3;c;1e3;0;soon;[];0;10',
    )
    const { cycles, skipped } = await readHistory(path, { strict: true })
    expect(skipped).toBe(0)
    expect(cycles).toEqual([
      { cycle: 9, runs: [{ test: 'a', duration: 0, failed: false }] },
      {
        cycle: 10,
        runs: [
          { test: 'b', duration: 2.5, failed: true, startedAt: new Date('2015-02-13T16:13:00Z') },
          { test: 'c', duration: 1000, failed: false },
        ],
      },
    ])
  })

  test('may have its columns in any order, others among them, a BOM, CRLF and quotes', async () => {
    const path = await csv('\uFEFFCycle;Extra;Verdict;Name;Duration\r', '1;x;1;"a;b";3\r', '')
    const { cycles } = await readHistory(path)
    expect(cycles).toEqual([{ cycle: 1, runs: [{ test: 'a;b', duration: 3, failed: true }] }])
  })

  test('keeps a test that occurs twice in a cycle twice', async () => {
    const path = await csv('Name;Duration;Verdict;Cycle', 'a;1;1;1', 'a;1;0;1')
    expect((await readHistory(path)).cycles[0]?.runs.map((run) => run.failed)).toEqual([true, false])
  })
})

describe('a bad line', () => {
  const bad = [
    ['too few columns', 'a;1;0', undefined],
    ['too many columns', 'a;1;0;1;5', undefined],
    ['an empty name', ';1;0;1', 'Name'],
    ['a duration in words', 'a;long;0;1', 'Duration'],
    ['no duration', 'a;;0;1', 'Duration'],
    ['a duration of NaN', 'a;NaN;0;1', 'Duration'],
    ['an infinite duration', 'a;1e999;0;1', 'Duration'],
    ['a negative duration', 'a;-1;0;1', 'Duration'],
    ['a verdict of 2', 'a;1;2;1', 'Verdict'],
    ['no verdict', 'a;1;;1', 'Verdict'],
    ['a cycle in words', 'a;1;0;first', 'Cycle'],
    ['half a cycle', 'a;1;0;1.5', 'Cycle'],
  ] as const

  test.each(bad)('with %s is skipped and reported', async (_, line, column) => {
    const path = await csv('Name;Duration;Verdict;Cycle', 'a;1;0;1', line, 'b;1;1;1')
    const history = await readHistory(path)
    expect(history.cycles[0]?.runs.map((run) => run.test)).toEqual(['a', 'b'])
    expect(history.skipped).toBe(1)
    expect(history.badLines).toEqual([
      { file: path, line: 3, reason: expect.any(String), ...(column === undefined ? {} : { column }) },
    ])
  })

  test.each(bad)('with %s ends a strict reading', async (_, line, column) => {
    const path = await csv('Name;Duration;Verdict;Cycle', 'a;1;0;1', line)
    await expect(readHistory(path, { strict: true })).rejects.toMatchObject({
      code: 'REPLAY_BAD_LINE',
      details: { line: 3, ...(column === undefined ? {} : { column }) },
    })
  })

  test('at the head of a long file is named all the same', async () => {
    const lines = Array.from({ length: 50_000 }, (_, index) => `t${index};1;0;1`)
    const path = await csv('Name;Duration;Verdict;Cycle', 'a;1;2;1', ...lines)
    await expect(readHistory(path, { strict: true })).rejects.toMatchObject({
      code: 'REPLAY_BAD_LINE',
      details: { line: 2, column: 'Verdict' },
    })
  })

  test('is remembered one by one only up to a limit', async () => {
    const lines = Array.from({ length: BAD_LINES_KEPT + 5 }, () => 'a;x;0;1')
    const history = await readHistory(await csv('Name;Duration;Verdict;Cycle', 'a;1;0;1', ...lines))
    expect(history.skipped).toBe(BAD_LINES_KEPT + 5)
    expect(history.badLines).toHaveLength(BAD_LINES_KEPT)
  })
})

describe('a file that is no history', () => {
  test('is named when it does not exist', async () => {
    await expect(readHistory(join(directory, 'none.csv'))).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })

  test('is refused when a column is missing', async () => {
    const path = await csv('Name;Duration;Cycle', 'a;1;1')
    await expect(readHistory(path)).rejects.toMatchObject({ code: 'INPUT_INVALID', field: 'Verdict' })
  })

  test.each([[[]], [[HEADER]], [[HEADER, 'bad']]])('is refused when no run is left: %j', async (lines) => {
    await expect(readHistory(await csv(...lines))).rejects.toMatchObject({ code: 'REPLAY_EMPTY' })
  })

  test('is refused when a quote is never closed', async () => {
    const path = await csv('Name;Duration;Verdict;Cycle', 'a;1;0;1', '"a;1;0;1', 'b;1;0;1')
    await expect(readHistory(path)).rejects.toMatchObject({ code: 'REPLAY_BAD_LINE' })
  })

  test('is not read to the end once aborted', async () => {
    const path = await csv('Name;Duration;Verdict;Cycle', 'a;1;0;1')
    await expect(readHistory(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
