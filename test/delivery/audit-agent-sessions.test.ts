// The row of an agent session is the entry of its creation: listed, sealed and verified with the rows of the log, whatever becomes of it.
import { migrate, migrateDown, openDatabase, openFleet, type Tenant } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines, openTestFleet, sql } from '../setup/index.js'
import { DAY, newTenant } from '../setup/tenant.js'
import { testSealedCreations } from './sealed-creations.js'
import { sealAll, settled } from './settled.js'

const fleet = await openTestFleet()

const ada = { actor: { type: 'user', id: 'ada' }, correlationId: 'release-7' } as const
const agent = { agentName: 'one', agentType: 'tester' } as const

const seal = (tenant: Tenant, entriesMax?: number) => sealAll(fleet, tenant, entriesMax)

/** A tenant with sessions that are created among other entries, three seals of three each; their ids. */
async function withSealed(): Promise<{ tenant: Tenant; ids: string[] }> {
  const tenant = await newTenant(fleet)
  const ids: string[] = []
  for (let n = 0; n < 3; n++) {
    const created = await tenant.as(ada).delivery.agentSessions.create([
      { ...agent, data: { n }, budgets: { tokens: 10, costUsd: '0.50' } },
      { ...agent, agentVersion: '1', task: 'test' },
    ])
    ids.push(...created.map(({ id }) => id))
    await tenant.delivery.audit.record({ entityType: 'gate', entityId: 'g', action: 'approve' })
  }
  await seal(tenant, 3)
  return { tenant, ids }
}

describe('created sessions in a list', () => {
  test('say who, what and when, once each, without secrets, and are found by their id with what changed since', async () => {
    const tenant = await newTenant(fleet)
    const { agentSessions, audit } = tenant.as(ada).delivery
    const [one] = await agentSessions.create([
      {
        ...agent,
        budgets: { tokens: 10 },
        data: { apiKey: 'k', n: 1 },
        expiresAt: new Date('2030-01-02T03:04:05.678Z'),
      },
      agent,
    ])
    const id = one?.id as string
    // A repeat changes nothing, and is no entry.
    await agentSessions.create({
      ...agent,
      id,
      budgets: { tokens: 10 },
      data: { apiKey: 'k', n: 1 },
      expiresAt: new Date('2030-01-02T03:04:05.678Z'),
    })
    await agentSessions.update({
      id,
      data: { n: 2 },
      budgets: { tokens: 20 },
      expiresAt: new Date('2031-01-01T00:00:00Z'),
    })
    await agentSessions.transition(id, 'idle')
    const { entries } = await audit.list({ entityType: 'agent_session', entityId: id, order: 'asc' })
    expect(entries.map(({ action }) => action)).toEqual(['create', 'update', 'update'])
    expect(entries[0]).toEqual({
      id,
      recordedAt: one?.startedAt,
      entityType: 'agent_session',
      entityId: id,
      action: 'create',
      result: 'success',
      securityLevel: 'normal',
      ...ada,
      changes: {
        agent_name: 'one',
        agent_type: 'tester',
        token_budget: 10,
        live_until: '2030-01-02T03:04:05.678+00:00',
        data: { apiKey: '[redacted]', n: 1 },
        context: {},
        metadata: {},
      },
    })
    expect((await audit.list({ entityType: 'agent_session', action: 'create' })).entries).toHaveLength(2)
    expect((await audit.list({ entityType: 'interaction', entityId: id })).entries).toEqual([])
    // One row of the log a change, and none of the creations.
    expect(await sql(fleet, 'select from delivery.audit_log where tenant_id = $1', [tenant.id])).toHaveLength(2)
  })

  test('stand among interactions and rows of the log by time, page by page, also where all three have one id', async () => {
    const tenant = await newTenant(fleet)
    const { agentSessions, audit } = tenant.delivery
    const now = Date.now()
    const ids = Array.from({ length: 12 }, (_, n) => uuidv7({ msecs: now - 60_000 + n * 1000 }))
    const { id: sessionId } = await agentSessions.create(agent)
    for (const [n, id] of ids.entries()) {
      if (n % 3 === 0) await agentSessions.create({ ...agent, id })
      if (n % 3 === 1 || n === 3) await agentSessions.record({ id, sessionId, type: 'chat' })
      if (n % 3 === 2 || n === 3) await audit.record({ id, entityType: 'gate', entityId: 'g', action: 'approve' })
    }
    const all = ids.flatMap((id, n) => (n === 3 ? [id, id, id] : [id]))
    for (const order of ['asc', 'desc'] as const) {
      for (const limit of [1, 3, 5]) {
        const found: string[] = []
        for (let after: string | undefined, more = true; more; more = after !== undefined) {
          const to = new Date(now - 30_000)
          const page = await audit.list({ order, limit, to, ...(after === undefined ? {} : { after }) })
          found.push(...page.entries.map(({ id }) => id))
          after = page.next
        }
        expect(found).toEqual(order === 'asc' ? all : all.toReversed())
      }
    }
  })

  test('with an id of another time than this hour stand where they were recorded', async () => {
    const tenant = await newTenant(fleet)
    const ids = [-300 * DAY, -2 * 3_600_000, DAY].map((ms) => uuidv7({ msecs: Date.now() + ms }))
    await tenant.as(ada).delivery.agentSessions.create(ids.map((id) => ({ ...agent, id, metadata: { secret: 's' } })))
    const { entries } = await tenant.delivery.audit.list({ from: new Date(Date.now() - 60_000), order: 'asc' })
    expect(entries.map(({ entityId }) => entityId)).toEqual(ids)
    expect(entries).toMatchObject(
      ids.map(() => ({ ...ada, action: 'create', changes: { agent_name: 'one', metadata: { secret: '[redacted]' } } })),
    )
    await seal(tenant)
    expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, entries: 3, unsealed: 0 })
  })

  test('are of their tenant alone', async () => {
    const [one, other] = [await newTenant(fleet), await newTenant(fleet)]
    const { id } = await one.delivery.agentSessions.create(agent)
    expect((await other.delivery.audit.list({ entityType: 'agent_session', entityId: id })).entries).toEqual([])
    expect((await other.delivery.audit.list({})).entries).toEqual([])
    await seal(other)
    expect(await other.delivery.audit.verify()).toMatchObject({ intact: true, entries: 0, unsealed: 0 })
  })
})

