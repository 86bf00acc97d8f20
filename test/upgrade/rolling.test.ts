// A rolling upgrade: processes of the previous version under load, the schema migrated under them, processes of this version
// beside them, and the old ones stopped. The previous version is built from the repository's history.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type FleetError, openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { migrate, schemaStatus } from '../../dist/database/migrate.js'
import { openDatabase } from '../../dist/fleet.js'
import { runCli } from '../cli/run-cli.js'
import { afterFile, createTestDatabase, engine, failure, onEngines, sql } from '../setup/index.js'
import { checkOut, hasCommit } from './checkout.js'
import { readContract } from './contract.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SCRIPT = fileURLToPath(new URL('process.mjs', import.meta.url))

const contract = await readContract()
const isAtHand = engine === 'direct' && (await hasCommit(contract.commit))

interface Ended {
  readonly calls: number
  readonly failures: readonly string[]
  readonly written: Readonly<Record<'learned' | 'appended' | 'counted' | 'set' | 'completed', number>>
}

/** A process of the version in the directory, under load. */
class Process {
  readonly #child: ChildProcess
  #rounds = 0
  #ended: Ended | undefined
  #isGone = false

  constructor(directory: string, url: string) {
    this.#child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, directory, url], {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child.on('message', (message: { round?: number; ended?: Ended }) => {
      if (message.round !== undefined) this.#rounds++
      if (message.ended !== undefined) this.#ended = message.ended
    })
    this.#child.on('exit', () => {
      this.#isGone = true
    })
    afterFile(async () => void this.#child.kill('SIGKILL'))
  }

  /** Waits until all operations have been called so many times from now on. */
  async rounds(count: number): Promise<void> {
    for (const last = this.#rounds + count; this.#rounds < last; ) {
      await Promise.race([once(this.#child, 'message'), once(this.#child, 'exit')])
      expect(this.#isGone, 'the process died').toBe(false)
    }
  }

  async stop(): Promise<Ended> {
    this.#child.send('stop')
    if (this.#child.connected) await once(this.#child, 'disconnect')
    if (this.#ended === undefined) throw new Error('the process ended without a word')
    return this.#ended
  }
}

onEngines(
  isAtHand ? ['direct'] : [],
  'it takes a server, and the repository with the history of the previous version',
).describe('a rolling upgrade', () => {
  test('old and new processes work side by side, and nothing is lost', async () => {
    const { directory, remove } = await checkOut(contract.commit)
    afterFile(remove)
    const database = await createTestDatabase({ migrated: false })
    const url = database.adminUrl()
    const old = (await import(`${directory}/dist/index.js`)) as typeof import('pgfleet')
    const first = await old.openFleet({ url })
    await first.tenants.create({ id: 'shared' })
    await first.tenant('shared').metadata.entities.create({ name: 'entity' })
    await first.tenants.create({ id: 'kept' })
    const { workflows } = first.tenant('kept').delivery
    const { id } = await workflows.create({
      name: 'w',
      type: 'testing',
      priority: 7,
      tasks: [{ name: 'a', type: 'job' }],
    })
    const read = async (from: typeof workflows) => ({ one: await from.get(id), listed: await from.list({}) })
    const known = await read(workflows)

    // This version finds the old schema, and may not migrate it.
    const refusal = await failure(openFleet({ url, migrate: false }), 'SCHEMA_MISSING')
    expect(refusal.hint).toContain('pgfleet migrate')

    const oldOne = new Process(directory, url)
    await oldOne.rounds(1)
    const admin = await openDatabase({ url })
    afterFile(() => admin.close())
    const before = await schemaStatus(admin)
    expect(before).toMatchObject({ version: contract.migration, upToDate: false })
    const dryRun = await runCli(ROOT, ['migrate', '--dry-run', '--url', url])
    expect(dryRun).toMatchObject({ code: 0, stdout: expect.stringContaining('may go on beside those of this one') })
    expect(await migrate(admin)).toMatchObject({ version: before.target, olderProcesses: 'may-go-on' })

    // What was there is read as before, by either.
    expect(await read(workflows)).toEqual(known)
    const later = await openFleet({ url })
    expect(await read(later.tenant('kept').delivery.workflows)).toMatchObject(known)
    await later.close()

    const newOne = new Process(ROOT, url)
    await Promise.all([oldOne, newOne].map((one) => one.rounds(1)))
    // An old one that starts now works, or is told why not; it never takes its own functions back.
    await old.openFleet({ url }).then(
      (late) => late.close(),
      (error: FleetError) => expect(error.code).toBe('SCHEMA_TOO_NEW'),
    )
    expect(await schemaStatus(admin)).toMatchObject({ upToDate: true, isAhead: false })
    const ended = [await oldOne.stop(), await newOne.stop()]
    await first.close()

    expect(ended.flatMap(({ failures }) => failures)).toEqual([])
    for (const { calls, written } of ended) {
      expect(calls).toBeGreaterThan(100)
      for (const count of Object.values(written)) expect(count).toBeGreaterThan(0)
    }
    const sum = (name: keyof Ended['written']) => ended.reduce((total, { written }) => total + written[name], 0)
    const fleet = await openFleet({ url })
    afterFile(() => fleet.close())
    const [state] = await sql<Record<string, number>>(
      fleet,
      `select (select sum(visits)::integer from learning.q_values where tenant_id = 'shared') as learned,
          (select count(*)::integer from memory.events where tenant_id = 'shared' and event_type = 'upgrade') as appended,
          (select value::text::integer from memory.key_values where tenant_id = 'shared' and key = 'counter') as counted,
          (select count(*)::integer from delivery.workflows where tenant_id = 'shared' and status = 'completed') as completed,
          (select count(*)::integer from delivery.jobs where tenant_id = 'shared') as waiting`,
    )
    expect(state).toEqual({
      learned: sum('learned'),
      appended: sum('appended'),
      counted: sum('counted'),
      completed: sum('completed'),
      waiting: expect.any(Number),
    })
  })
})
