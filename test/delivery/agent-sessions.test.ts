import fc from 'fast-check'
import type { AgentSession, AgentSessionStatus, NewInteraction } from 'pgfleet/delivery'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'

const fleet = useFleet()

/** The statuses that a session may go to, written down a second time. */
const ENDED = ['completed', 'failed', 'expired', 'terminated'] as const
const NEXT: Record<AgentSessionStatus, readonly AgentSessionStatus[]> = {
  active: ['idle', 'paused', ...ENDED],
  idle: ['active', 'busy', 'paused', ...ENDED],
  busy: ['idle', 'paused', ...ENDED],
  paused: ['active', 'idle', 'busy', ...ENDED],
  completed: [],
  failed: [],
  expired: [],
  terminated: [],
}
const STATUSES = Object.keys(NEXT) as AgentSessionStatus[]
const agent = { agentName: 'reviewer-7', agentType: 'reviewer' } as const
const chat = (sessionId: string, more: Partial<NewInteraction> = {}): NewInteraction => ({
  sessionId,
  type: 'chat',
  ...more,
})
const audit = (tenant: string, entity: string) =>
  sql<{ entity_id: string; action: string; actor_id: string | null; changes: Record<string, unknown> }>(
    fleet(),
    `select entity_id, action, actor_type, actor_id, correlation_id, changes from delivery.audit
    where tenant_id = $1 and entity_type = $2 order by sequence`,
    [tenant, entity],
  )

describe('an agent session', () => {
  test('is created active, with all that was given, and found again', async () => {
    const { delivery } = await newTenant(fleet())
    const expiresAt = new Date(Date.now() + 3_600_000)
    const given = {
      ...agent,
      id: uuidv7(),
      agentVersion: '2.1',
      workflowId: uuidv7(),
      task: 'review',
      data: { a: 1 },
      context: { b: 2 },
      metadata: { c: 3 },
      expiresAt,
    }
    const made = await delivery.agentSessions.create({
      ...given,
      budgets: { tokens: 10, costUsd: '1.50', requests: 3 },
    })
    expect(made).toMatchObject({
      ...given,
      status: 'active',
      version: 1,
      parentId: null,
      budgets: { tokens: 10, costUsd: '1.5', requests: 3 },
      requests: { total: 0, successful: 0, failed: 0 },
      tokensUsed: 0,
      costUsd: '0',
      responseTimeMs: { mean: null, min: null, max: null },
      endedAt: null,
    })
    expect(await delivery.agentSessions.get([uuidv7(), made.id])).toEqual([undefined, made])
  })

  test('lives for a day unless told', async () => {
    const { delivery } = await newTenant(fleet())
    const made = await delivery.agentSessions.create(agent)
    expect(made.expiresAt.getTime() - made.startedAt.getTime()).toBe(86_400_000)
  })

  test('created again with the same id is the same; created otherwise a conflict', async () => {
    const { id: tenant, delivery } = await newTenant(fleet())
    const id = uuidv7()
    const first = await delivery.agentSessions.create({ ...agent, id, data: { a: 1, b: 2 } })
    expect(await delivery.agentSessions.create({ ...agent, id, data: { b: 2, a: 1 } })).toEqual(first)
    const error = await failure(
      delivery.agentSessions.create([agent, { ...agent, id, data: { a: 2, b: 2 } }]),
      'ID_CONFLICT',
    )
    expect(error.field).toBe('sessions[1].id')
    expect(await delivery.agentSessions.list()).toEqual([first])
    expect(await audit(tenant, 'agent_session')).toHaveLength(1)
  })

  test('changes status as the table of statuses says, whatever the order', async () => {
    const { delivery } = await newTenant(fleet())
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...STATUSES), { minLength: 1, maxLength: 8 }), async (path) => {
        const { id } = await delivery.agentSessions.create(agent)
        let model: { status: AgentSessionStatus; version: number } = { status: 'active', version: 1 }
        for (const status of path) {
          if (status === model.status || NEXT[model.status].includes(status)) {
            model = { status, version: model.version + (status === model.status ? 0 : 1) }
            expect(await delivery.agentSessions.transition(id, status)).toMatchObject(model)
          } else {
            const error = await failure(delivery.agentSessions.transition(id, status), 'AGENT_SESSION_STATE_ILLEGAL')
            expect(error.message).toContain(`is ${model.status};`)
            for (const next of NEXT[model.status]) expect(error.message).toContain(next)
            expect(error.field).toBe('sessions[0].status')
          }
          const now = (await delivery.agentSessions.get(id)) as AgentSession
          expect(now).toMatchObject(model)
          expect(now.endedAt !== null).toBe(NEXT[model.status].length === 0)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('merges what it is changed by, in order, and tells the audit log what changed', async () => {
    const tenant = await newTenant(fleet())
    const { agentSessions } = tenant.as({ actor: { type: 'user', id: 'ada' }, correlationId: 'run-1' }).delivery
    const { id } = await agentSessions.create({ ...agent, data: { a: 1 } })
    const [, last] = await agentSessions.update([
      { id, data: { b: 2, password: 'x' }, expectedVersion: 1 },
      { id, context: { c: 3 }, budgets: { tokens: 5 }, status: 'idle' },
    ])
    expect(last).toMatchObject({
      data: { a: 1, b: 2, password: 'x' },
      context: { c: 3 },
      status: 'idle',
      version: 3,
      budgets: { tokens: 5, costUsd: null },
    })
    // What is so already is no change.
    expect(await agentSessions.update({ id, data: { a: 1 }, status: 'idle', budgets: { tokens: 5 } })).toEqual(last)
    expect(await audit(tenant.id, 'agent_session')).toMatchObject([
      { action: 'create', entity_id: id, actor_id: 'ada', correlation_id: 'run-1' },
      { action: 'update', changes: { data: [{ a: 1 }, { a: 1, b: 2, password: '[redacted]' }] } },
      {
        action: 'update',
        changes: { status: ['active', 'idle'], token_budget: [null, 5], context: [{}, { c: 3 }] },
        actor_id: 'ada',
      },
    ])
  })

  test('of concurrent changes each compare-and-set wins once', async () => {
    const { delivery } = await newTenant(fleet())
    const { id } = await delivery.agentSessions.create(agent)
    const calls = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => delivery.agentSessions.update({ id, data: { n }, expectedVersion: 1 })),
    )
    expect(calls.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const call of calls)
      if (call.status === 'rejected') expect(call.reason).toMatchObject({ code: 'VERSION_CONFLICT' })
    expect(await delivery.agentSessions.get(id)).toMatchObject({ version: 2 })
  })
})

