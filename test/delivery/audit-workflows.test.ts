// What a workflow was created with is the entry of its creation: listed, sealed and verified with the rows of the log, whatever becomes of it.
import { migrate, migrateDown, openDatabase, openFleet, type Tenant } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines, openTestFleet, sql } from '../setup/index.js'
import { DAY, newTenant } from '../setup/tenant.js'
import { testSealedCreations } from './sealed-creations.js'
import { sealAll, settled } from './settled.js'

const fleet = await openTestFleet()

const ada = { actor: { type: 'user', id: 'ada' }, correlationId: 'release-7' } as const
const flow = { name: 'one', type: 'testing', environment: 'staging', tasks: [] } as const

const seal = (tenant: Tenant, entriesMax?: number) => sealAll(fleet, tenant, entriesMax)

/** A tenant with workflows that are created among other entries, three seals of three each; their ids. */
async function withSealed(): Promise<{ tenant: Tenant; ids: string[] }> {
  const tenant = await newTenant(fleet)
  const ids: string[] = []
  for (let n = 0; n < 3; n++) {
    const created = await tenant.as(ada).delivery.workflows.create([
      { ...flow, metadata: { n }, configuration: { apiKey: 'k' } },
      { ...flow, priority: 3, tasks: [{ name: 'a', type: 'job' }] },
    ])
    ids.push(...created.map(({ id }) => id))
    await tenant.delivery.audit.record({ entityType: 'gate', entityId: 'g', action: 'approve' })
  }
  await seal(tenant, 3)
  return { tenant, ids }
}

describe('created workflows in a list', () => {
  test('say who, what and when, once each, without secrets, and are found by their id with what changed since', async () => {
    const tenant = await newTenant(fleet)
    const { workflows, audit } = tenant.as(ada).delivery
    const id = uuidv7()
    const wanted = {
      ...flow,
      id,
      priority: 2,
      configuration: { apiKey: 'k', n: 1 },
      metadata: { team: 'x' },
      tasks: [{ name: 'a', type: 'job' }],
    }
    const [one] = await workflows.create([wanted, flow])
    // A repeat changes nothing, and is no entry.
    await workflows.create(wanted)
    await workflows.start(id)
    await workflows.pause(id)
    const { entries } = await audit.list({ entityType: 'workflow', entityId: id, order: 'asc' })
    expect(entries.map(({ action }) => action)).toEqual(['create', 'start', 'pause'])
    expect(entries[0]).toEqual({
      id,
      recordedAt: (await workflows.get(id))?.createdAt,
      entityType: 'workflow',
      entityId: id,
      action: 'create',
      result: 'success',
      securityLevel: 'normal',
      ...ada,
      changes: {
        name: 'one',
        status: 'pending',
        type: 'testing',
        environment: 'staging',
        priority: 2,
        tasks: 1,
        configuration: { apiKey: '[redacted]', n: 1 },
        metadata: { team: 'x' },
      },
    })
    expect(one).toMatchObject({ id, status: 'pending' })
    expect((await audit.list({ entityType: 'workflow', action: 'create' })).entries).toHaveLength(2)
    expect((await audit.list({ entityType: 'task', entityId: id })).entries).toEqual([])
    // One row of the log a change, and none of the creations.
    expect(await sql(fleet, 'select from delivery.audit_log where tenant_id = $1', [tenant.id])).toHaveLength(2)
  })

  test('stand among interactions, sessions and rows of the log by time, page by page, also where all four have one id', async () => {
    const tenant = await newTenant(fleet)
    const { agentSessions, workflows, audit } = tenant.delivery
    const agent = { agentName: 'one', agentType: 'tester' } as const
    const now = Date.now()
    const ids = Array.from({ length: 16 }, (_, n) => uuidv7({ msecs: now - 60_000 + n * 1000 }))
    const { id: sessionId } = await agentSessions.create(agent)
    for (const [n, id] of ids.entries()) {
      if (n % 4 === 0 || n === 3) await workflows.create({ ...flow, id })
      if (n % 4 === 1 || n === 3) await agentSessions.create({ ...agent, id })
      if (n % 4 === 2 || n === 3) await agentSessions.record({ id, sessionId, type: 'chat' })
      if (n % 4 === 3) await audit.record({ id, entityType: 'gate', entityId: 'g', action: 'approve' })
    }
    const all = ids.flatMap((id, n) => (n === 3 ? [id, id, id, id] : [id]))
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

  test('that are started at once stand before their start, also where the clock of their maker is ahead', async () => {
    const tenant = await newTenant(fleet)
    const { workflows, audit } = tenant.as(ada).delivery
    const ids = [-1000, 0, 20_000].map((ms) => uuidv7({ msecs: Date.now() + ms }))
    for (const id of ids) {
      await workflows.create({ ...flow, id, start: true })
      const { entries } = await audit.list({ entityType: 'workflow', entityId: id, order: 'asc' })
      expect(entries.map(({ action }) => action)).toEqual(['create', 'start', 'stop'])
      expect(entries[0]).toMatchObject({ ...ada, changes: { name: 'one', status: 'pending', priority: 0, tasks: 0 } })
    }
    await seal(tenant)
    expect(await audit.verify()).toMatchObject({ intact: true, entries: 9, unsealed: 0 })
  })

  test('with an id of another time than this hour stand where they were recorded', async () => {
    const tenant = await newTenant(fleet)
    const ids = [-30 * DAY, -2 * 3_600_000, 3_600_000].map((ms) => uuidv7({ msecs: Date.now() + ms }))
    await tenant.as(ada).delivery.workflows.create(ids.map((id) => ({ ...flow, id, metadata: { secret: 's' } })))
    const { entries } = await tenant.delivery.audit.list({ from: new Date(Date.now() - 60_000), order: 'asc' })
    expect(entries.map(({ entityId }) => entityId)).toEqual(ids)
    expect(entries).toMatchObject(
      ids.map(() => ({ ...ada, action: 'create', changes: { name: 'one', metadata: { secret: '[redacted]' } } })),
    )
    await seal(tenant)
    expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, entries: 3, unsealed: 0 })
  })

  test('are of their tenant alone', async () => {
    const [one, other] = [await newTenant(fleet), await newTenant(fleet)]
    const { id } = await one.delivery.workflows.create(flow)
    expect((await other.delivery.audit.list({ entityType: 'workflow', entityId: id })).entries).toEqual([])
    expect((await other.delivery.audit.list({})).entries).toEqual([])
    await seal(other)
    expect(await other.delivery.audit.verify()).toMatchObject({ intact: true, entries: 0, unsealed: 0 })
  })
})

