// Rows of the log that hold several entries: what one statement did to many entities alike.
import fc from 'fast-check'
import type { Tenant } from 'pgfleet'
import type { AgentSessionStatus, AuditEntry, AuditQuery } from 'pgfleet/delivery'
import { expect, test } from 'vitest'
import { ENTER } from '../../dist/database/database.js'
import { failure, openTestFleet, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'
import { sealAll } from './settled.js'

const fleet = await openTestFleet()
const FIND = {
  name: '',
  text: `select f.audit_id from delivery.find_further_entries('agent_session', $1::text, '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff', true, 10) f`,
}

/** So many sessions of a new tenant, which a batch has made idle. */
async function withIdle(count: number): Promise<{ tenant: Tenant; ids: string[] }> {
  const tenant = await newTenant(fleet)
  const { agentSessions } = tenant.delivery
  const made = await agentSessions.create(
    Array.from({ length: count }, () => ({ agentName: 'one', agentType: 'tester' as const })),
  )
  const ids = made.map(({ id }) => id)
  await agentSessions.update(ids.map((id) => ({ id, status: 'idle' as const })))
  return { tenant, ids }
}

/** All that a query finds, page by page. */
async function pagesOf(tenant: Tenant, query: AuditQuery): Promise<AuditEntry[]> {
  const found: AuditEntry[] = []
  for (let after: string | undefined; ; ) {
    const page = await tenant.delivery.audit.list({ ...query, ...(after === undefined ? {} : { after }) })
    found.push(...page.entries)
    after = page.next
    if (after === undefined) return found
  }
}

const rowsOf = (tenant: Tenant) =>
  sql<{ audit_id: string; entity_id: string; more_entity_ids: string[] | null }>(
    fleet,
    'select audit_id, entity_id, more_entity_ids from delivery.audit_log where tenant_id = $1 order by audit_id',
    [tenant.id],
  )

test('each entity has an entry of its own, by time and by entity, the first of its row and the others', async () => {
  const { tenant, ids } = await withIdle(70)
  const rows = await rowsOf(tenant)
  expect(rows.length).toBeLessThan(5)
  const updates = await pagesOf(tenant, { action: 'update', order: 'asc', limit: 1000 })
  expect(updates.map(({ entityId }) => entityId)).toEqual(
    rows.flatMap((row) => [row.entity_id, ...(row.more_entity_ids ?? [])]),
  )
  expect(updates.map(({ entityId }) => entityId).toSorted()).toEqual(ids.toSorted())
  expect(new Set(updates.map(({ id }) => id)).size).toBe(70)
  expect(updates.map(({ id }) => id)).toEqual(updates.map(({ id }) => id).toSorted())
  for (const update of updates) {
    const { entries } = await tenant.delivery.audit.list({ entityType: 'agent_session', entityId: update.entityId })
    expect(entries).toMatchObject([update, { action: 'create' }])
    expect(update.changes).toEqual({ status: ['active', 'idle'] })
  }
  const days = await tenant.delivery.dashboards.auditActivity()
  expect(days.filter(({ action }) => action === 'update')).toMatchObject([{ entries: 70, entities: 70 }])
  const health = await tenant.delivery.dashboards.databaseHealth()
  expect(health.find(({ checkName }) => checkName === 'audit_entries_24h')?.value).toBe(70)
  const view = await sql<{ audit_id: string; entity_id: string }>(
    fleet,
    `select audit_id, entity_id from delivery.audit where tenant_id = $1 and action = 'update' order by transaction_id, sequence`,
    [tenant.id],
  )
  expect(view).toEqual(updates.map(({ id, entityId }) => ({ audit_id: id, entity_id: entityId })))
})

test('what is alone has a row as ever', async () => {
  const { tenant } = await withIdle(1)
  expect(await rowsOf(tenant)).toMatchObject([{ more_entity_ids: null }])
})

test('pages of any size give each entry once, in their order, wherever they end', async () => {
  const { tenant, ids } = await withIdle(20)
  const { agentSessions, audit } = tenant.delivery
  await audit.record({ entityType: 'agent_session', entityId: ids[3] as string, action: 'approve' })
  for (const status of ['busy', 'idle', 'active'] as const)
    await agentSessions.update(ids.toReversed().map((id) => ({ id, status })))
  await agentSessions.record(ids.slice(0, 3).map((sessionId) => ({ sessionId, type: 'chat' as const })))
  const all = await pagesOf(tenant, { order: 'asc', limit: 1000 })
  expect(all).toHaveLength(20 + 4 * 20 + 1 + 3)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('asc' as const, 'desc' as const),
      fc.integer({ min: 1, max: 45 }),
      fc.option(fc.constantFrom('agent_session', 'interaction')),
      fc.option(fc.constantFrom('update' as const, 'create' as const, 'approve' as const)),
      fc.option(fc.nat(19)),
      async (order, limit, entityType, action, entity) => {
        const wanted = {
          ...(entityType === null ? {} : { entityType }),
          ...(action === null ? {} : { action }),
          ...(entity === null ? {} : { entityType: 'agent_session', entityId: ids[entity] as string }),
        }
        const expected = all.filter((one) =>
          Object.entries(wanted).every(([name, value]) => one[name as keyof typeof wanted] === value),
        )
        const found = await pagesOf(tenant, { ...wanted, order, limit })
        expect(found).toEqual(order === 'asc' ? expected : expected.toReversed())
        const first = await audit.list({ ...wanted, order, limit })
        expect(first.entries).toHaveLength(Math.min(limit, expected.length))
      },
    ),
    { numRuns: 60 },
  )
})