describe('a child', () => {
  test('has its parent’s context beneath its own', async () => {
    const { delivery } = await newTenant(fleet())
    const parent = await delivery.agentSessions.create({ ...agent, context: { goal: 'ship', depth: 0 } })
    const child = await delivery.agentSessions.create({ ...agent, parentId: parent.id, context: { depth: 1 } })
    expect(child).toMatchObject({ parentId: parent.id, context: { goal: 'ship', depth: 1 } })
    expect(await delivery.agentSessions.list({ parentId: parent.id })).toEqual([child])
  })

  test('needs a parent that lives; a repeat does not', async () => {
    const { delivery } = await newTenant(fleet())
    const unknown = await failure(
      delivery.agentSessions.create({ ...agent, parentId: uuidv7() }),
      'AGENT_SESSION_UNKNOWN',
    )
    expect(unknown.field).toBe('sessions[0].parentId')
    const parent = await delivery.agentSessions.create(agent)
    const child = await delivery.agentSessions.create({ ...agent, id: uuidv7(), parentId: parent.id })
    await delivery.agentSessions.transition(parent.id, 'completed')
    await failure(delivery.agentSessions.create({ ...agent, parentId: parent.id }), 'AGENT_SESSION_STATE_ILLEGAL')
    expect(await delivery.agentSessions.create({ ...agent, id: child.id, parentId: parent.id })).toEqual(child)
  })
})

