import type { NewRole } from 'pgfleet/metadata'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'
import { asAgent, changesOf, pick } from './support.js'

const fleet = useFleet()

async function withRole(rights: Partial<NewRole>, syncGroup = 'NORMAL') {
  const tenant = await newTenant(fleet())
  await tenant.metadata.entities.create({ name: 'lamp' })
  await tenant.metadata.set({ entity: 'lamp', key: 'old', value: 0 })
  await tenant.metadata.roles.grant({ agentId: 'ann', syncGroup, read: false, ...rights })
  return { tenant, service: tenant.metadata, ann: asAgent(tenant, 'ann') }
}
const old = { entity: 'lamp', key: 'old' }
const fresh = { entity: 'lamp', key: 'new' }

describe('an agent may do what its role in the group of the entity says, and nothing else', () => {
  test.each([
    ['nothing', {}, []],
    ['read', { read: true }, ['get', 'getMany', 'getEntities', 'entity', 'list']],
    ['insert', { insert: true }, ['insert', 'create']],
    ['update', { update: true }, ['update', 'change', 'many', 'expected']],
    ['delete', { delete: true }, ['delete', 'drop']],
    ['all in another group', { read: true, insert: true, update: true, delete: true, syncGroup: 'STATIC' }, []],
  ] as const)('%s', async (_, rights, allowed) => {
    const trials: Record<string, (ann: ReturnType<typeof asAgent>) => Promise<unknown>> = {
      get: (ann) => ann.get(old),
      getMany: (ann) => ann.getMany([old]),
      getEntities: (ann) => ann.getEntities(['lamp']),
      entity: (ann) => ann.entities.get('lamp'),
      list: (ann) => ann.list({ group: 'NORMAL' }),
      insert: (ann) => ann.set({ ...fresh, value: 1 }),
      create: (ann) => ann.entities.create({ name: 'door' }),
      update: (ann) => ann.set({ ...old, value: 1 }),
      many: (ann) => ann.setMany([{ ...old, value: 2 }]),
      expected: (ann) => ann.set({ ...old, value: 3, expectedVersion: 1 }),
      change: (ann) => ann.entities.update({ name: 'lamp', loadPriority: 3 }),
      delete: (ann) => ann.delete(old),
      drop: (ann) => ann.entities.delete('lamp'),
    }
    for (const [name, trial] of Object.entries(trials)) {
      const { ann, service } = await withRole(rights)
      const before = await service.getEntities(['lamp', 'door'])
      if ((allowed as readonly string[]).includes(name)) {
        await trial(ann)
      } else {
        const error = await failure(trial(ann), 'PERMISSION_DENIED')
        expect(error.field, name).toBeTruthy()
        expect(await service.getEntities(['lamp', 'door'])).toEqual(before)
      }
    }
  })

  test('a move needs the right to delete in the old group and to insert in the new one', async () => {
    const { service, ann } = await withRole({ delete: true })
    const move = () => ann.entities.update({ name: 'lamp', syncGroup: 'STATIC' })
    await failure(move(), 'PERMISSION_DENIED')
    await service.roles.grant({ agentId: 'ann', syncGroup: 'STATIC', insert: true })
    expect((await move()).syncGroup).toBe('STATIC')
    // Back again: no right to delete there.
    await failure(ann.entities.update({ name: 'lamp', syncGroup: 'NORMAL' }), 'PERMISSION_DENIED')
  })

  test('an expired or deleted key is inserted, not updated', async () => {
    const { service, ann } = await withRole({ update: true })
    await service.delete(old)
    await failure(ann.set({ ...old, value: 1 }), 'PERMISSION_DENIED')
    await service.roles.grant({ agentId: 'ann', syncGroup: 'NORMAL', insert: true })
    expect(await ann.set({ ...old, value: 1 })).toBe(3)
    await failure(ann.set({ ...old, value: 2 }), 'PERMISSION_DENIED')
  })

  test('whoever wrote is recorded', async () => {
    const { tenant, service, ann } = await withRole({ update: true, insert: true })
    await ann.set({ ...old, value: 5 })
    expect(await service.get(old)).toMatchObject({ updatedBy: 'ann' })
    await service.set({ ...old, value: 6 })
    expect(await service.get(old)).toMatchObject({ updatedBy: null })
    expect((await changesOf(fleet(), tenant.id)).at(-2)).toMatchObject({ agent_ids: ['ann'] })
  })

  test('a role that is revoked, or changed, counts at once; both are logged', async () => {
    const { tenant, service, ann } = await withRole({ read: true })
    await ann.get(old)
    expect(await service.roles.grant({ agentId: 'ann', syncGroup: 'NORMAL' })).toBe(false)
    expect(await service.roles.revoke('ann', 'NORMAL')).toBe(true)
    expect(await service.roles.revoke('ann', 'NORMAL')).toBe(false)
    await failure(ann.get(old), 'PERMISSION_DENIED')
    expect((await changesOf(fleet(), tenant.id)).filter(({ kind }) => kind === 'roles')).toMatchObject([
      { sync_group: 'NORMAL', agent_ids: ['ann'] },
      { sync_group: 'NORMAL', agent_ids: ['ann'] },
    ])
  })

  test('the system, and a call without an actor, are the service; agents are not', async () => {
    const { tenant, ann } = await withRole({ read: true, insert: true, update: true, delete: true })
    const system = tenant.as({ actor: { type: 'system', id: 'cron' } }).metadata
    expect(await system.set({ ...old, value: 9 })).toBe(2)
    const trials = [
      () => ann.groups.set({ name: 'MINE' }),
      () => ann.groups.delete('STATIC'),
      () => ann.roles.grant({ agentId: 'ann', syncGroup: 'STATIC' }),
      () => ann.roles.revoke('bob', 'NORMAL'),
      () => ann.roles.list(),
      () => ann.mergeVolatile(),
      () => ann.deleteExpired(),
      () => ann.forgetTombstones(),
    ]
    for (const trial of trials) await failure(trial(), 'PERMISSION_DENIED')
    expect((await ann.groups.list()).length).toBe(4)
  })
})