describe('sealed creations', () => {
  test('hold, whatever becomes of the session', async () => {
    const { tenant, ids } = await withSealed()
    const { agentSessions, audit } = tenant.delivery
    await agentSessions.record(
      ids.map((sessionId) => ({ sessionId, type: 'chat' as const, tokens: 1, costUsd: '0.1' })),
    )
    for (let n = 1; n < 3; n++) {
      // The same for all: they share a row of the log.
      const expiresAt = new Date(Date.now() + n * DAY)
      await agentSessions.update(
        ids.map((id) => ({
          id,
          data: { n: -n, more: { secret: 'x' } },
          context: { n },
          metadata: { n },
          budgets: { tokens: 20 + n, costUsd: `${n}.5`, requests: n + 5 },
          expiresAt,
        })),
      )
    }
    for (const id of ids) await agentSessions.transition(id, 'completed')
    // Six interactions, six rows of the first batch, whose times ended apart before, one of the second, and six ends.
    expect(await audit.verify()).toMatchObject({ intact: true, seals: 3, entries: 9, retired: 0, unsealed: 19 })
    // Under other settings of the session, too.
    await seal(tenant)
    const [row] = await sql<{ problem: string | null; rows: number }>(
      fleet,
      `select set_config('timezone', 'Asia/Tokyo', true), set_config('datestyle', 'German', true), v.problem, v.rows::integer as rows
      from delivery.verify_audit($1, 0, null) v`,
      [tenant.id],
    )
    expect(row).toMatchObject({ problem: null, rows: 28 })
  })

  testSealedCreations(fleet, {
    table: 'delivery.agent_sessions',
    key: 'session_id',
    marks: 'are_sessions',
    marksBefore: 'are_interactions',
    alterations: {
      'another actor': `actor_id = 'mallory'`,
      'another correlation': `correlation_id = null`,
      'another time': `started_at = started_at - interval '1 microsecond'`,
      'another name': `agent_name = 'two'`,
      'another kind': `agent_type = 'deployer'`,
      'another version': `agent_version = '2'`,
      'another task': `task = 'none'`,
      'another parent': `parent_id = gen_random_uuid()`,
      'another workflow': `workflow_id = gen_random_uuid()`,
      'other first data': `created_with = '{"data": {"n": 1}}'`,
    },
    withSealed,
    create: async (tenant) => (await tenant.delivery.agentSessions.create(agent)).id,
  })

  test('seals without sessions have the hash that an older version gave them', async () => {
    const tenant = await newTenant(fleet)
    const { id: sessionId } = await tenant.delivery.agentSessions.create(agent)
    await seal(tenant)
    await tenant.delivery.audit.record({ entityType: 'gate', entityId: 'g', action: 'approve' })
    await seal(tenant)
    await tenant.delivery.agentSessions.record({ sessionId, type: 'chat' })
    await seal(tenant)
    const rows = await sql(
      fleet,
      `select s.are_sessions is not null as has_sessions, s.seal_hash = sha256(s.previous_hash || convert_to((jsonb_build_array(
        s.tenant_id, s.seal_number, (extract(epoch from s.sealed_at) * 1000000)::bigint, s.to_transaction::text, s.to_sequence, s.audit_ids
      ) || case when s.are_interactions is null then '[]' else jsonb_build_array(s.are_interactions) end)::text, 'UTF8') || s.row_hashes) as is_as_before
      from delivery.audit_seals s where s.tenant_id = $1 order by s.seal_number`,
      [tenant.id],
    )
    expect(rows).toEqual([
      { has_sessions: true, is_as_before: false },
      { has_sessions: false, is_as_before: true },
      { has_sessions: false, is_as_before: true },
    ])
  })
})

