// Interactions are their own entries of the audit: listed, sealed and verified with the rows of the log, and retired on their own.
import type { Tenant } from 'pgfleet'
import type { NewInteraction } from 'pgfleet/delivery'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { openTestFleet, sql } from '../setup/index.js'
import { DAY, newTenant } from '../setup/tenant.js'
import { sealAll, settled } from './settled.js'

const fleet = await openTestFleet()

const ada = { actor: { type: 'user', id: 'ada' }, correlationId: 'release-7' } as const

/** A tenant with a session, which is an entry as well. */
async function withSession(): Promise<{ tenant: Tenant; sessionId: string }> {
  const tenant = await newTenant(fleet)
  const { id } = await tenant.delivery.agentSessions.create({ agentName: 'one', agentType: 'tester' })
  return { tenant, sessionId: id }
}

/** Records interactions in one call, and returns their ids. */
async function record(tenant: Tenant, sessionId: string, items: readonly Partial<NewInteraction>[]): Promise<string[]> {
  const recorded = await tenant
    .as(ada)
    .delivery.agentSessions.record(items.map((item) => ({ sessionId, type: 'chat' as const, ...item })))
  return recorded.map(({ id }) => id)
}

const seal = (tenant: Tenant, entriesMax?: number) => sealAll(fleet, tenant, entriesMax)

describe('interactions in a list', () => {
  test('say who, what and how it ended, once each, and are found by their id', async () => {
    const { tenant, sessionId } = await withSession()
    const statuses = ['completed', 'failed', 'timeout', 'cancelled'] as const
    const ids = await record(
      tenant,
      sessionId,
      statuses.map((status, n) => ({ status, tokens: n, costUsd: '0.5', durationMs: 2, request: { secret: 'x' } })),
    )
    // A repeat changes nothing, and is no entry.
    await record(tenant, sessionId, [{ id: ids[0] as string }])
    const { entries } = await tenant.delivery.audit.list({ entityType: 'interaction', order: 'asc' })
    expect(entries).toEqual(
      statuses.map((status, n) => ({
        id: ids[n],
        recordedAt: expect.any(Date),
        entityType: 'interaction',
        entityId: ids[n],
        action: 'execute',
        result: ['success', 'failure', 'timeout', 'cancelled'][n],
        securityLevel: 'normal',
        ...ada,
        changes: {
          session_id: sessionId,
          sequence: n + 1,
          type: 'chat',
          status,
          tokens: n,
          cost_usd: 0.5,
          duration_us: 2000,
        },
      })),
    )
    expect(await tenant.delivery.audit.list({ entityType: 'interaction', entityId: ids[2] as string })).toEqual({
      entries: [entries[2]],
      next: undefined,
    })
    expect((await tenant.delivery.audit.list({ entityType: 'interaction', entityId: 'none' })).entries).toEqual([])
    expect((await tenant.delivery.audit.list({ entityType: 'agent_session' })).entries).toHaveLength(1)
    expect(await sql(fleet, 'select from delivery.audit_log where tenant_id = $1', [tenant.id])).toHaveLength(0)
  })

  test("stand among the log's rows by time, page by page; what is said of one of them is found with it", async () => {
    const { tenant, sessionId } = await withSession()
    const { audit } = tenant.delivery
    const now = Date.now()
    const at = (n: number) => uuidv7({ msecs: now - 60_000 + n * 1000 })
    const ids = Array.from({ length: 12 }, (_, n) => at(n))
    for (const [n, id] of ids.entries()) {
      if (n % 2 === 0) await record(tenant, sessionId, [{ id }])
      else await audit.record({ id, entityType: 'interaction', entityId: ids[n - 1] as string, action: 'approve' })
    }
    for (const order of ['asc', 'desc'] as const) {
      const found: string[] = []
      for (let after: string | undefined, more = true; more; more = after !== undefined) {
        const page = await audit.list({
          order,
          limit: 5,
          to: new Date(now - 30_000),
          ...(after === undefined ? {} : { after }),
        })
        found.push(...page.entries.map(({ id }) => id))
        after = page.next
      }
      expect(found).toEqual(order === 'asc' ? ids : ids.toReversed())
    }
    const one = { entityType: 'interaction', entityId: ids[4] as string }
    expect((await audit.list(one)).entries.map(({ action }) => action)).toEqual(['approve', 'execute'])
    const first = await audit.list({ ...one, order: 'asc', limit: 1 })
    expect(first.entries.map(({ action }) => action)).toEqual(['execute'])
    const second = await audit.list({ ...one, order: 'asc', limit: 1, after: first.next as string })
    expect(second.entries.map(({ action }) => action)).toEqual(['approve'])
  })

  test('with the id of a row of the log hide nothing between two pages', async () => {
    const { tenant, sessionId } = await withSession()
    const { audit } = tenant.delivery
    const id = uuidv7()
    await audit.record({ id, entityType: 'gate', entityId: 'g', action: 'approve' })
    await record(tenant, sessionId, [{ id }])
    for (const order of ['asc', 'desc'] as const) {
      const actions: string[] = []
      for (let after: string | undefined, more = true; more; more = after !== undefined) {
        const page = await audit.list({ order, limit: 1, ...(after === undefined ? {} : { after }) })
        actions.push(...page.entries.map(({ action }) => action))
        after = page.next
      }
      expect(actions.sort()).toEqual(['approve', 'create', 'execute'])
    }
  })

  test('that an older version recorded have their row in the log, and are no entry besides', async () => {
    const { tenant, sessionId } = await withSession()
    const [id] = await record(tenant, sessionId, [{}])
    await sql(
      fleet,
      `update delivery.agent_interactions set transaction_id = null, audit_sequence = null, actor_type = null, actor_id = null,
        correlation_id = null where tenant_id = $1`,
      [tenant.id],
    )
    const { audit } = tenant.delivery
    await audit.record({ entityType: 'interaction', entityId: id as string, action: 'execute' })
    expect((await audit.list({ entityType: 'interaction' })).entries).toMatchObject([{ entityId: id }])
    expect((await audit.list({ entityType: 'interaction', entityId: id as string })).entries).toHaveLength(1)
    await seal(tenant)
    expect(await audit.verify()).toMatchObject({ intact: true, entries: 2, unsealed: 0 })
  })
})

