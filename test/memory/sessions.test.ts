import fc from 'fast-check'
import type { MemorySession, SessionState } from 'pgfleet/memory'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'

const fleet = useFleet()

/** The states that a session may go to, written down a second time. */
const NEXT: Record<SessionState, readonly SessionState[]> = {
  active: ['suspended', 'completed', 'failed'],
  suspended: ['active', 'completed', 'failed'],
  completed: ['archived'],
  failed: ['archived'],
  archived: [],
}
const STATES = Object.keys(NEXT) as SessionState[]
const DAY = 86_400_000

async function expire(tenant: string, id: string, after = '0 seconds'): Promise<void> {
  await sql(
    fleet(),
    'update memory.sessions set expires_at = now() - $3::interval where tenant_id = $1 and session_id = $2',
    [tenant, id, after],
  )
}

describe('a session', () => {
  test('is created active, with its data, a version and an expiry', async () => {
    const { memory } = await newTenant(fleet())
    const made = await memory.sessions.create({ data: { goal: 'ship' }, retentionDays: 7 })
    expect(made).toMatchObject({ state: 'active', data: { goal: 'ship' }, version: 1, retentionDays: 7, endedAt: null })
    const days = (made.expiresAt.getTime() - Date.now()) / DAY
    expect(days).toBeGreaterThan(7)
    expect(days).toBeLessThanOrEqual(8)
    expect(made.expiresAt.getTime() % DAY).toBe(0)
    expect(await memory.sessions.get(made.id)).toEqual(made)
    expect(await memory.sessions.get([uuidv7(), made.id])).toEqual([undefined, made])
  })

  test('created again with the same id and data is the same; with other data a conflict', async () => {
    const { memory } = await newTenant(fleet())
    const id = uuidv7()
    const made = await memory.sessions.create({ id, data: { a: 1, b: 2 } })
    await memory.sessions.update({ id, patch: { a: 3 } })
    expect(await memory.sessions.create({ id, data: { b: 2, a: 1 } })).toMatchObject({
      version: 2,
      data: { a: 3, b: 2 },
    })
    const error = await failure(memory.sessions.create([{ data: {} }, { id, data: { a: 9 } }]), 'ID_CONFLICT')
    expect(error.field).toBe('sessions[1].id')
    expect(made.version).toBe(1)
    expect(await memory.sessions.list()).toHaveLength(1)
  })

  test('data is replaced or patched, in one change with the state', async () => {
    const { memory } = await newTenant(fleet())
    const { id } = await memory.sessions.create({ data: { a: 1, b: 1 } })
    expect(await memory.sessions.update({ id, patch: { b: 2, c: 3 } })).toMatchObject({
      data: { a: 1, b: 2, c: 3 },
      version: 2,
    })
    expect(await memory.sessions.update({ id, data: { d: 4 } })).toMatchObject({ data: { d: 4 }, version: 3 })
    const done = await memory.sessions.transition(id, 'completed', { patch: { result: 'good' } })
    expect(done).toMatchObject({ state: 'completed', data: { d: 4, result: 'good' }, version: 4 })
    expect(done.endedAt).toBeInstanceOf(Date)
    const [last, archived] = await memory.sessions.update([
      { id, patch: { late: true } },
      { id, state: 'archived' },
    ])
    expect(last).toMatchObject({ state: 'completed', version: 5 })
    expect(archived).toMatchObject({ state: 'archived', version: 6, endedAt: done.endedAt })
    expect(await failure(memory.sessions.update({ id, patch: {} }), 'SESSION_STATE_ILLEGAL')).toMatchObject({
      field: 'sessions[0].patch',
    })
  })

  test('changes state as the table of states says, whatever the order', async () => {
    const { memory } = await newTenant(fleet())
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...STATES), { minLength: 1, maxLength: 8 }), async (path) => {
        const { id } = await memory.sessions.create()
        let model: { state: SessionState; version: number } = { state: 'active', version: 1 }
        for (const state of path) {
          if (state === model.state || NEXT[model.state].includes(state)) {
            model = { state, version: model.version + (state === model.state ? 0 : 1) }
            expect(await memory.sessions.transition(id, state)).toMatchObject(model)
          } else {
            const error = await failure(memory.sessions.transition(id, state), 'SESSION_STATE_ILLEGAL')
            expect(error.message).toContain(`is ${model.state};`)
            for (const next of NEXT[model.state]) expect(error.message).toContain(next)
            expect(error.field).toBe('sessions[0].state')
          }
          expect(await memory.sessions.get(id)).toMatchObject(model)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('is deleted once', async () => {
    const { memory } = await newTenant(fleet())
    const { id } = await memory.sessions.create()
    expect(await memory.sessions.delete([id, uuidv7()])).toEqual([true, false])
    expect(await memory.sessions.delete(id)).toBe(false)
    expect(await memory.sessions.get(id)).toBeUndefined()
    expect(await failure(memory.sessions.touch(id), 'SESSION_UNKNOWN')).toMatchObject({ field: 'sessions[0].id' })
  })
})

describe('versions', () => {
  test('a change of a stale version is refused, and nothing of its call is written', async () => {
    const { memory } = await newTenant(fleet())
    const [one, two] = (await memory.sessions.create([{}, {}])) as [MemorySession, MemorySession]
    await memory.sessions.update({ id: two.id, data: { n: 1 }, expectedVersion: 1 })
    const error = await failure(
      memory.sessions.update([
        { id: one.id, data: { n: 1 } },
        { id: two.id, data: { n: 2 }, expectedVersion: 1 },
      ]),
      'VERSION_CONFLICT',
    )
    expect(error.field).toBe('sessions[1].expectedVersion')
    expect(error.message).toContain('at version 2, not 1')
    expect(await memory.sessions.get(one.id)).toEqual(one)
  })

  test('of concurrent changes none is lost: each compare-and-set wins once', async () => {
    const { memory } = await newTenant(fleet())
    const { id } = await memory.sessions.create({ data: { count: 0 } })
    const callers = 8
    const each = 10
    let stale = 0
    await Promise.all(
      Array.from({ length: callers }, async () => {
        for (let done = 0; done < each; ) {
          const now = (await memory.sessions.get(id)) as MemorySession
          try {
            const count = (now.data.count as number) + 1
            await memory.sessions.update({ id, data: { count }, expectedVersion: now.version })
            done++
          } catch (error) {
            expect(error).toMatchObject({ code: 'VERSION_CONFLICT' })
            stale++
          }
        }
      }),
    )
    expect(await memory.sessions.get(id)).toMatchObject({
      data: { count: callers * each },
      version: 1 + callers * each,
    })
    expect(stale).toBeGreaterThan(0)
  })

  test('a bad change rejects its own caller only', async () => {
    const { memory } = await newTenant(fleet())
    const { id } = await memory.sessions.create()
    const calls = await Promise.allSettled([
      memory.sessions.update({ id, patch: { a: 1 } }),
      memory.sessions.update({ id: uuidv7(), patch: { a: 1 } }),
      memory.sessions.update({ id, patch: { b: 1 } }),
      memory.sessions.transition(id, 'archived'),
      memory.sessions.update({ id, patch: { c: 1 } }),
    ])
    expect(calls.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
    expect(await memory.sessions.get(id)).toMatchObject({ data: { a: 1, b: 1, c: 1 }, version: 4, state: 'active' })
  })
})

describe('expiry', () => {
  test('an expired session is gone, and says so to who changes it', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const made = await memory.sessions.create({ data: { old: true } })
    await expire(tenant, made.id)
    expect(await memory.sessions.get(made.id)).toBeUndefined()
    expect(await memory.sessions.list()).toEqual([])
    expect(await memory.sessions.list({ state: 'active' })).toEqual([])
    expect(await memory.sessions.list({ state: 'expired' })).toMatchObject([{ id: made.id, state: 'expired' }])
    for (const change of [{ patch: {} }, { state: 'active' as const }, {}]) {
      const error = await failure(memory.sessions.update({ id: made.id, ...change }), 'SESSION_STATE_ILLEGAL')
      expect(error.message).toContain('is expired; from there it may go to: nothing')
    }
    expect(await memory.sessions.delete(made.id)).toBe(false)
  })

  test('an expired session created again starts anew', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const { id } = await memory.sessions.create({ data: { old: true } })
    await memory.artifacts.put({ name: 'a', content: 'old', sessionId: id })
    await memory.sessions.transition(id, 'completed')
    await expire(tenant, id)
    expect(await memory.sessions.create({ id, data: { fresh: true } })).toMatchObject({
      state: 'active',
      data: { fresh: true },
      version: 1,
    })
    expect(await memory.artifacts.list({ sessionId: id })).toEqual([])
  })

  test('changes and touches renew it, reading does not; a touch writes once a minute', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const made = await memory.sessions.create()
    const place = async () =>
      (
        await sql<{ ctid: string }>(fleet(), 'select ctid::text from memory.sessions where session_id = $1', [made.id])
      )[0]
    const before = await place()
    expect(await memory.sessions.touch(made.id)).toEqual(made)
    expect(await place()).toEqual(before)
    await expire(tenant, made.id, '-1 hour')
    expect((await memory.sessions.get(made.id))?.expiresAt.getTime()).toBeLessThan(Date.now() + DAY)
    expect(await memory.sessions.touch(made.id)).toMatchObject({ version: 1, expiresAt: made.expiresAt })
    await expire(tenant, made.id, '-1 hour')
    expect(await memory.sessions.update({ id: made.id, retentionDays: 1 })).toMatchObject({
      version: 1,
      retentionDays: 1,
    })
    expect(await place()).not.toEqual(before)
  })

  test('what has expired is deleted in steps, with its artifacts', async () => {
    const { id: tenant, memory } = await newTenant(fleet())
    const made = await memory.sessions.create([{}, {}, {}, {}])
    const [kept, ...old] = made.map(({ id }) => id) as [string, ...string[]]
    await memory.artifacts.put(made.map(({ id }) => ({ name: 'a', content: id, sessionId: id })))
    for (const id of old) await expire(tenant, id)
    expect(await memory.artifacts.list()).toHaveLength(1)
    expect(await memory.sessions.deleteExpired({ limit: 2 })).toBe(2)
    expect(await memory.sessions.deleteExpired({ limit: 2 })).toBe(1)
    expect(await memory.sessions.deleteExpired()).toBe(0)
    expect((await memory.sessions.list()).map(({ id }) => id)).toEqual([kept])
    expect(await memory.artifacts.stats()).toMatchObject({ artifacts: 1, contents: 4, unreferenced: 3 })
  })
})