describe('interactions', () => {
  test('are numbered, counted, and kept with all that was given', async () => {
    const tenant = await newTenant(fleet())
    const { agentSessions } = tenant.as({ actor: { type: 'agent', id: 'r7' } }).delivery
    const { id } = await agentSessions.create(agent)
    const given = {
      ...chat(id),
      status: 'failed' as const,
      tokens: 7,
      costUsd: '0.0000000001',
      durationMs: 12.345,
      request: { q: [1] },
      response: null,
      error: 'no',
      workflowId: uuidv7(),
      task: 't',
    }
    const recorded = await agentSessions.record([
      chat(id, { tokens: 3, costUsd: 0.1, durationMs: 2 }),
      given,
      chat(id, { costUsd: 0.2 }),
    ])
    expect(recorded.map(({ sequence, replayed }) => [sequence, replayed])).toEqual([
      [1, false],
      [2, false],
      [3, false],
    ])
    const found = await agentSessions.interactions(id, { after: 1, limit: 1 })
    expect(found).toMatchObject([{ ...given, id: recorded[1]?.id, sequence: 2 }])
    expect(await agentSessions.get(id)).toMatchObject({
      requests: { total: 3, successful: 2, failed: 1 },
      tokensUsed: 10,
      costUsd: '0.3000000001',
      responseTimeMs: { min: 0, max: 12.345, mean: (2 + 12.345) / 3 },
      version: 1,
    })
    const rows = await audit(tenant.id, 'interaction')
    expect(rows).toHaveLength(3)
    expect(rows[1]).toMatchObject({
      entity_id: recorded[1]?.id,
      action: 'execute',
      actor_id: 'r7',
      changes: { session_id: id, sequence: 2, status: 'failed', tokens: 7 },
    })
  })

  test('recorded again change nothing, also within a call and after the end', async () => {
    const { id: tenant, delivery } = await newTenant(fleet())
    const { id } = await delivery.agentSessions.create({ ...agent, budgets: { requests: 1 } })
    const one = chat(id, { id: uuidv7(), tokens: 5 })
    expect(await delivery.agentSessions.record([one, one])).toEqual([
      { id: one.id, sequence: 1, replayed: false },
      { id: one.id, sequence: 1, replayed: true },
    ])
    await delivery.agentSessions.transition(id, 'completed')
    expect(await delivery.agentSessions.record(one)).toEqual({ id: one.id, sequence: 1, replayed: true })
    expect(await delivery.agentSessions.get(id)).toMatchObject({ requests: { total: 1 }, tokensUsed: 5 })
    expect(await audit(tenant, 'interaction')).toHaveLength(1)
    const other = await delivery.agentSessions.create(agent)
    await failure(delivery.agentSessions.record({ ...one, sessionId: other.id }), 'ID_CONFLICT')
    const third = chat(other.id, { id: uuidv7() })
    const next = await delivery.agentSessions.create(agent)
    await failure(delivery.agentSessions.record([third, { ...third, sessionId: next.id }]), 'ID_CONFLICT')
  })

  test('of concurrent callers leave no gap, no double, and exact sums', async () => {
    const { delivery } = await newTenant(fleet())
    const sessions = await delivery.agentSessions.create([agent, agent, agent])
    const made: NewInteraction[] = []
    await Promise.all(
      Array.from({ length: 12 }, async (_, caller) => {
        for (let n = 0; n < 10; n++) {
          const calls = Array.from({ length: 1 + ((caller + n) % 3) }, (_, i) =>
            chat(sessions[(caller + n + i) % 3]?.id as string, {
              id: uuidv7(),
              tokens: caller + n,
              costUsd: 0.1,
              durationMs: 1 + caller * 10 + n,
              status: n % 4 === 0 ? 'timeout' : 'completed',
            }),
          )
          made.push(...calls)
          await delivery.agentSessions.record(calls)
          // As after a lost answer.
          if (n % 5 === 0) await delivery.agentSessions.record(calls)
        }
      }),
    )
    for (const { id } of sessions) {
      const mine = made.filter(({ sessionId }) => sessionId === id)
      const sum = (of: (each: NewInteraction) => number) => mine.reduce((total, each) => total + of(each), 0)
      expect(await delivery.agentSessions.get(id)).toMatchObject({
        requests: {
          total: mine.length,
          successful: mine.filter(({ status }) => status === 'completed').length,
        },
        tokensUsed: sum(({ tokens }) => tokens as number),
        costUsd: String(mine.length / 10),
        responseTimeMs: {
          mean: sum(({ durationMs }) => durationMs as number) / mine.length,
          min: Math.min(...mine.map(({ durationMs }) => durationMs as number)),
          max: Math.max(...mine.map(({ durationMs }) => durationMs as number)),
        },
      })
      const kept = await delivery.agentSessions.interactions(id, { limit: 1000 })
      expect(kept.map(({ sequence }) => sequence)).toEqual(mine.map((_, i) => i + 1))
      expect(kept.map((each) => each.id).sort()).toEqual(mine.map((each) => each.id).sort())
    }
  })

  test('a bad one rejects its own caller only', async () => {
    const { delivery } = await newTenant(fleet())
    const { id } = await delivery.agentSessions.create(agent)
    const calls = await Promise.allSettled([
      delivery.agentSessions.record(chat(id)),
      delivery.agentSessions.record(chat(uuidv7())),
      delivery.agentSessions.record(chat(id)),
    ])
    expect(calls.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await delivery.agentSessions.get(id)).toMatchObject({ requests: { total: 2 } })
  })

  test('of another month go to their partition, too old ones nowhere', async () => {
    const { delivery } = await newTenant(fleet())
    const { id } = await delivery.agentSessions.create(agent)
    const old = uuidv7({ msecs: Date.now() - 70 * 86_400_000 })
    expect(await delivery.agentSessions.record([chat(id), chat(id, { id: old })])).toMatchObject([
      { sequence: 1 },
      { sequence: 2 },
    ])
    const ancient = uuidv7({ msecs: Date.now() - 500 * 86_400_000 })
    const error = await failure(
      delivery.agentSessions.record([chat(id), chat(id, { id: ancient })]),
      'ID_OUT_OF_WINDOW',
    )
    expect(error.field).toBe('interactions[1].id')
  })
})