describe('sealed creations', () => {
  test('hold, whatever becomes of the workflow', async () => {
    const { tenant, ids } = await withSealed()
    const { workflows, audit } = tenant.delivery
    for (const id of ids) {
      await workflows.start(id)
      if ((await workflows.get(id))?.status === 'running') await workflows.cancel(id)
    }
    expect(await audit.verify()).toMatchObject({ intact: true, seals: 3, entries: 9, retired: 0, unsealed: 12 })
    // Under other settings of the session, too.
    await seal(tenant)
    const [row] = await sql<{ problem: string | null; rows: number }>(
      fleet,
      `select set_config('timezone', 'Asia/Tokyo', true), set_config('datestyle', 'German', true), v.problem, v.rows::integer as rows
      from delivery.verify_audit($1, 0, null) v`,
      [tenant.id],
    )
    expect(row).toMatchObject({ problem: null, rows: 21 })
  })

  testSealedCreations(fleet, {
    table: 'delivery.workflow_details',
    key: 'workflow_id',
    marks: 'are_workflows',
    marksBefore: 'are_sessions',
    alterations: {
      'another actor': `actor_id = 'mallory'`,
      'another kind of actor': `actor_type = 'system'`,
      'another correlation': `correlation_id = null`,
      'another time': `recorded_at = recorded_at - interval '1 microsecond'`,
      'another name': `name = 'two'`,
      'another type': `workflow_type = 'deploy'`,
      'another environment': `environment = 'production'`,
      'another priority': `created_priority = 9`,
      'another number of tasks': `created_tasks = 2`,
      'other configuration': `created_with = '{"metadata": {"n": 1}}'`,
    },
    withSealed,
    create: async (tenant) => (await tenant.delivery.workflows.create(flow)).id,
  })

  test('seals without workflows have the hash that an older version gave them', async () => {
    const tenant = await newTenant(fleet)
    await tenant.delivery.workflows.create(flow)
    await seal(tenant)
    await tenant.delivery.audit.record({ entityType: 'gate', entityId: 'g', action: 'approve' })
    await seal(tenant)
    await tenant.delivery.agentSessions.create({ agentName: 'one', agentType: 'tester' })
    await seal(tenant)
    const rows = await sql(
      fleet,
      `select s.are_workflows is not null as has_workflows, s.seal_hash = sha256(s.previous_hash || convert_to((jsonb_build_array(
        s.tenant_id, s.seal_number, (extract(epoch from s.sealed_at) * 1000000)::bigint, s.to_transaction::text, s.to_sequence, s.audit_ids
      ) || case when s.are_sessions is null then '[]' else jsonb_build_array(s.are_interactions, s.are_sessions) end)::text, 'UTF8') || s.row_hashes) as is_as_before
      from delivery.audit_seals s where s.tenant_id = $1 order by s.seal_number`,
      [tenant.id],
    )
    expect(rows).toEqual([
      { has_workflows: true, is_as_before: false },
      { has_workflows: false, is_as_before: true },
      { has_workflows: false, is_as_before: true },
    ])
  })
})