test('lists page by page, newest first, each session once', async () => {
  const { memory } = await newTenant(fleet())
  const ids = Array.from({ length: 25 }, () => uuidv7())
  await memory.sessions.create(ids.map((id) => ({ id })))
  for (const id of ids.slice(0, 10)) await memory.sessions.transition(id, 'suspended')
  const all = async (state?: SessionState) => {
    const found: string[] = []
    for (;;) {
      const after = found.at(-1)
      const page = await memory.sessions.list({ limit: 4, ...(state && { state }), ...(after && { after }) })
      found.push(...page.map(({ id }) => id))
      if (page.length < 4) return found
    }
  }
  expect(await all()).toEqual([...ids].reverse())
  expect(await all('suspended')).toEqual(ids.slice(0, 10).reverse())
})

test('an aborted call is not sent, and a transaction that throws keeps nothing', async () => {
  const tenant = await newTenant(fleet())
  const { memory } = tenant
  await failure(memory.sessions.create({}, { signal: AbortSignal.abort() }), 'ABORTED')
  await expect(
    tenant.transaction(async (tx) => {
      const { id } = await tx.memory.sessions.create({ data: { a: 1 } })
      await tx.memory.artifacts.put({ name: 'x', content: 'bytes', sessionId: id })
      expect(await tx.memory.sessions.get(id)).toMatchObject({ data: { a: 1 } })
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(await memory.sessions.list()).toEqual([])
  expect(await memory.artifacts.list()).toEqual([])
})

test('the quota of sessions is enforced', async () => {
  const { id, memory } = await newTenant(fleet())
  await fleet().tenants.setQuotas(id, { sessions: 1 })
  await memory.sessions.create()
  await fleet().tenants.measure(id)
  await failure(memory.sessions.create(), 'QUOTA_EXCEEDED')
})

describe('bad input is refused by name, and nothing is written', () => {
  const id = uuidv7()
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const creations: [string, string, unknown][] = [
    ['an id that is no UUIDv7', 'sessions[0].id', { id: '00000000-0000-4000-8000-000000000000' }],
    ['an id that is no text', 'sessions[0].id', { id: 5 }],
    ['data that is no object', 'sessions[0].data', { data: [] }],
    ['data with a NUL character', 'sessions[0].data', { data: { a: 'x\0' } }],
    ['data with a lone surrogate', 'sessions[0].data', { data: { a: '\ud800' } }],
    ['data within itself', 'sessions[0].data', { data: cyclic }],
    ['data that is not JSON', 'sessions[0].data', { data: { a: () => 1 } }],
    ['data that is too long', 'sessions[0].data', { data: { a: 'x'.repeat(262_144) } }],
    ['a retention of 0 days', 'sessions[0].retentionDays', { retentionDays: 0 }],
    ['a retention of no number', 'sessions[0].retentionDays', { retentionDays: Number.NaN }],
    ['a member that is not known', 'sessions[0].ttl', { ttl: 1 }],
    ['null', 'sessions[0]', null],
  ]
  test.each(creations)('creating with %s', async (_, field, input) => {
    const { memory } = await newTenant(fleet())
    expect(await failure(memory.sessions.create(input as object), 'INPUT_INVALID')).toMatchObject({ field })
    expect(await memory.sessions.list()).toEqual([])
  })
  const changes: [string, string, unknown][] = [
    ['no id', 'sessions[0].id', {}],
    ['a state that is none', 'sessions[0].state', { id, state: 'expired' }],
    ['a hostile state', 'sessions[0].state', { id, state: "active'; drop table memory.sessions; --" }],
    ['a version of 0', 'sessions[0].expectedVersion', { id, expectedVersion: 0 }],
    ['a patch that is no object', 'sessions[0].patch', { id, patch: 'x' }],
  ]
  test.each(changes)('changing with %s', async (_, field, input) => {
    const { memory } = await newTenant(fleet())
    expect(await failure(memory.sessions.update(input as { id: string }), 'INPUT_INVALID')).toMatchObject({ field })
  })
  test('a patch that makes the data too long', async () => {
    const { memory } = await newTenant(fleet())
    const made = await memory.sessions.create({ data: { a: 'x'.repeat(200_000) } })
    const error = await failure(
      memory.sessions.update({ id: made.id, patch: { b: 'x'.repeat(100_000) } }),
      'INPUT_INVALID',
    )
    expect(error.field).toBe('sessions[0].patch')
    expect(await memory.sessions.get(made.id)).toEqual(made)
  })
  test('options of lists', async () => {
    const { memory } = await newTenant(fleet())
    for (const [field, options] of [
      ['options.limit', { limit: 0 }],
      ['options.limit', { limit: 1001 }],
      ['options.after', { after: "' or true --" }],
      ['options.state', { state: 'open' }],
    ] as const) {
      expect(await failure(memory.sessions.list(options as object), 'INPUT_INVALID')).toMatchObject({ field })
    }
  })
})