test('an entry that a caller gave an id between theirs hides none of them', async () => {
  const { tenant } = await withIdle(10)
  const { audit } = tenant.delivery
  const [first = ''] = (await rowsOf(tenant)).map((row) => row.audit_id)
  const at = (place: number) =>
    first.replace(/..$/, (end) => (Number.parseInt(end, 16) + place).toString(16).padStart(2, '0'))
  for (const place of [4, 20, 31])
    await audit.record({ id: at(place), entityType: 'gate', entityId: `g${place}`, action: 'approve' })
  const all = (await audit.list({ order: 'asc', limit: 1000 })).entries.filter(({ action }) => action !== 'create')
  expect(all.map(({ id }) => id)).toEqual([...[0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9].map(at), at(20), at(31)])
  for (const order of ['asc', 'desc'] as const) {
    for (const limit of [1, 2, 3, 5]) {
      const found = (await pagesOf(tenant, { order, limit })).filter(({ action }) => action !== 'create')
      expect(found.map(({ id }) => id)).toEqual(
        order === 'asc' ? all.map(({ id }) => id) : all.map(({ id }) => id).toReversed(),
      )
      expect(new Set(found.map(({ id, entityId }) => id + entityId)).size).toBe(13)
    }
  }
})

test('only what says the same stands together', async () => {
  const { tenant, ids } = await withIdle(12)
  const who = (n: number) => (n < 6 ? 'ada' : 'bob')
  const status = (n: number): AgentSessionStatus => (n < 6 && n % 2 === 0 ? 'active' : 'busy')
  // One statement for two, as calls of one moment may go.
  await sql(fleet, 'select ordinal from delivery.change_agent_sessions($1, $2)', [
    tenant.id,
    JSON.stringify(
      ids.map((id, n) => ({
        id,
        status: status(n),
        actor_type: 'user',
        actor_id: who(n),
        correlation_id: `run-${who(n)}`,
      })),
    ),
  ])
  const entries = await pagesOf(tenant, { action: 'update', order: 'asc' })
  const told = new Map(
    entries
      .slice(12)
      .map(({ entityId, actor, correlationId, changes }) => [entityId, { actor, correlationId, changes }]),
  )
  for (const [n, id] of ids.entries()) {
    expect(told.get(id)).toEqual({
      actor: { type: 'user', id: who(n) },
      correlationId: `run-${who(n)}`,
      changes: { status: ['idle', status(n)] },
    })
  }
})

