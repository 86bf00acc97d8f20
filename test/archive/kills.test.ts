// The process that archives is killed at every step: nothing is lost, and the next run goes on.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { onEngines } from '../setup/index.js'
import { startObjectServer } from './object-server.js'
import { archive, connect, fill, openArchived, partitionOf, placeOf, rowsOf, statesOf } from './support.js'

onEngines(['direct', 'pooled'], 'archives need a server').describe('killed', async () => {
  const place = await openArchived()
  const { fleet, directUrl, database } = place
  const store = await startObjectServer()
  Object.assign(process.env, store.credentials)
  const other = await connect(directUrl)
  // Outside any transaction: within one the server shows the same activity for ever.
  const watcher = await connect(directUrl)

  const start = (): ChildProcess =>
    spawn(
      process.execPath,
      [
        fileURLToPath(new URL('runner.mjs', import.meta.url)),
        JSON.stringify({ url: database.options.url, directUrl, to: store.place }),
      ],
      { env: { ...process.env, ...store.credentials }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
  const kill = async (child: ChildProcess) => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    // Nobody waits for the rest of the lost lease.
    await watcher.query(`update platform.maintenance_leases set expires_at = '-infinity'`)
  }
  /** Waits until the query has a row. */
  const until = async (text: string) => {
    while ((await watcher.query(text)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  /** The next run ends what was begun, and what was archived is what was there. */
  const endsWell = async (month: string, before: string, name: string) => {
    store.behave = () => 'answer'
    const run = await archive(place, store.place)
    expect(run, JSON.stringify(run)).toMatchObject({ outcome: 'ok', done: { counts: { archived: 1 } } })
    expect(await placeOf(place, month)).toBe('gone')
    const [one] = (await fleet.maintenance.archives.list()).filter((each) => each.month === month)
    expect(one).toMatchObject({ name, state: 'archived' })
    // Nothing of an earlier attempt is left.
    const objects = [...store.objects.keys()].filter((key) => key.includes(partitionOf(month)))
    expect(objects.sort()).toEqual([`fleet/${name}-${one?.id}.copy.gz`, `fleet/${name}-${one?.id}.json`])
    await fleet.maintenance.archives.restore(name, { directUrl })
    expect(await rowsOf(place, month)).toBe(before)
  }

  test('while it waits to detach: the server ends that alone, or the next run does', async () => {
    const month = '2019-01'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    await other.query('begin')
    await other.query(`select 1 from memory.${partitionOf(month)} limit 1`)
    const child = start()
    await until(
      `select 1 from pg_stat_activity where datname = current_database() and query like '%detach partition%concurrently%' and wait_event_type = 'Lock'`,
    )
    expect(await statesOf(place, month)).toEqual(['detaching'])
    await kill(child)
    await other.query('rollback')
    await endsWell(month, before, `memory.${partitionOf(month)}.1`)
  })

  test('while it detaches: what is pending is finalised', async () => {
    const month = '2019-02'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    await other.query('begin')
    await other.query(`select 1 from memory.events limit 1`)
    const child = start()
    await until(`select 1 from pg_inherits where inhdetachpending`)
    await kill(child)
    await watcher.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%detach partition%' and pid <> pg_backend_pid()`,
    )
    await other.query('rollback')
    expect(await placeOf(place, month)).toBe('pending')
    await endsWell(month, before, `memory.${partitionOf(month)}.1`)
  })

  const steps = [
    ['2019-03', 'while it writes the rows', 'put', '.copy.gz', 'uploading', 2],
    ['2019-04', 'between the rows and the manifest', 'put', '.json', 'uploading', 2],
    ['2019-05', 'before it reads the manifest back', 'get', '.json', 'stored', 1],
    ['2019-06', 'while it reads the rows back', 'get', '.copy.gz', 'stored', 1],
  ] as const
  for (const [month, when, kind, ending, state, attempt] of steps) {
    test(`${when}: the next run goes on from there`, async () => {
      await fill(fleet, month)
      const before = await rowsOf(place, month)
      let child: ChildProcess | undefined
      const killed = new Promise<void>((resolve, reject) => {
        store.behave = async (request) => {
          if (request.kind !== kind || !request.key.endsWith(ending)) return 'answer'
          await kill(child as ChildProcess).then(resolve, reject)
          return 'cut'
        }
      })
      child = start()
      await killed
      expect(await statesOf(place, month)).toEqual([state])
      expect(await placeOf(place, month)).toBe('detached')
      await endsWell(month, before, `memory.${partitionOf(month)}.${attempt}`)
    })
  }

  test('before it drops the partition: the next run drops it', async () => {
    const month = '2019-07'
    await fill(fleet, month)
    const before = await rowsOf(place, month)
    store.behave = () => 'answer'
    await other.query('begin')
    await other.query('lock table platform.legal_holds in row exclusive mode')
    const child = start()
    await until(
      `select 1 from pg_stat_activity where datname = current_database() and query like '%finish_archive%' and wait_event_type = 'Lock'`,
    )
    expect(await statesOf(place, month)).toEqual(['verified'])
    await kill(child)
    await watcher.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%finish_archive%' and pid <> pg_backend_pid()`,
    )
    await other.query('rollback')
    expect(await placeOf(place, month)).toBe('detached')
    await endsWell(month, before, `memory.${partitionOf(month)}.1`)
  })
})
