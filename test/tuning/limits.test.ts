// The limits of an open fleet, changed while it works; and the knobs of a process, on a server.
import pg from 'pg'
import { createTuner, type Fleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { afterFile, createTestDatabase, failure, onEngines, openTestFleet } from '../setup/index.js'

const fleet = await openTestFleet({ batch: { bytesMax: 1024 }, poolMax: 4 })
await fleet.tenants.create({ id: 'acme' })
const { kv } = fleet.tenant('acme').memory

const write = (of: Fleet, count: number, from = 0) =>
  Promise.all(Array.from({ length: count }, (_, n) => of.tenant('acme').memory.kv.set(`k${from + n}`, 'x'.repeat(200))))
const statements = () => fleet.metrics().reduce((sum, { batches }) => sum + batches, 0)

test('hold from the next statement on', async () => {
  expect(fleet.tuning.limits()).toMatchObject({ bytesMax: 1024, flightsMax: 2, queueMax: 10_000 })
  const before = statements()
  await write(fleet, 60)
  const small = statements() - before
  expect(small).toBeGreaterThan(12)
  expect(fleet.tuning.change({ bytesMax: 1024 ** 2, flightsMax: 1 })).toMatchObject({
    bytesMax: 1024 ** 2,
    flightsMax: 1,
  })
  await write(fleet, 60)
  expect(statements() - before - small).toBeLessThanOrEqual(3)
  expect(fleet.tuning.change({ flightsMax: 2, bytesMax: 1024 })).toMatchObject({ queueMax: 10_000 })
  const { lends, heldMs, lent } = fleet.tuning.pool()
  expect(lends).toBeGreaterThan(0)
  expect(heldMs).toBeGreaterThan(0)
  expect(lent).toBe(0)
})

test('within the bounds of the options', async () => {
  expect(() => fleet.tuning.change({ flightsMax: 0 })).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', field: 'limits.flightsMax' }),
  )
  expect(() => fleet.tuning.change({ bytesMax: 10 })).toThrow('limits.bytesMax')
  expect(() => fleet.tuning.change({ nonsense: 1 } as object)).toThrow('limits.nonsense')
  expect(fleet.tuning.limits()).toMatchObject({ flightsMax: 2, bytesMax: 1024 })
})

onEngines(['embedded'], 'it is about that one')(
  'the embedded database keeps its one connection, and cannot be tuned',
  async () => {
    expect(fleet.tuning.change({ poolMax: 5 }).poolMax).toBe(1)
    await failure((async () => createTuner(fleet))(), 'OPTIONS_INVALID')
  },
)

onEngines(['direct'], 'it takes sessions of its own').describe('the knobs of a process', () => {
  /** Callers that never rest. */
  const startCallers = (count: number) => {
    let running = true
    const loops = Array.from({ length: count }, async (_, n) => {
      while (running) await kv.set(`c${n}`, 'x'.repeat(300))
    })
    const stop = async () => {
      running = false
      await Promise.all(loops)
    }
    afterFile(stop)
    return { stop }
  }
  const options = { windowMs: 400, callsMin: 20, coolDownMs: 0 }

  test('find statements that may not be large, and let them', async () => {
    const callers = startCallers(60)
    const { trial } = await createTuner(fleet, { ...options, knobs: ['batch-limits'] }).runOnce()
    await callers.stop()
    expect(trial, JSON.stringify(trial, null, 1)).toMatchObject({
      setting: 'bytesMax',
      oldValue: '1024',
      state: 'kept',
    })
    expect(fleet.tuning.limits().bytesMax).toBe(8 * 1024 ** 2)
    // Not by hand, and not twice.
    const undone = await createTuner(fleet).undo(trial?.id ?? '')
    expect(undone.state).toBe('undone')
    expect(fleet.tuning.limits().bytesMax).toBe(1024)
  })

  test('and a look at a database without the schema make none there', async () => {
    const database = await createTestDatabase({ migrated: false })
    for (const words of [['--window', '1s'], ['--apply', '--once'], ['list']]) {
      const { code, stderr } = await runCli('/tmp', ['tune', ...words, '--url', database.adminUrl()])
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('SCHEMA_MISSING') })
    }
    const client = new pg.Client({ connectionString: database.adminUrl() })
    await client.connect()
    const { rows } = await client.query(`select to_regnamespace('platform') as schema`)
    await client.end()
    expect(rows).toEqual([{ schema: null }])
  })

  test('leave alone what is listed', async () => {
    const callers = startCallers(20)
    const plan = await createTuner(fleet, {
      ...options,
      knobs: ['batch-limits'],
      keep: ['bytesMax', 'flightsMax'],
    }).plan()
    await callers.stop()
    expect(plan.proposals).toEqual([])
    expect(plan.left).toContainEqual({
      knob: 'batch-limits',
      scope: 'bytesMax of this process',
      reason: 'it is listed in keep',
    })
  })

  test('give callers that wait for connections more of them', async () => {
    fleet.tuning.change({ poolMax: 1 })
    let running = true
    const loops = Array.from({ length: 6 }, async () => {
      while (running) await fleet.database.lend((connection) => connection.query('select pg_sleep(0.004)'))
    })
    const { trial } = await createTuner(fleet, { ...options, knobs: ['pool-size'] }).runOnce()
    running = false
    await Promise.all(loops)
    expect(trial, JSON.stringify(trial, null, 1)).toMatchObject({
      setting: 'poolMax',
      oldValue: '1',
      newValue: '2',
      state: 'kept',
    })
    expect(fleet.tuning.limits().poolMax).toBe(2)
  })
})

test('what is asked of a tuner is checked', async () => {
  if (fleet.isEmbedded) return
  expect(() => createTuner(fleet, { knobs: ['nonsense'] })).toThrow('options.knobs[0]')
  expect(() => createTuner(fleet, { windowMs: 1 })).toThrow('options.windowMs')
  const tuner = createTuner(fleet)
  await failure(tuner.trial('x'), 'INPUT_INVALID')
  await failure(tuner.trial('0198b2c4-0000-7000-8000-000000000000'), 'TUNING_TRIAL_UNKNOWN')
  await failure(tuner.undo('0198b2c4-0000-7000-8000-000000000000'), 'TUNING_TRIAL_UNKNOWN')
})