test('jobs and workflows leave the same entries in batches as one by one', async () => {
  const work = async (size: number) => {
    const tenant = (await newTenant(fleet)).as({ actor: { type: 'agent', id: 'a' }, correlationId: 'r' })
    const { workflows, jobs, agentSessions } = tenant.delivery
    const inBatches = async <T>(items: readonly T[], run: (batch: T[]) => Promise<unknown>) => {
      for (let first = 0; first < items.length; first += size) await run(items.slice(first, first + size))
    }
    const made = await workflows.create(
      Array.from({ length: 40 }, () => ({ name: 'w', tasks: [{ name: 'a', type: 'job', maxRetries: 0 }] })),
    )
    const ids = made.map(({ id }) => id)
    await inBatches(ids, (batch) => workflows.start(batch))
    await inBatches(ids, (batch) => workflows.pause(batch, { reason: 'rest' }))
    await inBatches(ids, (batch) => workflows.resume(batch))
    const taken: Awaited<ReturnType<typeof jobs.claim>> = []
    while (taken.length < 36)
      taken.push(...(await jobs.claim('w', { types: ['job'], limit: Math.min(size, 36 - taken.length) })))
    await inBatches(taken.slice(0, 20), (batch) => jobs.complete(batch.map((job) => ({ ...job, result: null }))))
    await inBatches(taken.slice(20, 30), (batch) => jobs.fail(batch.map((job) => ({ ...job, error: 'x' }))))
    await inBatches(taken.slice(30, 33), (batch) => jobs.release(batch))
    const left = taken.slice(33).map(({ workflowId }) => workflowId)
    await sql(
      fleet,
      `update delivery.jobs set available_at = now() - interval '1 second' where tenant_id = $1 and workflow_id = any ($2)`,
      [tenant.id, left],
    )
    await sql(fleet, 'select delivery.expire_workflows($1)', [tenant.id])
    await inBatches(
      (await workflows.list({ status: 'running', limit: 100 })).map(({ id }) => id),
      (batch) => workflows.cancel(batch),
    )
    const sessions = await agentSessions.create(
      Array.from({ length: 5 }, () => ({ agentName: 'one', agentType: 'tester' as const })),
    )
    await sql(fleet, `update delivery.agent_sessions set live_until = now() where tenant_id = $1`, [tenant.id])
    await inBatches(sessions, () => agentSessions.expire({ limit: size }))
    const entries = await pagesOf(tenant, { limit: 1000 })
    return {
      rows: (await rowsOf(tenant)).length,
      entries: entries
        .map(({ entityType, action, result, actor, correlationId, changes }) =>
          JSON.stringify([entityType, action, result, actor, correlationId, { ...changes, retryAt: undefined }]),
        )
        .toSorted(),
    }
  }
  const alone = await work(1)
  const together = await work(40)
  expect(together.entries).toEqual(alone.entries)
  expect(alone.rows).toBeGreaterThan(200)
  expect(together.rows).toBeLessThan(40)
})

test.each([
  ['another entity', `more_entity_ids[2] = 'mallory'`],
  ['two entities exchanged', 'more_entity_ids = array[more_entity_ids[2], more_entity_ids[1]] || more_entity_ids[3:]'],
  ['an entity less', 'more_entity_ids = more_entity_ids[2:]'],
  ['an entity more', `more_entity_ids = more_entity_ids || 'mallory'::text`],
  ['none but the first', 'more_entity_ids = null'],
])('%s in a sealed row is found, and the row named', async (_, set) => {
  const { tenant } = await withIdle(8)
  await sealAll(fleet, tenant)
  const { audit } = tenant.delivery
  // Eight creations, and one row.
  expect(await audit.verify()).toMatchObject({ intact: true, entries: 9, unsealed: 0 })
  const [row] = await rowsOf(tenant)
  await sql(fleet, `update delivery.audit_log set ${set} where tenant_id = $1`, [tenant.id])
  expect((await audit.verify()).breach).toMatchObject({ problem: 'altered', entryId: row?.audit_id })
  await sql(fleet, 'delete from delivery.audit_log where tenant_id = $1', [tenant.id])
  expect((await audit.verify()).breach).toMatchObject({ problem: 'removed', entryId: row?.audit_id })
})

test('another tenant finds none of them, and nobody without a tenant', async () => {
  const { tenant, ids } = await withIdle(5)
  const other = await newTenant(fleet)
  for (const entityId of ids)
    expect((await other.delivery.audit.list({ entityType: 'agent_session', entityId })).entries).toEqual([])
  const found = (of: Tenant) =>
    fleet.database.transaction('begin', [{ statement: ENTER, values: [of.id] }], (run) => run(FIND, [ids[1] as string]))
  expect(await found(tenant)).toHaveLength(1)
  expect(await found(other)).toEqual([])
  await failure(
    fleet.database.transaction('begin', [], (run) => run(FIND, [ids[1] as string])),
    'TENANT_INVALID',
  )
})

