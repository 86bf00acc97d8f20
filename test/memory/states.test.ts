import { createHash } from 'node:crypto'
import fc from 'fast-check'
import type { Tenant } from 'pgfleet'
import type { Json } from 'pgfleet/learning'
import { WORKFLOW_TRANSITIONS, type WorkflowStatus } from 'pgfleet/memory'
import { beforeAll, describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../learning/support.js'

const fleet = useFleet()
let tenant: Tenant

beforeAll(async () => {
  tenant = await newTenant(fleet())
})

describe('agent states', () => {
  test('are saved, loaded, listed and deleted', async () => {
    const { agentStates } = (await newTenant(fleet())).memory
    const state = { b: [1, 'ä'], a: null }
    const saved = await agentStates.save('reviewer', state, { agentType: 'review', schemaVersion: 3 })
    const checksum = createHash('sha256').update('{"a":null,"b":[1,"ä"]}').digest('hex')
    expect(saved).toEqual({ version: 1, checksum })
    expect(await agentStates.load('reviewer')).toEqual({
      agentId: 'reviewer',
      agentType: 'review',
      schemaVersion: 3,
      version: 1,
      checksum,
      state,
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
    })
    expect(await agentStates.save('reviewer', null)).toMatchObject({ version: 2 })
    expect(await agentStates.load('reviewer')).toMatchObject({ state: null, agentType: 'review', schemaVersion: 1 })
    await agentStates.save([
      { agentId: 'b', state: 1, agentType: 'review' },
      { agentId: 'a', state: 2 },
    ])
    expect(await agentStates.load(['a', 'none', 'b'])).toMatchObject([{ state: 2 }, undefined, { state: 1 }])
    expect((await agentStates.list()).map(({ agentId }) => agentId)).toEqual(['a', 'b', 'reviewer'])
    expect((await agentStates.list({ agentType: 'review', limit: 1 })).map(({ agentId }) => agentId)).toEqual(['b'])
    expect((await agentStates.list({ agentType: 'review', after: 'b' })).map(({ agentId }) => agentId)).toEqual([
      'reviewer',
    ])
    expect(await agentStates.delete('a')).toBe(true)
    expect(await agentStates.delete('a')).toBe(false)
    expect(await agentStates.load('a')).toBeUndefined()
  })

  test('the checksum holds for any JSON, however the database keeps it', async () => {
    const { agentStates } = tenant.memory
    // What the database cannot hold is refused before it is sent: see bad input.
    const storable = (value: unknown) => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value))
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }).filter(storable), async (state) => {
        const { checksum } = await agentStates.save('any', state as Json)
        const loaded = await agentStates.load('any')
        expect(loaded?.checksum).toBe(checksum)
        expect(loaded?.state).toEqual(JSON.parse(JSON.stringify(state)))
      }),
      { numRuns: 60, examples: [[{ e: 1e300, small: 5e-324, minus: -0, big: 2 ** 60, ['__proto__']: 1 }]] },
    )
  })

  test('what was changed past the library is not loaded', async () => {
    const of = await newTenant(fleet())
    await of.memory.agentStates.save('a', { budget: 10 })
    await of.memory.agentStates.save('b', 1)
    await sql(
      fleet(),
      `update memory.agent_states set state = '{"budget": 11}' where tenant_id = $1 and agent_id = 'a'`,
      [of.id],
    )
    const error = await failure(of.memory.agentStates.load('a'), 'CHECKSUM_MISMATCH')
    expect(error).toMatchObject({ field: 'agentId', details: { version: 1 } })
    // In one batch with it.
    const both = await Promise.allSettled([of.memory.agentStates.load('a'), of.memory.agentStates.load('b')])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })

  test('of writers that read, change and save at once, each version is won once and no change is lost', async () => {
    const of = await newTenant(fleet())
    const { agentStates } = of.memory
    await agentStates.save('shared', [])
    let conflicts = 0
    const versions: number[] = []
    await Promise.all(
      Array.from({ length: 6 }, async (_, writer) => {
        for (let i = 0; i < 5; ) {
          const { state, version } = (await agentStates.load('shared')) as { state: Json; version: number }
          try {
            const next = [...(state as Json[]), `${writer}:${i}`]
            versions.push((await agentStates.save('shared', next, { expectedVersion: version })).version)
            i++
          } catch (error) {
            expect(error).toMatchObject({ code: 'VERSION_CONFLICT', field: 'options.expectedVersion' })
            conflicts++
          }
        }
      }),
    )
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 2))
    expect(new Set((await agentStates.load('shared'))?.state as string[]).size).toBe(30)
    expect(conflicts).toBeGreaterThan(0)
  })

  test('a call of several is all or none, and plain saves of one agent in a batch are counted', async () => {
    const { agentStates } = (await newTenant(fleet())).memory
    await agentStates.save('a', 1)
    const many = agentStates.save([
      { agentId: 'new', state: 1, expectedVersion: 0 },
      { agentId: 'a', state: 2, expectedVersion: 9 },
    ])
    expect(await failure(many, 'VERSION_CONFLICT')).toMatchObject({
      field: 'states[1].expectedVersion',
      details: { present: 1 },
    })
    expect(await agentStates.load(['new', 'a'])).toMatchObject([undefined, { version: 1 }])
    // They may leave in two statements, of which either may come first.
    const saved = await Promise.all(Array.from({ length: 10 }, (_, i) => agentStates.save('a', i)))
    const versions = saved.map(({ version }) => version)
    expect(versions.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 10 }, (_, i) => i + 2))
    expect(await agentStates.load('a')).toMatchObject({ state: versions.indexOf(11), version: 11 })
    const stale = agentStates.delete('a', { expectedVersion: 3 })
    expect((await failure(stale, 'VERSION_CONFLICT')).message).toContain('version 11')
    expect(await agentStates.delete('a', { expectedVersion: 11 })).toBe(true)
  })
})

