import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase, openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { afterFile, failure, onEngines } from '../setup/index.js'

/** A writer in another process, once its database is open. */
async function startWriter(
  dataDir: string,
  mode: 'write' | 'idle',
): Promise<{ process: ChildProcess; settled(): number }> {
  const script = new URL('./embedded-writer.mjs', import.meta.url).pathname
  const child = spawn(process.execPath, [script, dataDir, mode], { stdio: ['pipe', 'pipe', 'inherit'] })
  afterFile(async () => child.kill('SIGKILL'))
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  while (!output.includes('open')) {
    if (child.exitCode !== null) throw new Error(`the writer ended: ${child.exitCode}`)
    await new Promise((tick) => setTimeout(tick, 20))
  }
  // The last line may be cut off.
  return { process: child, settled: () => Number(output.split('\n').at(-2)) || 0 }
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

onEngines(['embedded'], 'a server keeps its own data directory').describe(
  'the directory of an embedded database',
  () => {
    test('what was settled survives reopening; one process holds it; the death of that process frees it', async () => {
      const dataDir = join(await mkdtemp(join(tmpdir(), 'pgfleet-test-')), 'state')
      afterFile(() => rm(dataDir, { recursive: true, force: true }))

      const writer = await startWriter(dataDir, 'write')
      const fromOutside = await failure(openFleet({ dataDir }), 'DATABASE_LOCKED')
      expect(fromOutside.message).toContain(`process ${writer.process.pid}`)
      expect(fromOutside.details).toMatchObject({ pid: writer.process.pid })
      expect((await stat(dataDir)).mode & 0o077, 'others may not read the directory').toBe(0)

      while (writer.settled() < 50) await new Promise((tick) => setTimeout(tick, 10))
      await kill(writer.process)
      const settled = writer.settled()
      expect(existsSync(join(dataDir, 'lock')), 'the dead process left its lock').toBe(true)

      {
        await using fleet = await openFleet({ dataDir })
        const { learning } = fleet.tenant('acme')
        const lookups = Array.from({ length: settled }, (_, i) => ({ agentType: 'quality-gate', state: i + 1 }))
        const found = await learning.best(lookups)
        expect(found.map((value) => value?.q)).toEqual(lookups.map(({ state }) => state))
        // What was in flight is there whole or not at all.
        expect((await learning.best('quality-gate', settled + 2))?.q).toBeUndefined()

        const again = await failure(openFleet({ dataDir }), 'DATABASE_LOCKED')
        expect(again.message).toContain('this process')
        const { pid } = JSON.parse(await readFile(join(dataDir, 'lock'), 'utf8'))
        expect(pid).toBe(process.pid)
        expect((await learning.best('quality-gate', 1))?.q, 'the refused opening did no harm').toBe(1)
      }
      expect(existsSync(join(dataDir, 'lock')), 'closing removes the lock').toBe(false)

      // No migration is due, so opening works with migrating switched off, and finds everything.
      await using reopened = await openFleet({ dataDir, migrate: false })
      expect((await reopened.tenant('acme').learning.best('quality-gate', 50))?.q).toBe(50)
    })

    test('a lock that names nobody is taken over', async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'pgfleet-test-'))
      afterFile(() => rm(dataDir, { recursive: true, force: true }))
      await writeFile(join(dataDir, 'lock'), 'no JSON')
      const database = await openDatabase({ dataDir })
      await database.close()
      expect(existsSync(join(dataDir, 'lock'))).toBe(false)
    })

    test('a directory that cannot be opened is no leak: the lock goes', async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'pgfleet-test-'))
      afterFile(() => rm(dataDir, { recursive: true, force: true }))
      await writeFile(join(dataDir, 'data'), 'a file where the engine wants a directory')
      await failure(openDatabase({ dataDir }), 'DATABASE_UNSUITABLE')
      expect(existsSync(join(dataDir, 'lock'))).toBe(false)
    })

    test('a call that hangs ends the engine after callTimeoutMs, and the process goes on', async () => {
      const database = await openDatabase({ dataDir: 'memory://', callTimeoutMs: 1500 })
      const endless = { name: 'test.endless', text: 'select count(*) from generate_series(1, 1000000000000)' }
      const startedAt = performance.now()
      const error = await failure(database.run(endless, []), 'OUTCOME_UNKNOWN')
      expect(error.message).toMatch(/timeout/i)
      expect(performance.now() - startedAt).toBeLessThan(8000)
      await failure(database.run({ name: 'test.one', text: 'select 1' }, []))
      await database.close()
    })
  },
)
