import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { FleetError } from '../errors.js'
import { type BadLines, createBadLines, emptyHistoryError } from './bad-lines.js'
import type { Cycle, History, ReadOptions, TestRun } from './history.js'

/** The largest JUnit file that is read, in bytes; it is held in memory whole. */
export const JUNIT_BYTES_MAX = 64 * 1024 * 1024

/**
 * Reads a history from a directory of JUnit XML files. Each file directly in it is a cycle, and so is each
 * sub-directory with all the files directly in that; the two may be mixed. Cycles are numbered from 1 in the natural
 * order of their names (`build-9` before `build-10`). A test is `classname.name`; it failed if it has a `failure` or
 * an `error`; skipped ones did not run and are left out. Durations are the `time` attributes, in seconds.
 *
 * @throws FleetError as {@link readHistory}; a file that is no XML counts as one bad line.
 */
export async function readJUnitHistory(directory: string, options: ReadOptions = {}): Promise<History> {
  const bad = createBadLines(options.strict ?? false)
  const cycles: Cycle[] = []
  for (const files of await listCycles(directory)) {
    const runs: TestRun[] = []
    for (const file of files) {
      if (options.signal?.aborted) throw new FleetError('ABORTED', { message: `Reading ${directory} was aborted.` })
      runs.push(...(await readReport(file, bad)))
    }
    if (runs.length > 0) cycles.push({ cycle: cycles.length + 1, runs })
  }
  if (cycles.length === 0) throw emptyHistoryError(directory, bad.count)
  return { cycles, badLines: bad.kept, skipped: bad.count }
}

async function listCycles(directory: string): Promise<string[][]> {
  const cycles: string[][] = []
  for (const entry of await listNaturally(directory)) {
    const path = join(directory, entry)
    if ((await stat(path)).isDirectory()) {
      cycles.push((await listNaturally(path)).filter(isXml).map((file) => join(path, file)))
    } else if (isXml(entry)) {
      cycles.push([path])
    }
  }
  return cycles
}

async function listNaturally(directory: string): Promise<string[]> {
  const natural = new Intl.Collator('en', { numeric: true })
  return (await readdir(directory)).sort(natural.compare)
}

function isXml(file: string): boolean {
  return file.toLowerCase().endsWith('.xml')
}

interface Element {
  [name: string]: string | Element | (string | Element)[] | undefined
}

async function readReport(file: string, bad: BadLines): Promise<TestRun[]> {
  const { size } = await stat(file)
  if (size > JUNIT_BYTES_MAX) {
    bad.add({ file, reason: `${size} bytes, more than ${JUNIT_BYTES_MAX}` })
    return []
  }
  const text = await readFile(file, 'utf8')
  // The parser alone would read half a file without a word.
  const valid = XMLValidator.validate(text)
  if (valid !== true) {
    bad.add({ file, line: valid.err.line, reason: valid.err.msg })
    return []
  }
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    parseAttributeValue: false,
    // One for each escaped character of a name; the size of the file is the bound.
    processEntities: { enabled: true, maxTotalExpansions: 1_000_000, maxExpandedLength: JUNIT_BYTES_MAX },
    // Output and stack traces may be large and hold anything; only that they exist matters here.
    stopNodes: ['..system-out', '..system-err', '..failure', '..error'],
  })
  let root: Element
  try {
    root = parser.parse(text) as Element
  } catch (cause) {
    // The parser's limits on entities and on depth end here.
    bad.add({ file, reason: cause instanceof Error ? cause.message : String(cause) })
    return []
  }
  const runs: TestRun[] = []
  collectRuns(root, undefined, file, runs, bad)
  return runs
}

/** Walks nested suites; a suite's timestamp holds for the cases below it. */
function collectRuns(
  element: Element,
  startedAt: Date | undefined,
  file: string,
  runs: TestRun[],
  bad: BadLines,
): void {
  for (const testcase of children(element, 'testcase')) {
    if (testcase.skipped !== undefined) continue
    const test = [testcase['@classname'], testcase['@name']].filter(Boolean).join('.')
    // Some writers group thousands: 1,234.5
    const time = String(testcase['@time'] ?? '').replaceAll(',', '')
    const duration = time.trim() === '' ? Number.NaN : Number(time)
    if (test === '') {
      bad.add({ file, column: 'name', reason: 'a test case has no name' })
    } else if (!(duration >= 0 && duration < Number.POSITIVE_INFINITY)) {
      bad.add({ file, column: 'time', reason: `the time of ${test} is not a number of 0 or more` })
    } else {
      const failed = testcase.failure !== undefined || testcase.error !== undefined
      runs.push({ test, duration, failed, ...(startedAt ? { startedAt } : {}) })
    }
  }
  for (const group of ['testsuites', 'testsuite']) {
    for (const suite of children(element, group)) {
      collectRuns(suite, readTimestamp(suite['@timestamp']) ?? startedAt, file, runs, bad)
    }
  }
}

function children(element: Element, name: string): Element[] {
  const child = element[name]
  const all = Array.isArray(child) ? child : [child]
  return all.filter((one): one is Element => typeof one === 'object' && one !== null)
}

function readTimestamp(value: Element[string]): Date | undefined {
  if (typeof value !== 'string') return undefined
  const time = new Date(value)
  return Number.isNaN(time.getTime()) ? undefined : time
}