test('an export brings them over as entries, and those of an older version as what they were', async () => {
  const tenant = await newTenant(fleet)
  const created = await tenant.as(ada).delivery.agentSessions.create([agent, agent, agent])
  const ids = created.map(({ id }) => id)
  await tenant.delivery.agentSessions.update({ id: ids[0] as string, data: { n: 1 } })
  await sql(
    fleet,
    'update delivery.agent_sessions set transaction_id = null, audit_sequence = null where session_id = $1',
    [ids[1]],
  )
  const there = await openTestFleet()
  await there.tenants.import(fleet.tenants.export(tenant.id))
  const { audit } = there.tenant(tenant.id).delivery
  const { entries } = await audit.list({ entityType: 'agent_session', action: 'create', order: 'asc' })
  expect(entries).toMatchObject([
    { id: ids[0], ...ada },
    { id: ids[2], ...ada },
  ])
  await settled(there, tenant.id, 'audit')
  await audit.seal()
  // Their transactions are of that database.
  expect(await sql(there, `select from delivery.agent_sessions where transaction_id <= '3'`)).toEqual([])
  expect(await audit.verify()).toMatchObject({ intact: true, entries: 3, unsealed: 0 })
})

test('that an older version created have their row in the log, and are no entry besides', async () => {
  const tenant = await newTenant(fleet)
  const { id } = await tenant.delivery.agentSessions.create(agent)
  await sql(
    fleet,
    `update delivery.agent_sessions set transaction_id = null, audit_sequence = null, actor_type = null, actor_id = null, correlation_id = null
    where session_id = $1`,
    [id],
  )
  const { audit } = tenant.delivery
  await audit.record({ entityType: 'agent_session', entityId: id, action: 'create' })
  expect((await audit.list({ entityType: 'agent_session' })).entries).toMatchObject([{ entityId: id }])
  expect((await audit.list({ entityType: 'agent_session', entityId: id })).entries).toHaveLength(1)
  await tenant.delivery.agentSessions.transition(id, 'idle')
  await seal(tenant)
  expect(await audit.verify()).toMatchObject({ intact: true, entries: 2, unsealed: 0 })
})

onEngines(['direct', 'pooled'], 'each opening in memory is another database')(
  'the way to the version before leaves the sessions, and begins the chain anew',
  async () => {
    const { options } = await createTestDatabase()
    const first = await openFleet(options)
    await first.tenants.create({ id: 'a' })
    const { delivery } = first.tenant('a')
    const { id } = await delivery.agentSessions.create({ ...agent, data: { n: 1 } })
    await delivery.agentSessions.transition(id, 'idle')
    await settled(first, 'a', 'audit')
    await delivery.audit.seal()
    expect(await delivery.audit.verify()).toMatchObject({ intact: true, entries: 2 })
    await first.close()
    const database = await openDatabase(options)
    afterFile(() => database.close())
    await migrateDown(database, 28, { allowDataLoss: true })
    await migrate(database)
    const again = await openFleet(options)
    afterFile(() => again.close())
    const after = again.tenant('a').delivery
    expect(await after.agentSessions.get(id)).toMatchObject({ id, status: 'idle', data: { n: 1 } })
    expect((await after.audit.list({})).entries.map(({ action }) => action)).toEqual(['update'])
    const { id: next } = await after.agentSessions.create(agent)
    await settled(again, 'a', 'audit')
    await after.audit.seal()
    expect(await after.audit.verify()).toMatchObject({ intact: true, entries: 2, unsealed: 0 })
    expect((await after.audit.list({ entityType: 'agent_session', entityId: next })).entries).toHaveLength(1)
  },
)