describe('workflow states', () => {
  const STATUSES = Object.keys(WORKFLOW_TRANSITIONS) as WorkflowStatus[]

  test('go from pending to running to an end, with stamps', async () => {
    const { workflowStates } = (await newTenant(fleet())).memory
    expect(await workflowStates.save('w', { step: 'a' }, { name: 'release' })).toBe(1)
    expect(await workflowStates.load('w')).toMatchObject({
      workflowId: 'w',
      name: 'release',
      status: 'pending',
      currentStep: 0,
      startedAt: null,
      completedAt: null,
      state: { step: 'a' },
    })
    const running = await workflowStates.transition('w', 'running')
    expect(running).toEqual({ status: 'running', version: 2, startedAt: expect.any(Date), completedAt: null })
    expect(await workflowStates.save('w', { step: 'b' }, { currentStep: 1, expectedVersion: 2 })).toBe(3)
    const done = await workflowStates.transition('w', 'completed', { expectedVersion: 3 })
    expect(done).toEqual({
      status: 'completed',
      version: 4,
      startedAt: running.startedAt,
      completedAt: expect.any(Date),
    })
    expect(await workflowStates.load('w')).toMatchObject({
      name: 'release',
      currentStep: 1,
      state: { step: 'b' },
      ...done,
    })
    expect(await workflowStates.delete('w', { expectedVersion: 4 })).toBe(true)
    expect(await workflowStates.load('w')).toBeUndefined()
  })

  test.each(STATUSES.flatMap((from) => STATUSES.map((to) => [from, to] as const)))(
    'from %s to %s',
    async (from, to) => {
      const { workflowStates } = tenant.memory
      const id = `${from} ${to}`
      await workflowStates.save(id, 1)
      if (from !== 'pending' && from !== 'cancelled') await workflowStates.transition(id, 'running')
      if (from !== 'pending' && from !== 'running') await workflowStates.transition(id, from as 'completed')
      const before = await workflowStates.load(id)
      expect(before?.status).toBe(from)
      const legal: readonly string[] = WORKFLOW_TRANSITIONS[from]
      const call = workflowStates.transition(id, to as 'running')
      if (legal.includes(to)) {
        expect(await call).toMatchObject({ status: to, version: (before?.version ?? 0) + 1 })
        return
      }
      const error = await failure(call, 'WORKFLOW_TRANSITION_ILLEGAL')
      expect(error).toMatchObject({ field: 'status', details: { present: from, legal } })
      expect(error.message).toContain(from)
      for (const each of legal) expect(error.message).toContain(each)
      expect(await workflowStates.load(id)).toEqual(before)
    },
  )

  test('of 18 that move one workflow on at once, one does', async () => {
    const { workflowStates } = tenant.memory
    await workflowStates.save('race', 1)
    for (const to of ['running', 'failed'] as const) {
      const settled = await Promise.allSettled(Array.from({ length: 18 }, () => workflowStates.transition('race', to)))
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    }
    expect(await workflowStates.load('race')).toMatchObject({ status: 'failed', version: 3 })
  })

  test('versions and unknown workflows are refused by name', async () => {
    const { workflowStates } = (await newTenant(fleet())).memory
    expect(await failure(workflowStates.transition('none', 'running'))).toMatchObject({
      code: 'WORKFLOW_UNKNOWN',
      field: 'workflowId',
    })
    await workflowStates.save('w', 1, { expectedVersion: 0 })
    for (const call of [
      () => workflowStates.save('w', 2, { expectedVersion: 0 }),
      () => workflowStates.save('none', 2, { expectedVersion: 3 }),
      () => workflowStates.transition('w', 'running', { expectedVersion: 2 }),
      () => workflowStates.delete('w', { expectedVersion: 2 }),
    ]) {
      expect(await failure(call())).toMatchObject({ code: 'VERSION_CONFLICT', field: 'options.expectedVersion' })
    }
    expect(await workflowStates.list()).toMatchObject([{ workflowId: 'w', version: 1, status: 'pending' }])
    expect(await workflowStates.delete('none')).toBe(false)
  })

  test('list by status goes on behind the last', async () => {
    const { workflowStates } = (await newTenant(fleet())).memory
    for (let i = 0; i < 9; i++) {
      await workflowStates.save(`w${i}`, i)
      if (i % 2) await workflowStates.transition(`w${i}`, 'running')
    }
    const ids = async (options: object) => (await workflowStates.list(options)).map(({ workflowId }) => workflowId)
    expect(await ids({ status: 'running', limit: 2 })).toEqual(['w1', 'w3'])
    expect(await ids({ status: 'running', after: 'w3' })).toEqual(['w5', 'w7'])
    expect(await ids({ status: 'completed' })).toEqual([])
    expect(await ids({ after: 'w6' })).toEqual(['w7', 'w8'])
  })
})

