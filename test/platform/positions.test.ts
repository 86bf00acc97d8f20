// Positions in logs that are followed in the order of transactions: a crash of the server, right after one was given away, gives no id
// below it again.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { type Fleet, isFleetError, openFleet, type Tenant } from 'pgfleet'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  availableMajors,
  onScratchServers,
  type ScratchServer,
  startServer,
  UNHURRIED,
} from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'

const DIRECT = await onScratchServers()
const { majors } = await availableMajors()

/** Transactions that end without waiting, and leave an id each. */
async function burn(client: pg.Client, count: number): Promise<void> {
  await client.query('set synchronous_commit = off')
  for (let i = 0; i < count; i++) await client.query('select pg_current_xact_id()')
}

const nextId = async (client: pg.Client) =>
  BigInt((await client.query('select pg_snapshot_xmax(pg_current_snapshot())::text as id')).rows[0].id)

/**
 * Acts and crashes, again until a crash takes ids back that were given: the WAL writer, who comes by when a server starts and every
 * ten seconds then, may have been there just before.
 */
async function crashTakingBack(act: () => Promise<void>, next: () => Promise<bigint>, crash: () => Promise<void>) {
  for (let attempt = 1; attempt <= 10; attempt++) {
    await act()
    const end = await next()
    await crash()
    if ((await next()) < end) return
  }
  expect.fail('no crash of ten took an id back')
}

DIRECT.describe('a position that was given away before a crash', () => {
  let server: ScratchServer
  let fleet: Fleet
  let tenant: Tenant
  let client: pg.Client
  beforeAll(async () => {
    server = await startServer(17, { settings: UNHURRIED })
    fleet = await openFleet({ url: server.url })
    afterFile(() => fleet.close())
  }, 60_000)
  beforeEach(async () => {
    client = await server.client()
    tenant = await newTenant(fleet)
    await tenant.metadata.groups.set({ name: 'G', durability: 'async', tickMs: 20 })
    await tenant.metadata.entities.create({ name: 'e', syncGroup: 'G' })
  })

  const crash = async () => {
    await server.crash()
    await server.restart()
    client = await server.client()
  }
  /** Repeats a call while the fleet finds out that its connections are gone. */
  const insisting = async <T>(call: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await call()
      } catch (error) {
        if (!isFleetError(error) || !(error.retryable || error.code === 'OUTCOME_UNKNOWN')) throw error
        await sleep(20)
      }
    }
  }
  const set = (key: string, value: number) => tenant.metadata.set({ entity: 'e', key, value, durability: 'durable' })
  const changesSince = (cursor: string) => tenant.metadata.changesSince(cursor, { group: 'G' })

  test('is behind nothing that is set after it, whether changes came before it or none', async () => {
    const before = await changesSince('now')
    const positions = {
      now: async () => await changesSince('now'),
      'behind a change': async () => {
        await tenant.metadata.set({ entity: 'e', key: 'seen', value: 1 })
        const page = await changesSince(before.cursor)
        expect(page.changes.map((change) => 'key' in change && change.key)).toContain('seen')
        return page
      },
      'behind no change': async () => {
        const { cursor } = await changesSince('now')
        await burn(client, 20)
        return await changesSince(cursor)
      },
      'behind no change for long': async () => {
        const { cursor } = await changesSince('now')
        await burn(client, 1500)
        const page = await changesSince(cursor)
        // Else the log would forget what is behind it one day.
        expect(page.cursor).not.toBe(cursor)
        return page
      },
    }
    for (const [name, position] of Object.entries(positions)) {
      let cursor = ''
      const act = async () => {
        await burn(client, 20)
        cursor = (await insisting(position)).cursor
      }
      // Behind the others nothing may be left that a crash could take back.
      if (name === 'behind no change') await crashTakingBack(act, () => nextId(client), crash)
      else await act().then(crash)
      await insisting(() => set(name, 2))
      // The ids go on beyond the position: nothing tells that they were given again.
      await burn(client, 2000)
      const { changes } = await changesSince(cursor)
      expect({ name, found: changes.map((change) => 'key' in change && change.key) }).toEqual({ name, found: [name] })
    }
    // What was told of is not taken back.
    expect(await tenant.metadata.get({ entity: 'e', key: 'seen' })).toMatchObject({ value: 1 })
  }, 60_000)

  test('is one that a subscription goes on behind', async () => {
    const subscription = tenant.metadata.subscribe({ group: 'G' })
    afterFile(() => subscription.return?.())
    await subscription.ready
    for (const round of [1, 2]) {
      const next = subscription.next()
      await burn(client, 50)
      await sleep(200)
      await burn(client, 50)
      await sleep(100)
      await crash()
      await insisting(() => set(`after ${round}`, round))
      await burn(client, 200)
      expect((await next).value).toMatchObject({ kind: 'set', key: `after ${round}`, value: round })
    }
  }, 60_000)

  test('is one that a tail of events goes on behind', async () => {
    const { events } = tenant.memory
    const tail = events.tail({ after: 'now', pollMs: 20, signal: AbortSignal.timeout(50_000) })
    for (const round of [1, 2]) {
      const next = tail.next()
      await sleep(100)
      await burn(client, 100)
      await sleep(200)
      await crash()
      await insisting(() => events.append({ type: `after.${round}` }))
      await burn(client, 200)
      expect((await next).value).toMatchObject({ type: `after.${round}` })
    }
    const last = tail.next()
    await burn(client, 20)
    const { id } = await events.append({ type: 'unhurried' }, { durability: 'async' })
    const { cursor } = (await last).value as { cursor: string }
    await tail.return?.()
    await crash()
    const { id: after } = await insisting(() => events.append({ type: 'after.crash' }))
    await burn(client, 200)
    for await (const event of events.tail({ after: cursor, signal: AbortSignal.timeout(20_000) })) {
      expect(event.id).toBe(after)
      break
    }
    expect(await events.get(id)).toMatchObject({ type: 'unhurried' })
  }, 60_000)
})

DIRECT.describe('platform.flush_wal', () => {
  test.each(majors)(
    'keeps ids from being given again, on PostgreSQL %d',
    async (major) => {
      const server = await startServer(major, { settings: UNHURRIED })
      let client = await server.client()
      await client.query('create role pgfleet_app; create schema platform')
      await client.query(await readFile(new URL('../../sql/functions/platform/flush_wal.sql', import.meta.url), 'utf8'))
      const isFlushed = async (wait: boolean) =>
        (await client.query('select platform.flush_wal($1::boolean) as is_flushed', [wait])).rows[0].is_flushed
      const crashed = async () => {
        await server.crash()
        await server.restart()
        client = await server.client()
      }
      let wasFlushed: boolean | undefined
      const act = async () => {
        await burn(client, 20)
        wasFlushed = await isFlushed(false)
      }
      await crashTakingBack(act, () => nextId(client), crashed)
      expect(wasFlushed).toBe(false)

      await burn(client, 50)
      const kept = await nextId(client)
      expect(await isFlushed(true)).toBe(true)
      expect(await isFlushed(false)).toBe(true)
      await crashed()
      expect(await nextId(client)).toBeGreaterThanOrEqual(kept)
    },
    60_000,
  )
})