const ROLES: readonly Partial<NewRole>[] = [
  { update: true },
  { insert: true },
  { insert: true, update: true },
  { delete: true },
  { insert: true, update: true, delete: true },
  {},
]
async function withAgents() {
  const { tenant, service } = await withRole({})
  await service.roles.grant(ROLES.map((rights, n) => ({ agentId: `agent-${n}`, syncGroup: 'NORMAL', ...rights })))
  return { tenant, service, agents: ROLES.map((_, n) => asAgent(tenant, `agent-${n}`)) }
}

test('calls of many agents at once: a refused write never displaces an allowed one, and the last allowed one stays', async () => {
  const { service, agents } = await withAgents()
  const next = pick(7)
  for (let round = 0; round < 10; round++) {
    const keys = Array.from({ length: 4 }, (_, n) => ({ entity: 'lamp', key: `${round}-${n}` }))
    await service.setMany(keys.map((key) => ({ ...key, value: 'before' })))
    const calls = Array.from({ length: 60 }, (_, n) => ({ key: next(4), agent: next(6), value: `${round}.${n}` }))
    const outcomes = await Promise.allSettled(
      calls.map(({ key, agent, value }) => agents[agent]?.set({ ...(keys[key] as (typeof keys)[number]), value })),
    )
    for (const [n, { agent }] of calls.entries()) {
      if (ROLES[agent]?.update) expect(outcomes[n]).toMatchObject({ status: 'fulfilled' })
      else expect(outcomes[n]).toMatchObject({ reason: { code: 'PERMISSION_DENIED' } })
    }
    for (const [n, key] of keys.entries()) {
      const last = calls.filter((call) => call.key === n && ROLES[call.agent]?.update).at(-1)
      expect((await service.get(key))?.value).toBe(last?.value ?? 'before')
    }
  }
})

test('one statement of many agents: each item is judged by its own role and by what was there before', async () => {
  const { tenant, service } = await withAgents()
  const next = pick(8)
  for (let round = 0; round < 40; round++) {
    const keys = Array.from({ length: 4 }, (_, n) => ({ entity: 'lamp', key: `${round}-${n}` }))
    // Of some rounds all keys are there, which takes the short way.
    const there = keys.filter(() => round % 3 === 0 || next(2) === 0)
    await service.setMany(there.map((key) => ({ ...key, value: 'before' })))
    const items = Array.from({ length: 30 }, (_, n) => ({
      key: keys[next(4)] as (typeof keys)[number],
      agent: next(6),
      value: next(4) === 0 ? undefined : `${round}.${n}`,
    }))
    const rows = await sql<{ ordinal: number; refusal: string | null; version: number }>(
      fleet(),
      'select * from metadata.set_entries($1, $2) order by ordinal',
      [
        tenant.id,
        JSON.stringify(
          items.map(({ key, agent, value }) => ({
            ...key,
            agent: `agent-${agent}`,
            ...(value === undefined ? {} : { type: 'text', value }),
          })),
        ),
      ],
    )
    for (const key of keys) {
      const wasThere = there.includes(key)
      const mine = items.map((item, n) => ({ ...item, ...rows[n] })).filter((item) => item.key === key)
      const isAllowed = ({ agent, value }: (typeof items)[number]) => {
        const role = ROLES[agent] as Partial<NewRole>
        return Boolean(value === undefined ? role.delete : wasThere ? role.update : role.insert)
      }
      for (const item of mine) expect(item.refusal, JSON.stringify(item)).toBe(isAllowed(item) ? null : 'forbidden')
      const allowed = mine.filter(isAllowed)
      const last = allowed.at(-1)
      expect((await service.get(key))?.value).toBe(last === undefined ? (wasThere ? 'before' : undefined) : last.value)
      // All that were allowed have the version of the one that stays.
      expect(new Set(allowed.map(({ version }) => version)).size).toBeLessThanOrEqual(1)
    }
  }
})
