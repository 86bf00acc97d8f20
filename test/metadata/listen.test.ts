import { type FleetError, openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { createTestDatabase, failure, onEngines, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'
import { pause, take } from './feed-support.js'

test('listen without a server is refused, and an url that is none', async () => {
  const url = 'postgres://nobody@127.0.0.1:1/none'
  expect(await failure(openFleet({ dataDir: 'memory://', listen: { url } }), 'OPTIONS_INVALID')).toMatchObject({
    field: 'listen',
  })
  expect(await failure(openFleet({ url, listen: { url: 'x' } }), 'OPTIONS_INVALID')).toMatchObject({
    field: 'listen.url',
  })
})

onEngines(['direct', 'pooled'], 'the embedded database has one process').describe('listen', async () => {
  const database = await createTestDatabase()
  const listen = (onError: (error: FleetError) => void = () => {}) => ({ url: database.adminUrl(), onError })

  test('wakes the hubs of other processes, whose next look would be far', async () => {
    const [writer, reader] = [
      await openFleet({ ...database.options, listen: listen() }),
      await openFleet({ ...database.options, listen: listen() }),
    ]
    const { metadata, id } = await newTenant(writer)
    await metadata.groups.set({ name: 'SLOW', tickMs: 50 })
    await metadata.entities.create({ name: 'e', syncGroup: 'SLOW' })
    const follower = reader.tenant(id).metadata.subscribe({ group: 'SLOW' })
    await follower.ready
    const looks: number[] = []
    const runAs = reader.database.runAs.bind(reader.database)
    reader.database.runAs = (tenant, statement, values, options) => {
      if (statement.name === 'metadata.read_changes') looks.push(performance.now())
      return runAs(tenant, statement, values, options)
    }
    // A wake shows as two looks that are much less apart than those of a quiet group, 500 ms.
    let best = Number.POSITIVE_INFINITY
    for (let value = 1; value <= 30 && best > 250; value++) {
      while (looks.length < 2 || (looks.at(-1) as number) - (looks.at(-2) as number) < 400) await pause(20)
      await pause(60)
      const last = looks.length
      await metadata.set({ entity: 'e', key: 'k', value })
      await take(follower, 1)
      best = Math.min(best, (looks[last] as number) - (looks[last - 1] as number))
      // Calm once more before the next attempt.
      looks.length = 0
    }
    expect(best).toBeLessThanOrEqual(250)
    await Promise.all([writer.close(), reader.close()])
  })

  test('is one connection a process, made again when it is lost; without it everything still comes', async () => {
    const errors: string[] = []
    const fleet = await openFleet({ ...database.options, listen: listen(({ code }) => errors.push(code)) })
    const admin = await openFleet({ url: database.adminUrl() })
    const { metadata } = await newTenant(fleet)
    await metadata.entities.create({ name: 'e' })
    const listeners = () =>
      sql<{ pid: number }>(
        admin,
        `select pid from pg_stat_activity where datname = current_database() and application_name = 'pgfleet listen'`,
      )
    expect(await listeners()).toEqual([])
    const followers = ['NORMAL', 'STATIC', 'REALTIME'].map((group) => metadata.subscribe({ group }))
    await Promise.all(followers.map(({ ready }) => ready))
    const wait = async (wanted: (pids: readonly number[]) => boolean) => {
      for (let i = 0; i < 600; i++) {
        const pids = (await listeners()).map(({ pid }) => pid)
        if (wanted(pids)) return pids
        await pause(50)
      }
      throw new Error('the connection that was expected did not come')
    }
    const [first] = await wait((pids) => pids.length === 1)
    await sql(admin, 'select pg_terminate_backend($1)', [first])
    await metadata.set({ entity: 'e', key: 'k', value: 1 })
    const [normal] = followers
    if (normal !== undefined) expect(await take(normal, 1)).toMatchObject([{ value: 1 }])
    await wait((pids) => pids.length === 1 && pids[0] !== first)
    expect(errors.length).toBeGreaterThanOrEqual(1)
    await fleet.close()
    await wait((pids) => pids.length === 0)
    await admin.close()
  })

  test('tells others at most once a tick, in statements of its own, and only when it is on', async () => {
    const [loud, quiet] = [
      await openFleet({ ...database.options, listen: listen() }),
      await openFleet(database.options),
    ]
    const notices = { loud: 0, quiet: 0 }
    for (const [name, fleet] of Object.entries({ loud, quiet })) {
      const runAs = fleet.database.runAs.bind(fleet.database)
      fleet.database.runAs = (tenant, statement, values, options) => {
        if (statement.name === 'metadata.notify') notices[name as 'loud' | 'quiet'] += 1
        return runAs(tenant, statement, values, options)
      }
    }
    const { id } = await newTenant(loud)
    await loud.tenant(id).metadata.entities.create({ name: 'e' })
    notices.loud = 0
    const begin = performance.now()
    for (let value = 0; value < 100; value++) {
      await loud.tenant(id).metadata.set({ entity: 'e', key: 'k', value })
      await quiet.tenant(id).metadata.set({ entity: 'e', key: 'j', value })
    }
    await pause(100)
    const ticks = (performance.now() - begin) / 20
    expect(notices.quiet).toBe(0)
    expect(notices.loud).toBeGreaterThan(0)
    expect(notices.loud).toBeLessThanOrEqual(Math.ceil(ticks) + 1)
    await Promise.all([loud.close(), quiet.close()])
  })
})