describe('budgets', () => {
  const cases: [string, object, Partial<NewInteraction>, string, string][] = [
    ['tokens', { tokens: 10 }, { tokens: 4 }, 'tokens', 'a budget of 10 tokens; 2 are left, the interaction has 4'],
    [
      'cost',
      { costUsd: '0.25' },
      { costUsd: 0.1 },
      'costUsd',
      'a budget of 0.25 US dollars; 0.05 are left, the interaction costs 0.1',
    ],
    ['requests', { requests: 2 }, {}, 'sessionId', 'a budget of 2 requests; 0 are left'],
  ]
  test.each(cases)(
    'of %s refuse what would overrun them, and nothing changes',
    async (_, budgets, each, field, text) => {
      const { id: tenant, delivery } = await newTenant(fleet())
      const { id } = await delivery.agentSessions.create({ ...agent, budgets })
      // Alone after others, and behind others of its own call.
      await delivery.agentSessions.record(chat(id, each))
      const inCall = await failure(delivery.agentSessions.record([chat(id, each), chat(id, each)]), 'BUDGET_EXCEEDED')
      expect(inCall.field).toBe(`interactions[1].${field}`)
      await delivery.agentSessions.record(chat(id, each))
      const before = await delivery.agentSessions.get(id)
      const error = await failure(delivery.agentSessions.record(chat(id, each)), 'BUDGET_EXCEEDED')
      expect(error.field).toBe(`interactions[0].${field}`)
      expect(error.message).toContain(text)
      expect(await delivery.agentSessions.get(id)).toEqual(before)
      expect(await delivery.agentSessions.interactions(id)).toHaveLength(2)
      expect(await audit(tenant, 'interaction')).toHaveLength(2)
      expect((await delivery.agentSessions.statistics({ ids: [id] })).requests.total).toBe(2)
      await delivery.agentSessions.update({ id, budgets: { tokens: 100, costUsd: 100, requests: 100 } })
      await delivery.agentSessions.record(chat(id, each))
    },
  )

  test('hold when many callers compete for what is left', async () => {
    const { delivery } = await newTenant(fleet())
    const { id } = await delivery.agentSessions.create({ ...agent, budgets: { tokens: 70 } })
    const calls = await Promise.allSettled(
      Array.from({ length: 20 }, () => delivery.agentSessions.record(chat(id, { tokens: 10 }))),
    )
    expect(calls.filter(({ status }) => status === 'fulfilled')).toHaveLength(7)
    expect(await delivery.agentSessions.get(id)).toMatchObject({ tokensUsed: 70, requests: { total: 7 } })
  })

  test('cannot be set below what is used', async () => {
    const { delivery } = await newTenant(fleet())
    const { id } = await delivery.agentSessions.create(agent)
    await delivery.agentSessions.record(chat(id, { tokens: 10 }))
    const error = await failure(delivery.agentSessions.update({ id, budgets: { tokens: 9 } }), 'BUDGET_EXCEEDED')
    expect(error.field).toBe('sessions[0].budgets.tokens')
  })
})

