import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FleetOptions, openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, engine, failure } from '../setup/index.js'

const ROWS = 300

/** A database that another process can open too: for the embedded engine a directory. */
async function lentDatabase(): Promise<FleetOptions> {
  if (engine !== 'embedded') return (await createTestDatabase()).options
  const dataDir = join(await mkdtemp(join(tmpdir(), 'pgfleet-test-')), 'state')
  afterFile(() => rm(dataDir, { recursive: true, force: true }))
  return { dataDir }
}

test('killed in the middle, an erasure is gone on with by calling again', async () => {
  const options = await lentDatabase()
  {
    await using fleet = await openFleet(options)
    for (const id of ['acme', 'neighbour']) {
      await fleet.tenants.create({ id })
      await fleet
        .tenant(id)
        .learning.learn(
          Array.from({ length: ROWS }, (_, state) => ({ agentType: 'quality-gate', state, action: 1, reward: 1 })),
        )
    }
  }
  const script = new URL('./endless-erasure.mjs', import.meta.url).pathname
  const child = spawn(process.execPath, [script, JSON.stringify(options), 'acme'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  afterFile(async () => child.kill('SIGKILL'))
  let told = ''
  for await (const chunk of child.stdout) {
    told += chunk
    if (Number(told.split('\n').at(-2)) >= 50) break
  }
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone

  await using fleet = await openFleet(options)
  const [begun] = await fleet.tenants.erasures()
  expect(begun).toMatchObject({ tenant: 'acme', finishedAt: null })
  expect(begun?.rows).toBeGreaterThanOrEqual(50)
  expect(begun?.rows).toBeLessThan(ROWS)
  await failure(fleet.tenant('acme').learning.best('quality-gate', 1), 'TENANT_UNAVAILABLE')
  const receipt = await fleet.tenants.erase('acme', { reason: 'again', by: 'operations' })
  expect(receipt).toMatchObject({ erasureId: begun?.erasureId, reason: 'contract ended' })
  // Each step is counted in its own transaction: no row is missing, and none is counted twice.
  expect(receipt.tables['learning.q_values']).toBe(ROWS)
  expect((await fleet.tenants.erase('neighbour', { reason: 'count', by: 'test', dryRun: true })).tables).toMatchObject({
    'learning.q_values': ROWS,
  })
})
