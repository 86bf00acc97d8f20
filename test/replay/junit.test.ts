import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readHistory } from 'pgfleet/replay'
import { afterEach, beforeEach, expect, test } from 'vitest'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pgfleet-junit-'))
})
afterEach(() => rm(directory, { recursive: true }))

const report = (...cases: string[]) => `<?xml version="1.0"?><testsuite name="s">${cases.join('')}</testsuite>`
const passing = (name: string) => `<testcase classname="c" name="${name}" time="1.5"/>`

test('each file is a cycle, in natural order', async () => {
  await writeFile(join(directory, 'build-10.xml'), report(passing('ten')))
  await writeFile(join(directory, 'build-9.xml'), report(passing('nine')))
  await writeFile(join(directory, 'notes.txt'), 'no report')
  const { cycles } = await readHistory(directory)
  expect(cycles.map(({ cycle, runs }) => [cycle, runs[0]?.test])).toEqual([
    [1, 'c.nine'],
    [2, 'c.ten'],
  ])
})

test('each sub-directory is a cycle of all its files', async () => {
  for (const build of ['2', '10']) {
    await mkdir(join(directory, build))
    await writeFile(join(directory, build, 'a.xml'), report(passing(`a${build}`)))
    await writeFile(join(directory, build, 'b.xml'), report(passing(`b${build}`)))
  }
  const { cycles } = await readHistory(directory)
  expect(cycles.map(({ runs }) => runs.map((run) => run.test))).toEqual([
    ['c.a2', 'c.b2'],
    ['c.a10', 'c.b10'],
  ])
})

test('failures and errors fail, skipped cases are left out, suites may be nested', async () => {
  await writeFile(
    join(directory, '1.xml'),
    `<testsuites><testsuite timestamp="2024-01-02T03:04:05Z">
      <testcase classname="c" name="f" time="1"><failure message="m">a &lt; b</failure></testcase>
      <testcase classname="c" name="e" time="2"><error/></testcase>
      <testcase classname="c" name="s" time="3"><skipped/></testcase>
      <testsuite><testcase name="x &lt;1&gt;" time="1,234.5"><system-out>noise</system-out></testcase></testsuite>
    </testsuite></testsuites>`,
  )
  const startedAt = new Date('2024-01-02T03:04:05Z')
  expect((await readHistory(directory)).cycles[0]?.runs).toEqual([
    { test: 'c.f', duration: 1, failed: true, startedAt },
    { test: 'c.e', duration: 2, failed: true, startedAt },
    { test: 'x <1>', duration: 1234.5, failed: false, startedAt },
  ])
})

test('bad cases and bad files are skipped and reported', async () => {
  await writeFile(join(directory, '1.xml'), '<testsuite><testcase name="half"')
  await writeFile(
    join(directory, '2.xml'),
    report('<testcase name="no time"/>', '<testcase time="1"/>', '<testcase name="n" time="-1"/>', passing('good')),
  )
  const history = await readHistory(directory)
  expect(history.cycles).toHaveLength(1)
  expect(history.skipped).toBe(4)
  expect(history.badLines.map(({ column }) => column)).toEqual([undefined, 'time', 'name', 'time'])
})

test('strict stops at the first bad one', async () => {
  await writeFile(join(directory, '1.xml'), report(passing('a'), '<testcase name="b" time="soon"/>'))
  await expect(readHistory(directory, { strict: true })).rejects.toMatchObject({
    code: 'REPLAY_BAD_LINE',
    details: { column: 'time' },
  })
})

test('a directory without reports is empty', async () => {
  await expect(readHistory(directory)).rejects.toMatchObject({ code: 'REPLAY_EMPTY' })
})