test('an export brings them over as entries, and those of an older version as what they were', async () => {
  const tenant = await newTenant(fleet)
  const created = await tenant.as(ada).delivery.workflows.create([flow, flow, flow])
  const ids = created.map(({ id }) => id)
  await sql(
    fleet,
    'update delivery.workflow_details set transaction_id = null, audit_sequence = null where workflow_id = $1',
    [ids[1]],
  )
  const there = await openTestFleet()
  await there.tenants.import(fleet.tenants.export(tenant.id))
  const { audit } = there.tenant(tenant.id).delivery
  const { entries } = await audit.list({ entityType: 'workflow', action: 'create', order: 'asc' })
  expect(entries).toMatchObject([
    { id: ids[0], ...ada },
    { id: ids[2], ...ada },
  ])
  await settled(there, tenant.id, 'audit')
  await audit.seal()
  // Their transactions are of that database.
  expect(await sql(there, `select from delivery.workflow_details where transaction_id <= '3'`)).toEqual([])
  expect(await audit.verify()).toMatchObject({ intact: true, entries: 2, unsealed: 0 })
})

test('that an older version created have their row in the log, and are no entry besides', async () => {
  const tenant = await newTenant(fleet)
  const { id } = await tenant.delivery.workflows.create({ ...flow, tasks: [{ name: 'a', type: 'job' }] })
  await sql(
    fleet,
    `update delivery.workflow_details set transaction_id = null, audit_sequence = null, recorded_at = null, actor_type = null, actor_id = null,
      correlation_id = null, created_priority = null, created_tasks = null
    where workflow_id = $1`,
    [id],
  )
  const { audit } = tenant.delivery
  await audit.record({ entityType: 'workflow', entityId: id, action: 'create' })
  expect((await audit.list({ entityType: 'workflow' })).entries).toMatchObject([{ entityId: id }])
  expect((await audit.list({ entityType: 'workflow', entityId: id })).entries).toHaveLength(1)
  await tenant.delivery.workflows.start(id)
  await seal(tenant)
  expect(await audit.verify()).toMatchObject({ intact: true, entries: 2, unsealed: 0 })
})

test('no column but the key is one of the workflow, whose row is laid over theirs in reads', async () => {
  const rows = await sql(
    fleet,
    `select column_name from information_schema.columns where table_schema = 'delivery' and table_name = 'workflows'
    intersect
    select column_name from information_schema.columns where table_schema = 'delivery' and table_name = 'workflow_details'
    order by column_name`,
  )
  expect(rows).toEqual([{ column_name: 'tenant_id' }, { column_name: 'workflow_id' }])
})

onEngines(['direct', 'pooled'], 'each opening in memory is another database')(
  'the way to the version before leaves the workflows, and begins the chain anew',
  async () => {
    const { options } = await createTestDatabase()
    const first = await openFleet(options)
    await first.tenants.create({ id: 'a' })
    const { delivery } = first.tenant('a')
    const { id } = await delivery.workflows.create({ ...flow, metadata: { n: 1 }, tasks: [{ name: 'a', type: 'job' }] })
    await delivery.workflows.start(id)
    await settled(first, 'a', 'audit')
    await delivery.audit.seal()
    expect(await delivery.audit.verify()).toMatchObject({ intact: true, entries: 2 })
    await first.close()
    const database = await openDatabase(options)
    afterFile(() => database.close())
    await migrateDown(database, 30, { allowDataLoss: true })
    await migrate(database)
    const again = await openFleet(options)
    afterFile(() => again.close())
    const after = again.tenant('a').delivery
    expect(await after.workflows.get(id)).toMatchObject({ id, status: 'running', metadata: { n: 1 } })
    expect((await after.audit.list({})).entries.map(({ action }) => action)).toEqual(['start'])
    const { id: next } = await after.workflows.create(flow)
    await settled(again, 'a', 'audit')
    await after.audit.seal()
    expect(await after.audit.verify()).toMatchObject({ intact: true, entries: 2, unsealed: 0 })
    expect((await after.audit.list({ entityType: 'workflow', entityId: next })).entries).toHaveLength(1)
  },
)
