// A tuner that is killed, at every point of a trial: the next one takes back what it has left. A server that is started anew in
// the middle; a process that is stopped for too long.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createTuner, type Fleet, openFleet, type TunerOptions } from 'pgfleet'
import { beforeAll, expect, test } from 'vitest'
import { runCli } from '../cli/run-cli.js'
import { onScratchServers, type ScratchServer, startServer } from '../doctor/scratch-server.js'
import { crashing, mayCrash } from '../setup/crash.js'
import { afterFile, failure } from '../setup/index.js'
import { startTraffic } from './traffic.js'

const DIRECT = await onScratchServers()
const TUNER = fileURLToPath(new URL('tuner.mjs', import.meta.url))
const OPTIONS: TunerOptions = {
  knobs: ['work-mem'],
  windowMs: 600,
  holdMs: 500,
  callsMin: 1,
  coolDownMs: 0,
  memoryBytes: 64 * 1024 ** 3,
}
/** Steps of a trial; the first with the change made, and with it made and measured, in each run. */
const POINTS = mayCrash
  ? ['begun 0', 'without 0', 'settling 1', 'with 1', 'settling 2', 'without 2', 'settling 3', 'with 3']
  : ['with 1']

let server: ScratchServer
let fleet: Fleet

DIRECT.describe('a tuner that is lost', () => {
  beforeAll(async () => {
    const settings = { shared_preload_libraries: 'pg_stat_statements', work_mem: '64kB', fsync: 'off' }
    server = await startServer(17, { settings })
    fleet = await openFleet({ url: server.url })
    afterFile(() => fleet.close())
    const client = await server.client()
    await client.query(`
      create extension pg_stat_statements;
      create table a (n int); insert into a select g from generate_series(1, 6) g;
      create table b (n int); insert into b select g from generate_series(1000, 9000) g;
      create role reporter login password 'x';
      grant select on a, b to reporter; analyze a, b`)
    startTraffic(
      server.urlOf({ user: 'reporter', password: 'x' }),
      'select count(*) from a where n not in (select n from b)',
    )
  }, 120_000)

  const workMem = async () => {
    const client = await server.client()
    const { rows } = await client.query(
      `select x from pg_db_role_setting s cross join unnest(s.setconfig) x where s.setrole = 'reporter'::regrole`,
    )
    return (rows as { x: string }[]).map(({ x }) => x)
  }

  /** A tuner in a process of its own, when it has come to that step. */
  const startAt = async (point: string): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [TUNER, server.url, JSON.stringify(OPTIONS)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    afterFile(async () => void child.kill('SIGKILL'))
    await new Promise<void>((resolve, reject) => {
      let said = ''
      child.stdout?.on('data', (data: Buffer) => {
        said += data.toString()
        if (said.split('\n').includes(point)) resolve()
      })
      child.on('exit', (code) => reject(new Error(`it ended with ${code} before ${point}: ${said}`)))
    })
    return child
  }

  const killed = (child: ChildProcess) => {
    const ended = new Promise((resolve) => child.on('close', resolve))
    child.kill('SIGKILL')
    return ended
  }

  /** The next tuner, as soon as the hold of the last has run out. */
  const recover = async () => {
    const tuner = createTuner(fleet, { ...OPTIONS, keep: ['reporter'] })
    for (;;) {
      try {
        return await tuner.runOnce()
      } catch (error) {
        expect(error).toMatchObject({ code: 'TUNING_TRIAL_OPEN' })
      }
    }
  }

  test.each(POINTS)(
    'at "%s" is followed by one that takes it back',
    async (point) => {
      await killed(await startAt(point))
      if (point.startsWith('with ')) expect(await workMem()).toEqual(['work_mem=1MB'])
      const { recovered } = await recover()
      expect(recovered).toMatchObject({ state: 'rolled-back', decision: 'interrupted' })
      expect(recovered?.explanation).toContain('its process was lost')
      expect(await workMem()).toEqual([])
    },
    60_000,
  )

  test.runIf(mayCrash)(
    crashing('for a while, and comes back, changes nothing any more'),
    async () => {
      const child = await startAt('with 1')
      child.removeAllListeners('exit')
      expect((await failure(createTuner(fleet, OPTIONS).runOnce(), 'TUNING_TRIAL_OPEN')).message).toContain(
        'has a trial open',
      )
      child.kill('SIGSTOP')
      await recover()
      expect(await workMem()).toEqual([])
      const ended = new Promise((resolve) => child.on('close', resolve))
      child.kill('SIGCONT')
      // It fails, for it finds its trial taken over.
      expect(await ended).toBe(1)
      expect(await workMem()).toEqual([])
    },
    60_000,
  )

  test('to Ctrl-C takes back what it tries, and says so', async () => {
    const parameters = [
      'tune',
      '--url',
      server.url,
      '--apply',
      '--once',
      '--knob',
      'work-mem',
      '--window',
      '1s',
      '--calls',
      '1',
    ]
    const { code, stderr } = await runCli('/tmp', [...parameters, '--memory', '64GB', '--cool-down', '1s'], {
      interrupt: { after: 'trying work_mem', milliseconds: 1500 },
    })
    expect(code, stderr).toBe(130)
    const listed = await runCli('/tmp', ['tune', 'list', '--limit', '1', '--json', '--url', server.url])
    const [trial] = JSON.parse(listed.stdout)
    expect(trial).toMatchObject({
      knob: 'work-mem',
      state: 'rolled-back',
      decision: 'interrupted',
      scope: 'role reporter',
    })
    const shown = await runCli('/tmp', ['tune', 'show', trial.id, '--url', server.url])
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/without {2}█+/) })
    expect(shown.stdout).toContain(`undo     ${trial.undo}`)
    const undone = await runCli('/tmp', ['tune', 'undo', trial.id, '--json', '--url', server.url])
    expect(JSON.parse(undone.stderr).error).toMatchObject({ code: 'TUNING_NOT_UNDONE' })
    expect(await workMem()).toEqual([])
    const plan = await runCli('/tmp', [
      'tune',
      '--window',
      '1s',
      '--memory',
      '64GB',
      '--calls',
      '1',
      '--cool-down',
      '1s',
      '--url',
      server.url,
    ])
    expect(plan.stdout).toContain(`alter role "reporter" in database "postgres" set work_mem`)
    expect(plan.stdout).toContain('Nothing was changed')
  }, 60_000)

  test('statistics that are reset, and a server that is started anew, end a trial without a verdict', async () => {
    const tuner = createTuner(fleet, OPTIONS)
    const resetting = tuner.runOnce({
      onStep: ({ phase, sample }) => {
        if (phase === 'with' && sample === 1)
          void server.client().then((client) => client.query('select pg_stat_statements_reset()'))
      },
    })
    expect((await resetting).trial).toMatchObject({ state: 'rolled-back', decision: 'no-verdict' })
    let restarted: Promise<void> | undefined
    const restarting = tuner.runOnce({
      onStep: ({ phase, sample }) => {
        if (phase === 'with' && sample === 1) restarted ??= server.crash().then(() => server.restart())
      },
    })
    const { trial } = await restarting
    await restarted
    expect(trial).toMatchObject({ state: 'rolled-back', decision: 'no-verdict' })
    expect(await workMem()).toEqual([])
  }, 60_000)
})