/** What the functions of the store write rows with, without one of them around it. */
const INSERT = {
  name: '',
  text: `insert into delivery.audit_log
    select r.* from delivery.audit_log a
    cross join lateral jsonb_populate_record(null::delivery.audit_log, to_jsonb(a) || jsonb_build_object('audit_id', $2::uuid) || $3::jsonb) r
    where a.audit_id = $1::uuid`,
}

test.each([
  ['no entities', { more_entity_ids: [] }],
  ['an entity without a name', { more_entity_ids: ['a', ''] }],
  ['an entity that is null', { more_entity_ids: ['a', null] }],
  ['more entities than ids', { more_entity_ids: Array(32).fill('a') }],
  ['entities behind an id that has no numbers behind it', { last: '1', more_entity_ids: ['a'] }],
  ['no kind', { entity_type: '' }],
  ['no entity', { entity_id: '' }],
  ['an unknown action', { action: 'look' }],
  ['an unknown result', { result: 'perhaps' }],
  ['an unknown security level', { security_level: 'top' }],
  ['an unknown kind of actor', { actor_type: 'ghost' }],
])('a row with %s is refused, whoever of the store writes it', async (_, wrong) => {
  const { tenant } = await withIdle(2)
  const [row] = await rowsOf(tenant)
  const { last = '0', ...as } = wrong as { last?: string }
  // The last five bits are the place in a row.
  const id = (end: string) => `${row?.audit_id.slice(0, 24)}ffffffffffe${end}`
  const insert = (role: string, end: string, columns: object) =>
    fleet.database.transaction('begin', [{ statement: ENTER, values: [tenant.id] }], async (run) => {
      await run({ name: '', text: `select set_config('role', $1::text, true)` }, [role])
      await run(INSERT, [row?.audit_id, id(end), JSON.stringify(columns)])
    })
  for (const role of ['pgfleet_app', 'pgfleet_owner']) {
    expect((await failure(insert(role, last, as), 'PERMISSION_DENIED')).message).toContain('entry_shape')
  }
  expect(await rowsOf(tenant)).toHaveLength(1)
  // The same row without what is wrong with it.
  await insert('pgfleet_app', '0', { actor_type: null, more_entity_ids: Array(31).fill('a') })
  expect(await rowsOf(tenant)).toHaveLength(2)
})

test('an agent session is not recorded with half a place in the audit, or by an unknown kind of actor', async () => {
  const { tenant, ids } = await withIdle(1)
  const insert = (as: object) =>
    fleet.database.transaction('begin', [{ statement: ENTER, values: [tenant.id] }], (run) =>
      run(
        {
          name: '',
          text: `insert into delivery.agent_sessions select r.* from delivery.agent_sessions s,
            jsonb_populate_record(null::delivery.agent_sessions, to_jsonb(s) || jsonb_build_object('session_id', gen_random_uuid()) || $2::jsonb) r
            where s.session_id = $1::uuid`,
        },
        [ids[0], JSON.stringify(as)],
      ),
    )
  for (const wrong of [{ audit_sequence: null }, { transaction_id: null }, { actor_type: 'ghost' }])
    expect((await failure(insert(wrong), 'PERMISSION_DENIED')).message).toContain('entry_shape')
  await insert({ transaction_id: null, audit_sequence: null, actor_type: null })
})

test('pull requests that a batch changes alike share a row, and each has its entry; those changed otherwise have one of their own', async () => {
  const tenant = await newTenant(fleet)
  const { pullRequests, audit } = tenant.delivery
  const repository = 'acme/app'
  const numbers = Array.from({ length: 40 }, (_, n) => n + 1)
  const made = await pullRequests.upsert(
    numbers.map((number) => ({ repository, number, title: 'Repair', branch: 'repair', author: 'ada' })),
  )
  await pullRequests.update(
    numbers.map((number) => ({
      repository,
      number,
      ciStatus: number === 7 ? ('failure' as const) : ('success' as const),
    })),
  )
  const rows = (await rowsOf(tenant)).slice(numbers.length)
  expect(rows).toHaveLength(3)
  for (const [at, { id }] of made.entries()) {
    const { entries } = await audit.list({ entityType: 'pull_request', entityId: id })
    expect(entries).toMatchObject([
      { action: 'update', changes: { ci_status: ['pending', at === 6 ? 'failure' : 'success'] } },
      { action: 'create' },
    ])
  }
  await sealAll(fleet, tenant)
  expect(await audit.verify()).toMatchObject({ intact: true, entries: 43, unsealed: 0 })
})