describe('expiry', () => {
  const overdue = (id: string) =>
    sql(fleet(), `update delivery.agent_sessions set live_until = now() - interval '1 second' where session_id = $1`, [
      id,
    ])

  test('a session past its time is expired at once, and does no more', async () => {
    const { delivery } = await newTenant(fleet())
    const { id } = await delivery.agentSessions.create(agent)
    await overdue(id)
    expect(await delivery.agentSessions.get(id)).toMatchObject({ status: 'expired', endedAt: null })
    expect(await delivery.agentSessions.list({ status: 'active' })).toEqual([])
    expect(await delivery.agentSessions.list({ status: 'expired' })).toMatchObject([{ id }])
    await failure(delivery.agentSessions.record(chat(id)), 'AGENT_SESSION_STATE_ILLEGAL')
    await failure(delivery.agentSessions.update({ id, data: {} }), 'AGENT_SESSION_STATE_ILLEGAL')
    await failure(delivery.agentSessions.create({ ...agent, parentId: id }), 'AGENT_SESSION_STATE_ILLEGAL')
  })

  test('ends what is past its time or idle, with an audit row each', async () => {
    const { id: tenant, delivery } = await newTenant(fleet())
    const [late, idle, busy, live] = (await delivery.agentSessions.create([agent, agent, agent, agent])) as [
      AgentSession,
      AgentSession,
      AgentSession,
      AgentSession,
    ]
    await overdue(late.id)
    await delivery.agentSessions.transition(busy.id, 'paused')
    await sql(
      fleet(),
      `update delivery.agent_sessions set last_activity_at = now() - interval '2 hours' where session_id = any($1::uuid[])`,
      [[idle.id, busy.id]],
    )
    expect(await delivery.agentSessions.expire()).toBe(1)
    expect(await delivery.agentSessions.expire({ idleMs: 3_600_000 })).toBe(1)
    expect(await delivery.agentSessions.expire({ idleMs: 3_600_000 })).toBe(0)
    const found = await delivery.agentSessions.get([late.id, idle.id, busy.id, live.id])
    expect(found.map((each) => each?.status)).toEqual(['expired', 'expired', 'paused', 'active'])
    expect(found[0]?.endedAt).toBeInstanceOf(Date)
    const rows = await audit(tenant, 'agent_session')
    expect(rows.filter(({ changes }) => Array.isArray(changes.status) && changes.status[1] === 'expired')).toHaveLength(
      2,
    )
  })
})

describe('statistics', () => {
  test('have percentiles within 1 % of the exact ones, of one session and of several', async () => {
    const { delivery } = await newTenant(fleet())
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 5_000_000 }), { minLength: 1, maxLength: 40 }), {
          minLength: 1,
          maxLength: 3,
        }),
        async (sessions) => {
          const workflowId = uuidv7()
          const made = await delivery.agentSessions.create(sessions.map(() => ({ ...agent, workflowId })))
          await delivery.agentSessions.record(
            sessions.flatMap((all, n) => all.map((us) => chat(made[n]?.id as string, { durationMs: us / 1000 }))),
          )
          const sorted = sessions.flat().toSorted((a, b) => a - b)
          const { responseTimeMs: found, requests } = await delivery.agentSessions.statistics({ workflowId })
          expect(requests.total).toBe(sorted.length)
          expect(found.mean).toBeCloseTo(sorted.reduce((a, b) => a + b, 0) / sorted.length / 1000, 6)
          for (const [quantile, value] of [
            [0, found.min],
            [0.5, found.p50],
            [0.9, found.p90],
            [0.95, found.p95],
            [0.99, found.p99],
            [1, found.max],
          ] as const) {
            const exact = (sorted[Math.max(Math.ceil(quantile * sorted.length) - 1, 0)] as number) / 1000
            expect(Math.abs((value as number) - exact)).toBeLessThanOrEqual(exact * 0.010001)
          }
        },
      ),
      { numRuns: 12 },
    )
  })

  test('of nothing are nothing', async () => {
    const { delivery } = await newTenant(fleet())
    expect(await delivery.agentSessions.statistics({ agentName: 'nobody' })).toEqual({
      sessions: 0,
      requests: { total: 0, successful: 0, failed: 0 },
      tokens: 0,
      costUsd: '0',
      responseTimeMs: { mean: null, min: null, max: null, p50: null, p90: null, p95: null, p99: null },
    })
  })
})

