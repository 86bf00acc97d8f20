import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openFleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { pick } from '../../learning/support.js'
import { crash, crashing, mayCrash, patiently } from '../../setup/crash.js'
import { afterFile, createTestDatabase, sql } from '../../setup/index.js'
import { graph, newTenant } from './support.js'

/*
 * Kills workers and the server at random, so it runs alone and when asked for; for five minutes with another seed:
 *   TEST_ENGINE=direct TEST_CRASH=1 TEST_KILLS_SECONDS=300 TEST_SEED=7 npm run services -- exec -- npx vitest run test/delivery/workflows/kills.test.ts
 */
const { TEST_KILLS_SECONDS = '25', TEST_SEED } = process.env

const WORKERS = 4
const LEASE_MS = 1500
const SCRIPT = fileURLToPath(new URL('./killed-worker.mjs', import.meta.url))

/** One attempt at a task, as its worker saw it. */
interface Attempt {
  readonly task: string
  readonly lease: string
  readonly begun: number
  /** When the lease ran out, if nobody renewed it. */
  readonly expiresAt: number
  ended?: number
}

function attemptsOf(lines: string): Map<string, Attempt[]> {
  const byLease = new Map<string, Attempt>()
  for (const line of lines.split('\n').filter(Boolean)) {
    const { at, ended, ...rest } = JSON.parse(line)
    // One claim of several jobs is one lease.
    const key = `${rest.lease} ${rest.task}`
    const attempt = byLease.get(key)
    if (attempt === undefined) byLease.set(key, { ...rest, begun: at })
    else {
      expect(ended, `${rest.task} ran twice under one lease`).toBe(true)
      attempt.ended = at
    }
  }
  const byTask = new Map<string, Attempt[]>()
  for (const attempt of byLease.values()) {
    const tries = byTask.get(attempt.task)
    if (tries === undefined) byTask.set(attempt.task, [attempt])
    else tries.push(attempt)
  }
  return byTask
}

describe.skipIf(!mayCrash)(crashing('workers and the server are killed at random'), () => {
  const timeout = Number(TEST_KILLS_SECONDS) * 1000 + 300_000
  test('no job is lost, none runs twice within a lease, and every workflow is completed', { timeout }, async () => {
    const seed = Number(TEST_SEED ?? Date.now() % 1_000_000)
    console.log(`seed ${seed}: ${TEST_KILLS_SECONDS} seconds; TEST_SEED=${seed} repeats the choices`)
    const random = pick(seed)
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    const tenant = await newTenant(fleet)
    const folder = await mkdtemp(join(tmpdir(), 'pgfleet-kills-'))
    afterFile(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'attempts')
    const hire = () =>
      spawn(process.execPath, [SCRIPT, database.options.url as string, tenant.id, file, String(LEASE_MS)], {
        stdio: 'inherit',
      })
    const workers: ChildProcess[] = Array.from({ length: WORKERS }, hire)
    afterFile(async () => {
      for (const worker of workers) worker.kill('SIGKILL')
    })
    const made: string[] = []
    const kills = { workers: 0, servers: 0 }
    for (const end = Date.now() + Number(TEST_KILLS_SECONDS) * 1000; Date.now() < end; ) {
      const workflows = Array.from({ length: 5 }, () => ({
        id: uuidv7(),
        name: 'survives',
        start: true,
        // As often as workers can die meanwhile.
        tasks: graph({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] }, { maxRetries: 100, retryDelayMs: 100 }),
      }))
      // Repeated with the same ids, as an application would.
      await patiently(() => tenant.delivery.workflows.create(workflows))
      made.push(...workflows.map(({ id }) => id))
      await sleep(200)
      const choice = random(100)
      if (choice < 25) {
        const victim = random(WORKERS)
        workers[victim]?.kill('SIGKILL')
        workers[victim] = hire()
        kills.workers++
      } else if (choice < 28) {
        await crash()
        kills.servers++
      }
    }
    // Whatever the choices were.
    await crash()
    console.log(`${made.length} workflows; killed: ${kills.workers} workers, the server ${kills.servers + 1} times`)

    for (let left = made.length; left > 0; await sleep(500)) {
      const [row] = await patiently(() =>
        sql<{ left: number }>(
          fleet,
          `select count(*)::integer as left from delivery.workflows where tenant_id = $1 and status not in ('completed', 'failed', 'cancelled', 'timeout')`,
          [tenant.id],
        ),
      )
      left = row?.left ?? left
    }
    const statuses = await sql(
      fleet,
      'select status, count(*)::integer as many from delivery.workflows where tenant_id = $1 group by status',
      [tenant.id],
    )
    expect(statuses).toEqual([{ status: 'completed', many: made.length }])
    const attempts = attemptsOf(await readFile(file, 'utf8'))
    expect(attempts.size, 'every task ran').toBe(made.length * 4)
    let again = 0
    for (const [task, tries] of attempts) {
      const sorted = tries.toSorted((a, b) => a.begun - b.begun)
      for (let i = 1; i < sorted.length; i++) {
        const [before, after] = [sorted[i - 1] as Attempt, sorted[i] as Attempt]
        again++
        // The clock of workers and server is one.
        expect(after.begun, `${task} ran again within its lease`).toBeGreaterThanOrEqual(before.expiresAt)
      }
    }
    console.log(`${attempts.size} tasks, ${again} ran again after their lease had run out`)
  })
})
