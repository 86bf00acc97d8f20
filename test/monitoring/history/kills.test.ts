// A monitor is killed at random while it writes: what it said is kept is there, and the next one goes on.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readHistory } from '../../../dist/monitoring/history/read-history.js'
import { afterFile, createTestDatabase, onEngines } from '../../setup/index.js'

const SCRIPT = fileURLToPath(new URL('writer.mjs', import.meta.url))
const START = Date.parse('2026-03-01T00:00:00Z')
const ROUNDS = process.env.TEST_CRASH === undefined ? 3 : 40

/** Writes until it is killed, some snapshots after `first`; returns the number of the last one that it said was kept, and its notices. */
async function writeUntilKilled(place: string, first: number, stepMs: number, killAfter: number) {
  const child: ChildProcess = spawn(process.execPath, [SCRIPT, place, String(first), String(stepMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  afterFile(async () => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  let last = first - 1
  const notices: string[] = []
  for await (const line of createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })) {
    const [, word, rest = ''] = /^(\w+) (.*)$/.exec(line) ?? []
    if (word === 'notice') notices.push(rest)
    if (word !== 'kept') continue
    last = Number(rest)
    // In the middle of whatever comes next.
    if (last === first + killAfter) setTimeout(() => child.kill('SIGKILL'), Math.random() * 20)
  }
  await exited
  return { last, notices }
}

/** All that was kept is there, in one piece: the first series holds the number of its snapshot. */
async function assertKept(place: string, last: number, stepMs: number) {
  const { times, series, marks } = await readHistory(place, {
    metric: 'pg_stat_activity_count',
    labels: { datname: '0' },
    from: new Date(START - 1),
    to: new Date(START + (last + 10_000) * stepMs),
  })
  const numbers = times.map((at) => (at.getTime() - START) / stepMs)
  expect(series[0]?.values).toEqual(numbers)
  const found = new Set(numbers)
  expect(Array.from({ length: last + 1 }, (_, i) => i).filter((number) => !found.has(number))).toEqual([])
  expect(marks.filter(({ kind }) => kind === 'damage')).toEqual([])
  return Math.max(...numbers)
}

async function kill(place: string, stepMs: number) {
  let first = 0
  for (let round = 0; round < ROUNDS; round++) {
    const { last } = await writeUntilKilled(place, first, stepMs, 5 + Math.floor(Math.random() * 40))
    first = (await assertKept(place, last, stepMs)) + 1
  }
}

test('nothing that a folder was said to keep is lost', { timeout: 60_000 * ROUNDS }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pgfleet-history-kill-'))
  afterFile(() => rm(folder, { recursive: true, force: true }))
  // Days pass quickly, so that files begin and are compressed while it is killed.
  await kill(folder, 1_700_000)
})

onEngines(['direct'], 'a process of its own writes to a server')(
  'nothing that a database was said to keep is lost',
  async () => {
    const database = await createTestDatabase()
    await kill(database.adminUrl(), 400_000)
  },
  60_000 * ROUNDS,
)