test('lists page by page, newest first, each session once, by every filter', async () => {
  const { delivery } = await newTenant(fleet())
  const [workflowId, parent] = [uuidv7(), await delivery.agentSessions.create({ ...agent, agentName: 'parent' })]
  const made = await delivery.agentSessions.create(
    Array.from({ length: 12 }, (_, n) => ({
      ...agent,
      id: uuidv7(),
      agentName: `agent-${n % 2}`,
      ...(n % 3 === 0 ? { workflowId } : {}),
      ...(n % 4 === 0 ? { parentId: parent.id } : {}),
    })),
  )
  for (const { id } of made.slice(0, 5)) await delivery.agentSessions.transition(id, 'idle')
  const all = async (filter: object) => {
    const found: string[] = []
    for (;;) {
      const after = found.at(-1)
      const page = await delivery.agentSessions.list({ limit: 2, ...filter, ...(after && { after }) })
      found.push(...page.map(({ id }) => id))
      if (page.length < 2) return found
    }
  }
  const where = (holds: (n: number) => boolean) =>
    made
      .filter((_, n) => holds(n))
      .map(({ id }) => id)
      .reverse()
  expect(await all({})).toEqual([...where(() => true), parent.id])
  expect(await all({ status: 'idle' })).toEqual(where((n) => n < 5))
  expect(await all({ agentName: 'agent-1' })).toEqual(where((n) => n % 2 === 1))
  expect(await all({ workflowId })).toEqual(where((n) => n % 3 === 0))
  expect(await all({ parentId: parent.id, status: 'idle' })).toEqual(where((n) => n % 4 === 0 && n < 5))
})

describe('bad input is refused by name, and nothing is written', () => {
  const creations: [string, unknown][] = [
    ['sessions[0].id', { ...agent, id: '00000000-0000-4000-8000-000000000000' }],
    ['sessions[0].agentName', { ...agent, agentName: '' }],
    ['sessions[0].agentType', { ...agent, agentType: 'ghost' }],
    ['sessions[0].data', { ...agent, data: [] }],
    ['sessions[0].context', { ...agent, context: { a: 'x'.repeat(262_144) } }],
    ['sessions[0].budgets.tokens', { ...agent, budgets: { tokens: -1 } }],
    ['sessions[0].budgets.costUsd', { ...agent, budgets: { costUsd: '1e3' } }],
    ['sessions[0].budgets.other', { ...agent, budgets: { other: 1 } }],
    ['sessions[0].expiresAt', { ...agent, expiresAt: new Date(Number.NaN) }],
    ['sessions[0].ttl', { ...agent, ttl: 1 }],
  ]
  test.each(creations)('%s', async (field, input) => {
    const { delivery } = await newTenant(fleet())
    expect(await failure(delivery.agentSessions.create(input as never), 'INPUT_INVALID')).toMatchObject({ field })
    expect(await delivery.agentSessions.list()).toEqual([])
  })
  const records: [string, unknown][] = [
    ['interactions[0].sessionId', { sessionId: 'x', type: 'chat' }],
    ['interactions[0].type', chat(uuidv7(), { type: 'small talk' as never })],
    ['interactions[0].tokens', chat(uuidv7(), { tokens: 1.5 })],
    ['interactions[0].costUsd', chat(uuidv7(), { costUsd: -0.1 })],
    ['interactions[0].durationMs', chat(uuidv7(), { durationMs: Number.POSITIVE_INFINITY })],
    ['interactions[0].request', chat(uuidv7(), { request: { a: '\0' } })],
  ]
  test.each(records)('%s', async (field, input) => {
    const { delivery } = await newTenant(fleet())
    expect(await failure(delivery.agentSessions.record(input as never), 'INPUT_INVALID')).toMatchObject({ field })
  })
})