describe('bad input', () => {
  test('is refused by name, and changes nothing', async () => {
    const of = await newTenant(fleet())
    const { agentStates, workflowStates } = of.memory
    const long = 'x'.repeat(1024 * 1024)
    const refused: [Promise<unknown>, string][] = [
      [agentStates.save('', 1), 'agentId'],
      [agentStates.save('x'.repeat(201), 1), 'agentId'],
      [agentStates.save('a\0', 1), 'agentId'],
      [agentStates.save('a', undefined as never), 'state'],
      [agentStates.save('a', { a: Number.NaN }), 'state'],
      [agentStates.save('a', '\ud800'), 'state'],
      [agentStates.save('a', long), 'state'],
      [agentStates.save('a', 1, { agentType: '' }), 'options.agentType'],
      [agentStates.save('a', 1, { schemaVersion: 0 }), 'options.schemaVersion'],
      [agentStates.save('a', 1, { expectedVersion: 0.5 }), 'options.expectedVersion'],
      [agentStates.save('a', 1, { version: 1 } as never), 'options.version'],
      [
        agentStates.save([
          { agentId: 'a', state: 1 },
          { agentId: 'b', state: long },
        ]),
        'states[1].state',
      ],
      [
        agentStates.save([
          { agentId: 'a', state: 1 },
          { agentId: 'a', state: 2 },
        ]),
        'states[1].agentId',
      ],
      [agentStates.save(Array.from({ length: 501 }, (_, i) => ({ agentId: `a${i}`, state: 1 }))), 'items'],
      [agentStates.load(7 as never), 'agentId'],
      [agentStates.load(['a', '']), 'agentIds[1]'],
      [agentStates.delete('a', { expectedVersion: -1 }), 'options.expectedVersion'],
      [agentStates.list({ limit: 10_001 }), 'options.limit'],
      [workflowStates.save('', 1), 'workflowId'],
      [workflowStates.save('w', (() => 1) as never), 'state'],
      [workflowStates.save('w', long), 'state'],
      [workflowStates.save('w', 1, { currentStep: -1 }), 'options.currentStep'],
      [workflowStates.save('w', 1, { name: '\0' }), 'options.name'],
      [workflowStates.transition('w', 'paused' as never), 'status'],
      [workflowStates.transition('w', 'running', { expectedVersion: Number.NaN }), 'options.expectedVersion'],
      [workflowStates.load('x'.repeat(201)), 'workflowId'],
      [workflowStates.list({ status: 'done' as never }), 'options.status'],
      [workflowStates.delete(null as never), 'workflowId'],
    ]
    for (const [call, field] of refused) expect(await failure(call)).toMatchObject({ code: 'INPUT_INVALID', field })
    expect(await agentStates.list()).toEqual([])
    expect(await workflowStates.list()).toEqual([])
  })

  test.each([`'; drop table memory.agent_states; --`, '%', '\\', '"', '__proto__', '\u2028', '\u{1f3f3}'.repeat(100)])(
    'hostile but legal names come back unchanged: %#',
    async (name) => {
      const { agentStates, workflowStates } = tenant.memory
      await agentStates.save(name, { [name]: name }, { agentType: name.slice(0, 100) })
      expect(await agentStates.load(name)).toMatchObject({ agentId: name, agentType: name.slice(0, 100) })
      await workflowStates.save(name, name, { name })
      expect(await workflowStates.load(name)).toMatchObject({ workflowId: name, name, state: name })
    },
  )
})