describe('sealed interactions', () => {
  const update = (set: string) => async (tenant: string, id: string) =>
    void (await sql(
      fleet,
      `update delivery.agent_interactions set ${set} where tenant_id = $1 and interaction_id = $2`,
      [tenant, id],
    ))

  test.each<[string, string, (tenant: string, id: string) => Promise<void>]>([
    ['another actor', 'altered', update(`actor_id = 'mallory'`)],
    ['another correlation', 'altered', update(`correlation_id = null`)],
    ['another time', 'altered', update(`recorded_at = recorded_at - interval '1 microsecond'`)],
    ['another result', 'altered', update(`status = 'failed'`)],
    ['fewer tokens', 'altered', update('tokens = 0')],
    ['another question', 'altered', update(`request = '{"n": 2}'`)],
    ['another answer', 'altered', update(`response = '{"n": 2}'`)],
    ['another error', 'altered', update(`error_message = 'none'`)],
    ['another task', 'altered', update(`task = 'none'`)],
    ['another session', 'altered', update('session_id = gen_random_uuid()')],
    ['one moved behind the seals', 'reordered', update(`transaction_id = '9000000000000000000'`)],
    ['one taken out of the audit', 'removed', update('transaction_id = null, audit_sequence = null')],
    [
      'one removed',
      'removed',
      async (tenant, id) =>
        void (await sql(fleet, 'delete from delivery.agent_interactions where tenant_id = $1 and interaction_id = $2', [
          tenant,
          id,
        ])),
    ],
  ])('%s is found, and named: %s', async (_, problem, tamper) => {
    const { tenant, sessionId } = await withSession()
    const { audit } = tenant.delivery
    const ids: string[] = []
    for (let n = 0; n < 3; n++) {
      ids.push(...(await record(tenant, sessionId, [{ tokens: 5, request: { n }, response: { n } }, { tokens: 5 }])))
      await audit.record({ entityType: 'gate', entityId: 'g', action: 'approve' })
    }
    await seal(tenant, 4)
    expect(await audit.verify()).toMatchObject({ intact: true, seals: 3, entries: 10, unsealed: 0 })
    await tamper(tenant.id, ids[2] as string)
    expect((await audit.verify()).breach).toMatchObject({ problem, entryId: ids[2], seal: 2 })
  })

  test('which of its entries are interactions is held by the seal', async () => {
    const { tenant, sessionId } = await withSession()
    await record(tenant, sessionId, [{}])
    await seal(tenant)
    await sql(
      fleet,
      'update delivery.audit_seals set are_interactions = array[true, are_interactions[2]] where tenant_id = $1',
      [tenant.id],
    )
    expect((await tenant.delivery.audit.verify()).breach).toMatchObject({ problem: 'seal_altered', seal: 1 })
  })

  test('retire with their month, whatever the log keeps; not before their time', async () => {
    const { tenant, sessionId } = await withSession()
    const ids = [170, 100, 0].map((days) => uuidv7({ msecs: Date.now() - days * DAY }))
    await sql(fleet, `select platform.ensure_partition('delivery', 'audit_log', $1)`, [ids[0]])
    await record(
      tenant,
      sessionId,
      ids.map((id) => ({ id })),
    )
    await seal(tenant)
    const drop = async (days: number) => {
      const [row] = await sql<{ name: string }>(
        fleet,
        `select 'delivery.agent_interactions_p' || to_char(now() at time zone 'UTC' - $1 * interval '1 day', 'YYYYMM') as name`,
        [days],
      )
      await sql(fleet, `drop table ${row?.name}`)
    }
    const keep = (days: number) =>
      sql(
        fleet,
        `update platform.partitioned_tables set retention = $1 * interval '1 day' where table_name = 'agent_interactions'`,
        [days],
      )
    await keep(130)
    try {
      await drop(170)
      expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, entries: 3, retired: 1 })
      await drop(100)
      expect((await tenant.delivery.audit.verify()).breach).toMatchObject({ problem: 'removed', entryId: ids[1] })
    } finally {
      await keep(400)
    }
  })

  test('that a tenant wants kept for a shorter time leave the chain whole, also when it wants more again', async () => {
    const { tenant, sessionId } = await withSession()
    const { audit } = tenant.delivery
    const ids = [90, 60, 0].map((days) => uuidv7({ msecs: Date.now() - days * DAY }))
    await record(
      tenant,
      sessionId,
      ids.map((id) => ({ id })),
    )
    await seal(tenant)
    const { retention } = fleet.maintenance
    const table = 'delivery.agent_interactions'
    await retention.set({ tenant: tenant.id, table, keepMs: 30 * DAY })
    await fleet.maintenance.runOnce('retention')
    expect((await audit.list({ entityType: 'interaction' })).entries.map(({ id }) => id)).toEqual([ids[2]])
    const whole = { intact: true, entries: 2, retired: 2, unsealed: 0 }
    expect(await audit.verify()).toMatchObject(whole)
    await retention.set({ tenant: tenant.id, table, keepMs: null })
    expect(await audit.verify()).toMatchObject(whole)
    // One that is younger than what was removed has to be there.
    await sql(fleet, 'delete from delivery.agent_interactions where tenant_id = $1 and interaction_id = $2', [
      tenant.id,
      ids[2],
    ])
    expect((await audit.verify()).breach).toMatchObject({ problem: 'removed', entryId: ids[2] })
  })

  test('the application can neither change nor remove them, nor say that they have retired', async () => {
    for (const text of [
      `update delivery.agent_interactions set actor_id = 'x'`,
      'delete from delivery.agent_interactions',
      `insert into delivery.interaction_floors values ('t', gen_random_uuid())`,
    ]) {
      await expect(sql(fleet, `set role pgfleet_app; ${text}`)).rejects.toThrow(/permission denied/)
    }
  })
})

test('an export brings them over as entries, and those of an older version as what they were', async () => {
  const { tenant, sessionId } = await withSession()
  const ids = await record(tenant, sessionId, [{}, {}, {}])
  await sql(
    fleet,
    'update delivery.agent_interactions set transaction_id = null, audit_sequence = null where interaction_id = $1',
    [ids[1]],
  )
  const there = await openTestFleet()
  await there.tenants.import(fleet.tenants.export(tenant.id))
  const { audit } = there.tenant(tenant.id).delivery
  const { entries } = await audit.list({ entityType: 'interaction', order: 'asc' })
  expect(entries).toMatchObject([
    { id: ids[0], ...ada },
    { id: ids[2], ...ada },
  ])
  await settled(there, tenant.id, 'audit')
  await audit.seal()
  expect(await audit.verify()).toMatchObject({ intact: true, entries: 3, unsealed: 0 })
})
