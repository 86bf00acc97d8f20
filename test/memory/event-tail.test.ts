import { readFile } from 'node:fs/promises'
import type { Fleet } from 'pgfleet'
import { openFleet } from 'pgfleet'
import type { Events, TailedEvent, TailOptions } from 'pgfleet/memory'
import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { afterFile, createTestDatabase, failure, onEngines, openTestFleet, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'

const database = await createTestDatabase()
const fleet = await openFleet(database.options)
afterFile(() => fleet.close())

/** Follows until so many events came, or `enough` says so; fails after half a minute. */
async function take(events: Events, count: number, options: TailOptions = {}): Promise<TailedEvent[]> {
  const found: TailedEvent[] = []
  if (count === 0) return found
  const late = AbortSignal.timeout(30_000)
  for await (const event of events.tail({ after: 'start', pollMs: 20, ...options, signal: options.signal ?? late })) {
    found.push(event)
    if (found.length === count) break
  }
  expect(found.length, 'events that were expected').toBe(count)
  return found
}

const idsOf = (events: readonly { id: string }[]) => events.map(({ id }) => id)
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe('tail', () => {
  test('gives the events of calls in the order in which they were appended, whatever their time', async () => {
    const { memory } = await newTenant(fleet)
    const given = [0, -40, 3, -1].map((day) => ({ type: 'x', occurredAt: new Date(Date.now() + day * 86_400_000) }))
    const appended = [
      ...(await memory.events.append(given)),
      await memory.events.append({ type: 'y', payload: { a: 1 } }),
    ]
    const found = await take(memory.events, 5)
    expect(idsOf(found)).toEqual(idsOf(appended))
    expect(found[4]).toEqual({ ...(await memory.events.get(appended[4]?.id as string)), cursor: expect.any(String) })
  })

  test('from now leaves out what was there before', async () => {
    const { memory } = await newTenant(fleet)
    await memory.events.append([{ type: 'old' }, { type: 'old' }])
    // What other transactions of the server hold back counts as new: read up to the end first.
    const read = await take(memory.events, 2)
    const tail = memory.events.tail({ after: 'now', pollMs: 10, signal: AbortSignal.timeout(30_000) })
    const next = tail.next()
    await pause(100)
    const { id } = await memory.events.append({ type: 'new' })
    const first = (await next).value as TailedEvent
    expect(first.id).toBe(id)
    expect(idsOf(read)).not.toContain(id)
    await tail.return?.()
  })

  test('goes on behind a cursor, at every place', async () => {
    const { memory } = await newTenant(fleet)
    for (let call = 0; call < 4; call++) await memory.events.append([{ type: 'a' }, { type: 'b' }, { type: 'c' }])
    const whole = await take(memory.events, 12)
    for (const [place, { cursor }] of whole.entries()) {
      expect(idsOf(await take(memory.events, 11 - place, { after: cursor, batch: 1 + (place % 4) }))).toEqual(
        idsOf(whole.slice(place + 1)),
      )
    }
  })

  test('gives the wanted types alone, however many others lie between', async () => {
    const { memory } = await newTenant(fleet)
    await memory.events.append(
      Array.from({ length: 3000 }, (_, i) => ({ type: i % 1000 === 999 ? 'rare.one' : 'often' })),
    )
    const found = await take(memory.events, 3, { type: ['rare.*', 'never'], batch: 100 })
    expect(found.map(({ type }) => type)).toEqual(['rare.one', 'rare.one', 'rare.one'])
  })

  test('gives nothing of other tenants, nor of transactions that were rolled back', async () => {
    const [one, other] = [await newTenant(fleet), await newTenant(fleet)]
    await other.memory.events.append({ type: 'of the other' })
    const lost = one.transaction(async (tx) => {
      await tx.memory.events.append({ type: 'lost' })
      throw new Error('no')
    })
    await expect(lost).rejects.toThrow('no')
    const { id } = await one.memory.events.append({ type: 'kept' })
    expect(idsOf(await take(one.memory.events, 1))).toEqual([id])
  })

  test('ends quietly when its signal fires, also while it waits, and when it is left', async () => {
    const { memory } = await newTenant(fleet)
    await memory.events.append([{ type: 'a' }, { type: 'b' }])
    const controller = new AbortController()
    const seen: string[] = []
    for await (const { type } of memory.events.tail({ after: 'start', pollMs: 60_000, signal: controller.signal })) {
      seen.push(type)
      if (seen.length === 2) setTimeout(() => controller.abort(), 50)
    }
    expect(seen).toEqual(['a', 'b'])
    const aborted = memory.events.tail({ signal: AbortSignal.abort() })
    expect(await aborted.next()).toEqual({ done: true, value: undefined })
  })

  test('ends when the fleet is closed', async () => {
    const own = await openFleet((await createTestDatabase()).options)
    const { memory } = await newTenant(own)
    const ended = memory.events.tail({ pollMs: 20 }).next()
    await pause(100)
    await own.close()
    expect(await ended).toEqual({ done: true, value: undefined })
  })

  test.each<[string, TailOptions]>([
    ['after', { after: 'yesterday' }],
    ['after', { after: '1:2:3; drop table memory.events' }],
    ['type', { type: '' }],
    ['pollMs', { pollMs: 5 }],
    ['batch', { batch: 0 }],
    ['batch', { batch: 5001 }],
    ['reconnectMs', { reconnectMs: -1 }],
    ['signal', { signal: {} as never }],
    ['since', { since: 1 } as never],
  ])('refuses %s at once: %j', async (member, options) => {
    const { events } = fleet.tenant('any').memory
    expect(() => events.tail(options)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', field: `options.${member}` }) as Error,
    )
  })

  test('refuses a cursor of another database, of another timeline, and from ahead of this one', async () => {
    const { memory } = await newTenant(fleet)
    await memory.events.append({ type: 'a' })
    const [{ cursor }] = (await take(memory.events, 1)) as [TailedEvent]
    const [log, transaction, sequence] = cursor.split(':') as [string, string, string]
    const [system, timeline] = log.split('-')
    for (const after of [
      `abc-${timeline}:${transaction}:${sequence}`,
      `${system}-F:${transaction}:${sequence}`,
      `${log}:${Number(transaction) + 1e15}:${sequence}`,
    ]) {
      const next = memory.events.tail({ after }).next()
      expect(await failure(next, 'CURSOR_STALE')).toMatchObject({ field: 'options.after', retryable: false })
    }
  })

  test('of a log restored into another server goes on after what docs/events.md says to run', async () => {
    const restored = await openTestFleet()
    const { id, memory } = await newTenant(restored)
    const appended = await memory.events.append([{ type: 'a' }, { type: 'b' }])
    await sql(restored, `update memory.events set transaction_id = '1000000000000' where tenant_id = $1`, [id])
    const hidden = memory.events.tail({ after: 'start', pollMs: 10, signal: AbortSignal.timeout(200) })
    expect(await hidden.next()).toEqual({ done: true, value: undefined })
    const docs = await readFile(new URL('../../docs/events.md', import.meta.url), 'utf8')
    const [, remedy] = /```sql\n(select .*);\n```/.exec(docs) ?? []
    await sql(restored, remedy as string)
    const later = await memory.events.append({ type: 'c' })
    expect(idsOf(await take(memory.events, 3))).toEqual([...idsOf(appended), later.id])
  })

  test('gives each event once while many append, and the reader comes and goes', async () => {
    const { memory } = await newTenant(fleet)
    const appended: string[] = []
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let call = 0; call < 25; call++) {
        const made = await memory.events.append(
          Array.from({ length: 1 + ((call * writer) % 7) }, () => ({ type: 'w' })),
        )
        appended.push(...idsOf(made))
      }
    })
    let done = false
    const finished = Promise.all(writers).then(() => {
      done = true
    })
    const seen: string[] = []
    let after = 'start'
    while (!done || seen.length < appended.length) {
      const life = AbortSignal.timeout(20 + (seen.length % 50))
      for await (const event of memory.events.tail({ after, pollMs: 10, batch: 7, signal: life })) {
        seen.push(event.id)
        after = event.cursor
      }
    }
    await finished
    expect([...seen].sort()).toEqual([...appended].sort())
    expect(new Set(seen).size).toBe(seen.length)
    expect(idsOf(await take(memory.events, seen.length))).toEqual(seen)
  })
})

