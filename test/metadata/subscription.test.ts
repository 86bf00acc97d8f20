import { openFleet } from 'pgfleet'
import type { Subscription, SubscriptionOptions } from 'pgfleet/metadata'
import { describe, expect, test } from 'vitest'
import { createTestDatabase, failure, openTestFleet, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'
import { brief, passed, pause, take, within } from './feed-support.js'

const fleet = await openTestFleet()

/** A tenant with entities `a` to `d` in the group NORMAL; c and d in channels of their names. */
async function tenantWithEntities() {
  const tenant = await newTenant(fleet)
  const channel = (name: string) => (name < 'c' ? null : name)
  await tenant.metadata.entities.create(['a', 'b', 'c', 'd'].map((name) => ({ name, channel: channel(name) })))
  await passed(fleet, tenant)
  return tenant
}

async function ready(subscription: Subscription): Promise<Subscription> {
  await subscription.ready
  return subscription
}

describe('a subscription', () => {
  test('tells of what is set and deleted from its beginning on, in the order of the writes', async () => {
    const tenant = await tenantWithEntities()
    const { metadata } = tenant
    await metadata.set({ entity: 'a', key: 'before', value: 1 })
    await passed(fleet, tenant)
    const all = await ready(metadata.subscribe({ group: 'NORMAL' }))
    await metadata.set({ entity: 'a', key: 'k', value: 1 })
    await metadata.set({ entity: 'c', key: 'k', value: { deep: [1, null] } })
    await metadata.set({ entity: 'b', key: 'k', value: 12345678901234567890123n % 2n ** 63n })
    await metadata.delete({ entity: 'a', key: 'before' })
    const messages = await take(all, 4)
    expect(messages).toMatchObject([
      { kind: 'set', entity: 'a', key: 'k', version: 1, value: 1, channel: null, updatedBy: null },
      { kind: 'set', entity: 'c', key: 'k', version: 1, value: { deep: [1, null] }, channel: 'c' },
      { kind: 'set', entity: 'b', key: 'k', value: 12345678901234567890123n % 2n ** 63n },
      { kind: 'deleted', entity: 'a', key: 'before', version: 2 },
    ])
    for (const { updatedAt } of messages as { updatedAt: Date }[]) expect(updatedAt).toBeInstanceOf(Date)
    await all.return()
  })

  test('tells of the last value of a tick alone', async () => {
    const { metadata } = await tenantWithEntities()
    await metadata.groups.set({ name: 'SLOW', tickMs: 2000 })
    await metadata.entities.create({ name: 's', syncGroup: 'SLOW' })
    const slow = await ready(metadata.subscribe({ group: 'SLOW' }))
    const from = performance.now()
    for (let value = 1; value <= 50; value++) await metadata.set({ entity: 's', key: 'k', value })
    const took = performance.now() - from
    const [first] = await take(slow, 1)
    // The writes may have lasted longer than a tick on a busy machine: then some end within it.
    if (took < 1500) expect(first).toMatchObject({ key: 'k', value: 50, version: 50 })
    let last = first
    while (last?.kind === 'set' && last.value !== 50) [last] = await take(slow, 1)
    await slow.return()
  })

  test('tells only of the channel, entities and keys that were asked for', async () => {
    const { metadata } = await tenantWithEntities()
    const follow = (options: Omit<SubscriptionOptions, 'group'>) =>
      ready(metadata.subscribe({ group: 'NORMAL', ...options }))
    const followers = await Promise.all([
      follow({ channel: 'c' }),
      follow({ keys: ['x'] }),
      follow({ entities: ['a', 'd'] }),
      follow({ entities: ['a'], keys: ['y'] }),
      follow({ channel: 'd', keys: ['y'] }),
    ])
    for (const entity of ['a', 'c', 'd']) {
      for (const key of ['x', 'y']) await metadata.set({ entity, key, value: 1 })
    }
    const counts = [2, 3, 4, 1, 1]
    const found = await Promise.all(followers.map((each, n) => take(each, counts[n] as number)))
    expect(found.map((messages) => messages.map(brief))).toEqual([
      ['c@c.x=1', 'c@c.y=1'],
      ['a.x=1', 'c@c.x=1', 'd@d.x=1'],
      ['a.x=1', 'a.y=1', 'd@d.x=1', 'd@d.y=1'],
      ['a.y=1'],
      ['d@d.y=1'],
    ])
    await Promise.all(followers.map((each) => each.return()))
  })

  test('to other groups and tenants hears nothing', async () => {
    const [one, other] = [await tenantWithEntities(), await tenantWithEntities()]
    const elsewhere = await ready(other.metadata.subscribe({ group: 'NORMAL' }))
    const otherGroup = await ready(one.metadata.subscribe({ group: 'STATIC' }))
    await one.metadata.set({ entity: 'a', key: 'k', value: 1 })
    await other.metadata.set({ entity: 'b', key: 'theirs', value: 2 })
    await one.metadata.entities.update({ name: 'd', syncGroup: 'STATIC' })
    await one.metadata.set({ entity: 'd', key: 'moved', value: 3 })
    expect((await take(elsewhere, 1)).map(brief)).toEqual(['b.theirs=2'])
    expect((await take(otherGroup, 1)).map(brief)).toEqual(['d@d.moved=3'])
    await Promise.all([elsewhere.return(), otherGroup.return()])
  })

  test('tells of entities that are moved out, renamed and deleted, and of all keys of those that come', async () => {
    const tenant = await tenantWithEntities()
    const { metadata } = tenant
    const set = (entity: string, key: string) => metadata.set({ entity, key, value: entity })
    for (const entity of ['a', 'b', 'c']) for (const key of ['x', 'y']) await set(entity, key)
    await metadata.delete({ entity: 'c', key: 'y' })
    await passed(fleet, tenant)
    const all = await ready(metadata.subscribe({ group: 'NORMAL' }))
    const channel = await ready(metadata.subscribe({ group: 'NORMAL', channel: 'c' }))
    const next = async (subscription: Subscription, count: number) =>
      (await take(subscription, count)).map(brief).sort()
    await metadata.entities.update({ name: 'a', syncGroup: 'STATIC' })
    expect(await next(all, 1)).toEqual(['a left'])
    await metadata.entities.update({ name: 'b', rename: 'bb' })
    expect(await next(all, 3)).toEqual(['b left', 'bb.x="b"', 'bb.y="b"'])
    await metadata.entities.update({ name: 'bb', channel: 'c' })
    expect(await next(channel, 2)).toEqual(['bb@c.x="b"', 'bb@c.y="b"'])
    // In the group all the time: told once more, and not as having left.
    expect(await next(all, 2)).toEqual(['bb@c.x="b"', 'bb@c.y="b"'])
    await metadata.entities.update({ name: 'c', channel: null })
    expect(await next(channel, 1)).toEqual(['c@c left'])
    expect(await next(all, 2)).toEqual(['c.x="c"', 'c.y deleted'])
    await metadata.entities.delete('c')
    expect(await next(all, 1)).toEqual(['c left'])
    await metadata.entities.update({ name: 'a', syncGroup: 'NORMAL', channel: 'c' })
    expect(await next(all, 2)).toEqual(['a@c.x="a"', 'a@c.y="a"'])
    expect(await next(channel, 2)).toEqual(['a@c.x="a"', 'a@c.y="a"'])
    await Promise.all([all.return(), channel.return()])
  })

  test('goes on behind each of its cursors, and misses nothing', async () => {
    const { metadata } = await tenantWithEntities()
    const first = await ready(metadata.subscribe({ group: 'NORMAL' }))
    const begin = first.cursor as string
    await metadata.setMany(['x', 'y', 'z'].map((key) => ({ entity: 'a', key, value: 1 })))
    await metadata.set({ entity: 'b', key: 'x', value: 2 })
    await metadata.setMany(['x', 'y'].map((key) => ({ entity: 'c', key, value: 3 })))
    const messages = await take(first, 6)
    expect(first.cursor).toBe(messages[5]?.cursor)
    for (const [place, { cursor }] of [{ cursor: begin }, ...messages].entries()) {
      const again = metadata.subscribe({ group: 'NORMAL', cursor })
      await metadata.set({ entity: 'd', key: 'end', value: place })
      const seen = new Set<string>()
      for (;;) {
        const [message] = await take(again, 1)
        if (message?.entity === 'd' && message.kind === 'set' && message.value === place) break
        seen.add(brief(message as never))
      }
      for (const missing of messages.slice(place)) expect(seen, `behind ${place}`).toContain(brief(missing))
      await again.return()
    }
    await first.return()
  })

  test('that is taken from slowly keeps the last change of each key, in the order of the log', async () => {
    const { metadata } = await tenantWithEntities()
    const slow = await ready(metadata.subscribe({ group: 'NORMAL' }))
    const fast = await ready(metadata.subscribe({ group: 'NORMAL' }))
    for (let value = 1; value <= 5; value++) {
      for (const key of ['x', 'y']) {
        await metadata.set({ entity: 'a', key, value })
        await take(fast, 1)
      }
    }
    expect((await take(slow, 2)).map(brief)).toEqual(['a.x=5', 'a.y=5'])
    expect(slow.cursor).toBe(fast.cursor)
    await Promise.all([slow.return(), fast.return()])
  })

  test('that falls too far behind ends with an error, and can go on from the cursor in it', async () => {
    const { metadata } = await tenantWithEntities()
    const slow = await ready(metadata.subscribe({ group: 'NORMAL', pendingMax: 3 }))
    await metadata.setMany(Array.from({ length: 4 }, (_, n) => ({ entity: 'a', key: `k${n}`, value: n })))
    const fast = await ready(metadata.subscribe({ group: 'NORMAL', cursor: slow.cursor as string }))
    await take(fast, 4)
    for (let i = 0; i < 300 && slow.cursor === undefined; i++) await pause(100)
    const error = await failure(within(slow.next()), 'SUBSCRIBER_TOO_SLOW')
    expect(await slow.next()).toEqual({ done: true, value: undefined })
    const again = metadata.subscribe({ group: 'NORMAL', cursor: error.details.cursor as string, pendingMax: 3 })
    expect((await take(again, 4)).map(brief).sort()).toEqual(['a.k0=0', 'a.k1=1', 'a.k2=2', 'a.k3=3'])
    await Promise.all([again.return(), fast.return()])
  })

  test('ends quietly when its signal fires, when it is left, and when the fleet is closed', async () => {
    const { metadata } = await tenantWithEntities()
    const controller = new AbortController()
    const signalled = await ready(metadata.subscribe({ group: 'NORMAL', signal: controller.signal }))
    const waiting = signalled.next()
    controller.abort()
    expect(await within(waiting)).toEqual({ done: true, value: undefined })
    const aborted = metadata.subscribe({ group: 'NORMAL', signal: AbortSignal.abort() })
    expect(await aborted.next()).toEqual({ done: true, value: undefined })
    await failure(aborted.ready, 'ABORTED')
    const left = await ready(metadata.subscribe({ group: 'NORMAL' }))
    await metadata.set({ entity: 'a', key: 'k', value: 1 })
    for await (const message of left) {
      expect(brief(message)).toBe('a.k=1')
      break
    }
    expect(await left.next()).toEqual({ done: true, value: undefined })
    const own = await openFleet((await createTestDatabase()).options)
    const tenant = await newTenant(own)
    const closed = await ready(tenant.metadata.subscribe({ group: 'NORMAL' }))
    const end = closed.next()
    await own.close()
    expect(await within(end)).toEqual({ done: true, value: undefined })
    expect(() => tenant.metadata.subscribe({ group: 'NORMAL' })).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test.each<[string, SubscriptionOptions]>([
    ['options.group', {} as never],
    ['options.group', { group: '' }],
    ['options.channel', { group: 'NORMAL', channel: '' }],
    ['options.keys', { group: 'NORMAL', keys: [] }],
    ['options.keys[1]', { group: 'NORMAL', keys: ['a', 1 as never] }],
    ['options.entities[0]', { group: 'NORMAL', entities: ['\0'] }],
    ['options.cursor', { group: 'NORMAL', cursor: 'now' }],
    ['options.pendingMax', { group: 'NORMAL', pendingMax: 0 }],
    ['options.reconnectMs', { group: 'NORMAL', reconnectMs: -1 }],
    ['options.signal', { group: 'NORMAL', signal: {} as never }],
    ['options.since', { group: 'NORMAL', since: 1 } as never],
  ])('refuses %s at once: %j', (field, options) => {
    expect(() => fleet.tenant('any').metadata.subscribe(options)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', field }) as Error,
    )
  })

  test('of a group that is not there, or of another database, ends with an error', async () => {
    const { metadata } = await tenantWithEntities()
    const unknown = metadata.subscribe({ group: 'NONE' })
    await failure(unknown.ready, 'SYNC_GROUP_UNKNOWN')
    expect((await failure(unknown.next(), 'SYNC_GROUP_UNKNOWN')).field).toBe('group')
    const { cursor } = await metadata.changesSince('now', { group: 'NORMAL' })
    const [log, transaction, sequence] = cursor.split(':') as [string, string, string]
    for (const foreign of [`abc-1:${transaction}:${sequence}`, `${log}:${Number(transaction) + 1e15}:${sequence}`]) {
      const stale = metadata.subscribe({ group: 'NORMAL', cursor: foreign })
      expect(await failure(within(stale.next()), 'CURSOR_STALE')).toMatchObject({ field: 'cursor', retryable: false })
    }
  })
})

describe('rights', () => {
  test('an agent follows what it may read, until it may not', async () => {
    const tenant = await tenantWithEntities()
    const { metadata } = tenant
    const as = (id: string) => tenant.as({ actor: { type: 'agent', id } }).metadata
    await failure(as('reader').subscribe({ group: 'NORMAL' }).next(), 'PERMISSION_DENIED')
    await metadata.roles.grant(['reader', 'other'].map((agentId) => ({ agentId, syncGroup: 'NORMAL' })))
    const reader = await ready(as('reader').subscribe({ group: 'NORMAL' }))
    const other = await ready(as('other').subscribe({ group: 'NORMAL' }))
    const service = await ready(metadata.subscribe({ group: 'NORMAL' }))
    await metadata.set({ entity: 'a', key: 'k', value: 1 })
    for (const each of [reader, other, service]) expect((await take(each, 1)).map(brief)).toEqual(['a.k=1'])
    await metadata.roles.revoke('reader', 'NORMAL')
    await metadata.set({ entity: 'a', key: 'k', value: 2 })
    const error = await failure(within(reader.next()), 'PERMISSION_DENIED')
    expect(error).toMatchObject({ field: 'group', retryable: false })
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    for (const each of [other, service]) expect((await take(each, 1)).map(brief)).toEqual(['a.k=2'])
    // A right that is no longer one to read is as good as none; what else changes is no reason to end.
    await metadata.roles.grant({ agentId: 'other', syncGroup: 'NORMAL', read: true, insert: true })
    await metadata.set({ entity: 'a', key: 'k', value: 3 })
    expect((await take(other, 1)).map(brief)).toEqual(['a.k=3'])
    await metadata.roles.grant({ agentId: 'other', syncGroup: 'NORMAL', read: false, insert: true })
    await failure(within(other.next()), 'PERMISSION_DENIED')
    await service.return()
  })

  test('a group that is deleted ends its subscriptions', async () => {
    const { metadata } = await newTenant(fleet)
    await metadata.groups.set({ name: 'SHORT', tickMs: 20 })
    const follower = await ready(metadata.subscribe({ group: 'SHORT' }))
    await metadata.groups.delete('SHORT')
    await failure(within(follower.next()), 'PERMISSION_DENIED')
  })
})

describe('changesSince', () => {
  test('reads in pages, each key once a page, and the cursor goes on', async () => {
    const tenant = await tenantWithEntities()
    const { metadata } = tenant
    let { cursor } = await metadata.changesSince('now', { group: 'NORMAL' })
    for (let n = 0; n < 10; n++) await metadata.set({ entity: 'a', key: `k${n % 7}`, value: n })
    await passed(fleet, tenant)
    const found: string[] = []
    for (let more = true; more; ) {
      const page = await metadata.changesSince(cursor, { group: 'NORMAL', limit: 4 })
      expect(page.changes.length).toBeLessThanOrEqual(4)
      found.push(...page.changes.map((change) => brief(change as never)))
      cursor = page.cursor
      more = page.more
    }
    expect(new Set(found)).toEqual(new Set(['a.k0=7', 'a.k1=8', 'a.k2=9', 'a.k3=3', 'a.k4=4', 'a.k5=5', 'a.k6=6']))
    expect(await metadata.changesSince(cursor, { group: 'NORMAL' })).toMatchObject({ changes: [], more: false })
  })

  test('refuses whoever may not read', async () => {
    const tenant = await tenantWithEntities()
    const { metadata } = tenant.as({ actor: { type: 'agent', id: 'nobody' } })
    await failure(metadata.changesSince('now', { group: 'NORMAL' }), 'PERMISSION_DENIED')
    await failure(metadata.ticks.list({ group: 'NORMAL' }), 'PERMISSION_DENIED')
    await failure(tenant.metadata.changesSince('now', { group: 'NONE' }), 'SYNC_GROUP_UNKNOWN')
  })
})

describe('the log', () => {
  test('a cursor that is older than the log is refused, also by those who read on', async () => {
    const tenant = await tenantWithEntities()
    const { metadata } = tenant
    const { cursor } = await metadata.changesSince('now', { group: 'NORMAL' })
    await metadata.set({ entity: 'a', key: 'k', value: 1 })
    const own = await ready(metadata.subscribe({ group: 'NORMAL' }))
    // As if the slot that holds it had been emptied.
    await sql(
      fleet,
      `update metadata.change_floors set transaction_id = (select max(c.transaction_id::text::numeric)::text::xid8 from metadata.changes c) where slot = 0`,
    )
    try {
      const old = metadata.subscribe({ group: 'NORMAL', cursor })
      expect(await failure(within(old.next()), 'METADATA_CURSOR_TOO_OLD')).toMatchObject({ field: 'cursor' })
      await failure(metadata.changesSince(cursor, { group: 'NORMAL' }), 'METADATA_CURSOR_TOO_OLD')
    } finally {
      await sql(fleet, `update metadata.change_floors set transaction_id = '0'`)
    }
    await own.return()
  })
})

describe('a hub', () => {
  test('asks the database once a tick, however many subscribe', async () => {
    const own = await openTestFleet()
    const { metadata, id } = await newTenant(own)
    await metadata.groups.set({ name: 'SHARED', tickMs: 100 })
    await metadata.entities.create({ name: 'e', syncGroup: 'SHARED' })
    const followers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        ready(metadata.subscribe({ group: 'SHARED', keys: [`k${n % 10}`, 'end'] })),
      ),
    )
    let looks = 0
    const runAs = own.database.runAs.bind(own.database)
    own.database.runAs = (tenant, statement, values, options) => {
      if (statement.name === 'metadata.read_changes') looks += 1
      return runAs(tenant, statement, values, options)
    }
    const begin = performance.now()
    for (let n = 0; n < 30; n++) {
      await metadata.set({ entity: 'e', key: `k${n % 10}`, value: n })
      await pause(20)
    }
    await metadata.set({ entity: 'e', key: 'end', value: 1 })
    const last = async (subscription: Subscription) => {
      let message = (await take(subscription, 1))[0]
      const found = new Set<string>()
      while (message?.kind === 'set' && message.key !== 'end') {
        found.add(message.key)
        message = (await take(subscription, 1))[0]
      }
      return [...found]
    }
    const found = await Promise.all(followers.map(last))
    expect(found).toEqual(Array.from({ length: 100 }, (_, n) => [`k${n % 10}`]))
    // The ticks that have begun; a busy machine makes fewer of them.
    expect(looks).toBeLessThanOrEqual(Math.ceil((performance.now() - begin) / 100) + 1)
    expect(looks).toBeGreaterThan(1)
    await Promise.all(followers.map((each) => each.return()))
    const after = looks
    await pause(300)
    expect(looks, 'without subscribers nobody looks').toBe(after)
    expect(id).toBeTruthy()
  })

  test('looks less and less often while nothing happens, and at once when this process writes', async () => {
    const own = await openTestFleet()
    const { metadata } = await newTenant(own)
    await metadata.groups.set({ name: 'CALM', tickMs: 20 })
    await metadata.entities.create({ name: 'e', syncGroup: 'CALM' })
    const follower = await ready(metadata.subscribe({ group: 'CALM' }))
    const looks: number[] = []
    const runAs = own.database.runAs.bind(own.database)
    own.database.runAs = (tenant, statement, values, options) => {
      if (statement.name === 'metadata.read_changes') looks.push(performance.now())
      return runAs(tenant, statement, values, options)
    }
    // The last of it is 200 ms between two; what an older transaction somewhere holds back makes it begin later.
    const calm = async () => {
      looks.length = 0
      for (let i = 0; i < 3000; i++) {
        if (looks.length > 1 && (looks.at(-1) as number) - (looks.at(-2) as number) >= 180) return
        await pause(10)
      }
      throw new Error('the hub goes on looking often')
    }
    let best = Number.POSITIVE_INFINITY
    for (let value = 1; value <= 30 && best > 120; value++) {
      await calm()
      const last = looks.length
      await metadata.set({ entity: 'e', key: 'k', value })
      await take(follower, 1)
      best = Math.min(best, (looks[last] as number) - (looks[last - 1] as number))
    }
    expect(best).toBeLessThanOrEqual(120)
    await follower.return()
  })
})