test('numbers of rows have the ids of what they hold behind them', async () => {
  const numbers = await sql<{ number: string }>(
    fleet,
    `select nextval('delivery.audit_sequence')::text as number from generate_series(1, 300)`,
  )
  expect(numbers.filter(({ number }) => BigInt(number) % 32n !== 0n)).toEqual([])
  const gaps = numbers.slice(1).map(({ number }, n) => BigInt(number) - BigInt(numbers[n]?.number ?? 0))
  expect(gaps.every((gap) => gap >= 32n)).toBe(true)
})

test('of tasks that a batch takes or ends, each is found by its id, whichever workflows they are of', async () => {
  const tenant = await newTenant(fleet)
  const { workflows, jobs, audit } = tenant.delivery
  const tasks = Array.from({ length: 30 }, (_, n) => ({ name: `t${n}`, type: 'job', maxRetries: 0 }))
  await workflows.create(Array.from({ length: 4 }, () => ({ name: 'w', start: true, tasks })))
  const taken = await jobs.claim('w', { types: ['job'], limit: 120 })
  await jobs.complete(taken.slice(0, 70))
  // The last attempt of the others, whose worker is never heard of again.
  await sql(fleet, `update delivery.jobs set available_at = now() - interval '1 second' where tenant_id = $1`, [
    tenant.id,
  ])
  await sql(fleet, 'select delivery.expire_workflows($1, 1000)', [tenant.id])
  const rows = await sql<{ row_id: string; workflow_ids: string[] | null; ids: string[] }>(
    fleet,
    `select audit_id as row_id, workflow_ids, entity_id || more_entity_ids as ids from delivery.audit_log
    where tenant_id = $1 and entity_type = 'task' and more_entity_ids is not null`,
    [tenant.id],
  )
  expect(rows.length).toBeGreaterThan(6)
  for (const { workflow_ids, ids } of rows)
    expect(workflow_ids).toEqual([...new Set(ids.map((id) => id.slice(0, 36)))].toSorted())
  expect(rows.some(({ workflow_ids }) => (workflow_ids ?? []).length > 1)).toBe(true)
  const actionsOf = async (of: Tenant, entityId: string, entityType = 'task') =>
    (await of.delivery.audit.list({ entityType, entityId, order: 'asc' })).entries.map(({ action }) => action)
  const other = await newTenant(fleet)
  for (const { workflowId, number } of taken) {
    expect(await actionsOf(tenant, `${workflowId}/${number}`)).toEqual(['start', 'stop'])
    expect(await actionsOf(other, `${workflowId}/${number}`)).toEqual([])
  }
  const [job] = taken
  for (const id of [
    `${job?.workflowId}/31`,
    `${job?.workflowId}`,
    `${job?.workflowId}/`,
    'x/1',
    `${job?.workflowId}x/1`,
  ])
    expect(await actionsOf(tenant, id)).toEqual([])
  expect(await actionsOf(tenant, `${job?.workflowId}/1`, 'job')).toEqual([])
  // As a version wrote them that knew of no workflows.
  await sql(fleet, 'update delivery.audit_log set workflow_ids = null where tenant_id = $1', [tenant.id])
  for (const { workflowId, number } of taken.slice(0, 40))
    expect(await actionsOf(tenant, `${workflowId}/${number}`)).toEqual(['start', 'stop'])
  await sealAll(fleet, tenant)
  expect(await audit.verify()).toMatchObject({ intact: true, unsealed: 0 })
  // What a row is found by is sealed with it.
  await sql(fleet, 'update delivery.audit_log set workflow_ids = array[$2::uuid] where audit_id = $1', [
    rows[0]?.row_id,
    job?.workflowId,
  ])
  expect(await audit.verify()).toMatchObject({ intact: false, breach: { problem: 'altered' } })
})