onEngines(['direct', 'pooled'], 'needs transactions at the same time').describe('out of order', () => {
  test('waits for a transaction that is older than what was committed since', async () => {
    const { memory, transaction } = await newTenant(fleet)
    const seen: string[] = []
    const end = new AbortController()
    const reader = (async () => {
      for await (const { id } of memory.events.tail({ after: 'start', pollMs: 10, signal: end.signal })) seen.push(id)
    })()
    const expected: string[] = []
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let begun = () => {}
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve
    })
    const long = transaction(async (tx) => {
      expected.push((await tx.memory.events.append({ type: 'long' })).id)
      begun()
      await held
      expected.push((await tx.memory.events.append({ type: 'long' })).id)
    })
    await hasBegun
    for (let i = 0; i < 5; i++) expected.push((await memory.events.append({ type: 'short' })).id)
    await pause(300)
    expect(seen).toEqual([])
    release()
    await long
    const [first, , , , , , second] = expected
    const ordered = [first, second, ...expected.slice(1, 6)]
    for (let i = 0; i < 300 && seen.length < ordered.length; i++) await pause(100)
    end.abort()
    await reader
    expect(seen).toEqual(ordered)
    expect(idsOf(await take(memory.events, 7))).toEqual(ordered)
  })

  test('many transactions that commit in any order, or not at all: every event once', async () => {
    const { memory, transaction } = await newTenant(fleet)
    const kept: string[] = []
    const seen: string[] = []
    const end = new AbortController()
    const reader = (async () => {
      for await (const { id } of memory.events.tail({ after: 'start', pollMs: 10, batch: 3, signal: end.signal }))
        seen.push(id)
    })()
    await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const made: string[] = []
        await transaction(async (tx) => {
          for (let i = 0; i <= n % 3; i++) {
            made.push((await tx.memory.events.append({ type: 't', payload: n })).id)
            await pause((n * 7) % 40)
          }
          if (n % 5 === 0) throw new Error('rolled back')
        }).then(
          () => kept.push(...made),
          () => {},
        )
      }),
    )
    for (let i = 0; i < 300 && seen.length < kept.length; i++) await pause(100)
    end.abort()
    await reader
    expect([...seen].sort()).toEqual([...kept].sort())
  })
})

onEngines(['direct'], 'ends sessions of this database').describe('a lost connection', () => {
  test('leaves no gap and doubles nothing', async () => {
    const admin: Fleet = await openFleet({ url: database.adminUrl() })
    afterFile(() => admin.close())
    const { memory } = await newTenant(fleet)
    const seen: string[] = []
    const end = new AbortController()
    const reader = (async () => {
      for await (const { id } of memory.events.tail({ after: 'start', pollMs: 10, batch: 5, signal: end.signal }))
        seen.push(id)
    })()
    const ids = Array.from({ length: 300 }, () => v7())
    let ending = true
    const ender = (async () => {
      while (ending) {
        await sql(
          admin,
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        )
        await pause(60)
      }
    })()
    for (const id of ids) {
      // The id makes repeating safe, whatever became of the first.
      for (let attempt = 0; ; attempt++) {
        const error = await memory.events.append({ id, type: 'x' }).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        if (error === undefined) break
        if (attempt > 50) throw error
      }
    }
    ending = false
    await ender
    for (let i = 0; i < 300 && seen.length < ids.length; i++) await pause(100)
    end.abort()
    await reader
    expect([...seen].sort()).toEqual([...ids].sort())
  })

  test('that does not come back in time is thrown', async () => {
    const none = await openFleet(database.options)
    const { memory } = await newTenant(none)
    const tail = memory.events.tail({ reconnectMs: 0, pollMs: 10 })
    // The statement is cancelled while it waits for the table.
    const admin: Fleet = await openFleet({ url: database.adminUrl() })
    afterFile(() => admin.close())
    const error = await admin.database.lend(async (connection) => {
      await connection.query('begin')
      await connection.query('lock table memory.events in access exclusive mode')
      const next = failure(tail.next(), 'TIMEOUT')
      await pause(200)
      await connection.query(
        `select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database() and query like '%follow_events%' and pid <> pg_backend_pid()`,
      )
      const found = await next
      await connection.query('rollback')
      return found
    })
    expect(error.retryable).toBe(true)
    await none.close()
  })
})
