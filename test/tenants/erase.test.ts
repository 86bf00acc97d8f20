import { openFleet } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { type Query, seed } from '../platform/sample-rows.js'
import {
  afterFile,
  bootstrap,
  createLogin,
  createTestDatabase,
  failure,
  onEngines,
  openTestFleet,
  sql,
} from '../setup/index.js'

const fleet = await openTestFleet()
const { tenants } = fleet
const ORDER = { reason: 'contract ended', by: 'operations' }

const query: Query = async (text, values = []) => {
  const rows = await sql<Record<string, unknown>>(fleet, text, values)
  return { rows, rowCount: rows.length }
}

/** Everything that the catalogue says could hold a row of the tenant, and does; asked past all policies. */
async function tablesWithRowsOf(tenant: string): Promise<Record<string, number>> {
  const found = await sql<{ name: string }>(
    fleet,
    `select c.oid::regclass::text as name from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relkind in ('r', 'm') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'`,
  )
  const counts: [string, number][] = []
  for (const { name } of found) {
    const [row] = await sql<{ count: number }>(
      fleet,
      `select count(*)::integer as count from ${name} where tenant_id = $1`,
      [tenant],
    )
    if ((row?.count ?? 0) > 0) counts.push([name, row?.count ?? 0])
  }
  return Object.fromEntries(counts)
}

/** A tenant with a row in every table. */
async function newFullTenant(id: string): Promise<void> {
  await tenants.create({ id })
  await seed(query, [id])
  // The samples hold one of each: neither may stand in the way.
  await sql(fleet, `delete from platform.erasures where tenant_id = $1`, [id])
  await sql(fleet, `update platform.legal_holds set lifted_at = now(), lifted_by = 'test' where tenant_id = $1`, [id])
}

/** Values of the first state learned, to see that a neighbour is untouched. */
async function learnedBy(id: string): Promise<number | undefined> {
  return (await fleet.tenant(id).learning.best('quality-gate', 1))?.q
}

describe('erasing', () => {
  test('leaves no row in any table or partition, and a receipt that counts each of them', async () => {
    await newFullTenant('full')
    await newFullTenant('neighbour')
    const before = await tablesWithRowsOf('full')
    const beside = await tablesWithRowsOf('neighbour')
    expect(Object.keys(before).length).toBeGreaterThan(60)
    const preview = await tenants.erase('full', { ...ORDER, dryRun: true })
    expect(preview).toMatchObject({ erasureId: null, finishedAt: null, startedAt: null })
    expect(await tablesWithRowsOf('full')).toEqual(before)

    const steps: string[] = []
    const receipt = await tenants.erase('full', { ...ORDER, onProgress: ({ table }) => steps.push(table) })
    expect(await tablesWithRowsOf('full')).toEqual({ 'platform.erasures': 1 })
    expect(await tablesWithRowsOf('neighbour')).toEqual(beside)
    expect(receipt).toMatchObject({ tenant: 'full', ...ORDER, finishedAt: expect.any(Date), reusedAt: null })
    expect(receipt.tables).toEqual(preview.tables)
    expect(receipt.rows).toBe(
      Object.entries(before).reduce((sum, [name, n]) => sum + (name === 'platform.tenants' ? 0 : n), 0),
    )
    // Partitions count for their table.
    expect(receipt.tables).toMatchObject({
      'memory.events': 1,
      'learning.patterns': 1,
      'delivery.audit_log': expect.any(Number),
    })
    expect(steps).toContain(Object.keys(before).find((name) => name.startsWith('memory.events_p')))
    expect(await tenants.erasures({ tenant: 'full' })).toEqual([receipt])
    await failure(fleet.tenant('full').learning.best('quality-gate', 1), 'TENANT_UNKNOWN')
    await failure(tenants.erase('full', ORDER), 'TENANT_UNKNOWN')
  })

  test('keeps the id taken, unless it is reused', async () => {
    await tenants.create({ id: 'gone' })
    await tenants.erase('gone', ORDER)
    await failure(tenants.create({ id: 'gone' }), 'TENANT_ERASED')
    await failure(tenants.create({ id: 'gone' }, { ifNotExists: true }), 'TENANT_ERASED')
    await tenants.create({ id: 'gone' }, { reuse: true })
    await fleet.tenant('gone').learning.learn({ agentType: 'quality-gate', state: 1, action: 1, reward: 1 })
    const [first] = await tenants.erasures({ tenant: 'gone' })
    expect(first).toMatchObject({ reusedAt: expect.any(Date) })
    const second = await tenants.erase('gone', ORDER)
    expect(second.tables['learning.q_values']).toBe(1)
    expect(await tenants.erasures({ tenant: 'gone' })).toEqual([first, second])
    await failure(tenants.create({ id: 'gone' }), 'TENANT_ERASED')
  })

  test('goes in steps of at most so many rows, and each is a transaction of its own', async () => {
    await tenants.create({ id: 'steps' })
    const { learning, memory } = fleet.tenant('steps')
    await learning.learn(
      Array.from({ length: 25 }, (_, state) => ({ agentType: 'quality-gate', state, action: 1, reward: 1 })),
    )
    await memory.events.append(Array.from({ length: 25 }, (_, n) => ({ type: 'test.happened', payload: { n } })))
    const removed = new Map<string, number[]>()
    let before = 0
    await tenants.erase('steps', {
      ...ORDER,
      rowsMax: 10,
      onProgress: ({ table, rows }) => {
        removed.set(table, [...(removed.get(table) ?? []), rows - before])
        before = rows
      },
    })
    expect(removed.get('learning.q_values')).toEqual([10, 10, 5])
    expect([...removed].find(([table]) => table.startsWith('memory.events_p'))?.[1]).toEqual([10, 10, 5])
  })

  test('rows that come back in between go too, and those that never end to come are told', async () => {
    await tenants.create({ id: 'between' })
    // As a restore might bring them, into a table that has been emptied already.
    await sql(
      fleet,
      `create function public.bring_back() returns trigger language plpgsql as $$
      begin
        if tg_table_name = 'key_values' or pg_trigger_depth() = 1 then
          insert into memory.artifact_names (tenant_id, scope, name, latest_version) values ('between', gen_random_uuid(), 'back', 1);
        end if;
        return null;
      end $$`,
    )
    try {
      await sql(
        fleet,
        'create trigger bring_back after delete on memory.artifact_names for each statement execute function public.bring_back()',
      )
      const error = await failure(tenants.erase('between', ORDER), 'CONFLICT')
      expect(error.message).toContain('memory.artifact_names')
      await sql(fleet, 'drop trigger bring_back on memory.artifact_names')
      await sql(
        fleet,
        'create trigger bring_back after delete on memory.key_values for each statement execute function public.bring_back()',
      )
      const receipt = await tenants.erase('between', ORDER)
      expect(await tablesWithRowsOf('between')).toEqual({ 'platform.erasures': 1 })
      expect(receipt.tables['memory.artifact_names']).toBeGreaterThan(1)
    } finally {
      await sql(fleet, 'drop function public.bring_back() cascade')
    }
  })

  test('stopped in the middle it keeps everybody out, and a later call goes on with the same receipt', async () => {
    await newFullTenant('stopped')
    const stop = new AbortController()
    let steps = 0
    const stopped = await failure(
      tenants.erase('stopped', {
        ...ORDER,
        signal: stop.signal,
        onProgress: () => {
          if (++steps === 40) stop.abort()
        },
      }),
      'ABORTED',
    )
    expect(stopped.message).toContain('call again')
    expect(Object.keys(await tablesWithRowsOf('stopped')).length).toBeGreaterThan(10)
    const work = fleet.tenant('stopped')
    await failure(work.learning.best('quality-gate', 1), 'TENANT_UNAVAILABLE')
    await failure(work.memory.events.append([{ type: 'test.happened', payload: {} }]), 'TENANT_UNAVAILABLE')
    await failure(
      work.transaction(async () => {}),
      'TENANT_UNAVAILABLE',
    )
    await failure(tenants.measure('stopped'), 'TENANT_UNAVAILABLE')
    await failure(tenants.create({ id: 'stopped' }), 'TENANT_EXISTS')
    expect((await tenants.list()).find(({ id }) => id === 'stopped')).toMatchObject({ state: 'erasing' })
    const [begun] = await tenants.erasures({ tenant: 'stopped' })
    expect(begun).toMatchObject({ finishedAt: null })
    const receipt = await tenants.erase('stopped', { reason: 'again', by: 'somebody else' })
    expect(receipt).toMatchObject({ ...ORDER, erasureId: begun?.erasureId, finishedAt: expect.any(Date) })
    expect(receipt.rows).toBeGreaterThan(begun?.rows ?? 0)
    expect(await tablesWithRowsOf('stopped')).toEqual({ 'platform.erasures': 1 })
  })

  test('keeps the head of the audit chain, and leaves the chains of others whole', async () => {
    await newFullTenant('sealed')
    await tenants.create({ id: 'verified' })
    const { agentSessions, audit } = fleet.tenant('verified').delivery
    await agentSessions.create([{ agentType: 'reviewer', agentName: 'one' }])
    await audit.seal()
    const before = await audit.verify()
    const [head] = await sql(
      fleet,
      `select seal_number as seal, encode(seal_hash, 'hex') as hash from delivery.audit_seals where tenant_id = 'sealed'`,
    )
    expect(head).toBeDefined()
    const receipt = await tenants.erase('sealed', ORDER)
    expect(receipt.auditHead).toEqual(head)
    expect(before.intact).toBe(true)
    expect(await audit.verify()).toEqual(before)
  })
})

describe('a legal hold', () => {
  test('refuses the erasure, before anything happens', async () => {
    await tenants.create({ id: 'held' })
    const { holdId } = await tenants.hold('held', { reason: 'case', by: 'counsel' })
    await failure(tenants.erase('held', ORDER), 'TENANT_HELD')
    await failure(tenants.erase('held', { ...ORDER, dryRun: true }), 'TENANT_HELD')
    await fleet.tenant('held').learning.learn({ agentType: 'quality-gate', state: 1, action: 1, reward: 1 })
    expect(await tenants.erasures({ tenant: 'held' })).toEqual([])
    await tenants.lift('held', holdId, { by: 'counsel' })
    expect(await tenants.erase('held', ORDER)).toMatchObject({ tables: { 'platform.legal_holds': 1 } })
  })

  test('that comes in the middle stops it at once: not a row more goes', async () => {
    await newFullTenant('midway')
    let steps = 0
    let placed: Promise<unknown> | undefined
    let left: Record<string, number> | undefined
    const erasing = tenants.erase('midway', {
      ...ORDER,
      rowsMax: 1,
      onProgress: () => {
        if (++steps !== 30) return
        placed = tenants.hold('midway', { reason: 'case', by: 'counsel' }).then(async () => {
          left = await tablesWithRowsOf('midway')
        })
      },
    })
    await failure(erasing, 'TENANT_HELD')
    await placed
    expect(await tablesWithRowsOf('midway')).toEqual(left)
    expect(Object.keys(left ?? {}).length).toBeGreaterThan(10)
    await failure(fleet.tenant('midway').learning.best('quality-gate', 1), 'TENANT_UNAVAILABLE')
    const [hold] = (await tenants.holds('midway')).filter(({ liftedAt }) => liftedAt === null)
    await tenants.lift('midway', hold?.holdId ?? '', { by: 'counsel' })
    await tenants.erase('midway', ORDER)
    expect(await tablesWithRowsOf('midway')).toEqual({ 'platform.erasures': 1 })
  })
})

describe('erasing again what came back', () => {
  /** Rows and tenant as a restored backup brings them, past the library. */
  const restore = async (id: string, createdAt: string) => {
    await sql(fleet, 'insert into platform.tenants (tenant_id, created_at) values ($1, $2)', [id, createdAt])
    await seed(query, [id])
  }

  test('a restored tenant goes again; a hold that had been lifted by then does not count', async () => {
    await newFullTenant('back')
    const receipt = await tenants.erase('back', ORDER)
    await restore('back', '2024-01-01')
    await sql(fleet, `delete from platform.erasures where tenant_id = 'back' and erased_by <> $1`, [ORDER.by])
    await sql(
      fleet,
      `update platform.legal_holds set lifted_at = null, lifted_by = null, placed_at = '2024-01-01' where tenant_id = 'back'`,
    )
    expect(await fleet.tenant('back').learning.agentTypes.list()).toHaveLength(1)
    const [again, ...others] = await tenants.reapplyErasures({ by: 'restore' })
    expect(others).toEqual([])
    expect(again).toMatchObject({ tenant: 'back', reason: ORDER.reason, by: 'restore', finishedAt: expect.any(Date) })
    expect(again?.erasureId).not.toBe(receipt.erasureId)
    expect(await tablesWithRowsOf('back')).toEqual({ 'platform.erasures': 2 })
    expect(await tenants.reapplyErasures({ by: 'restore' })).toEqual([])
  })

  test('rows without a tenant go too, and a hold of later stops it', async () => {
    await tenants.create({ id: 'archived' })
    await tenants.erase('archived', ORDER)
    await sql(
      fleet,
      `insert into platform.tenant_usage (tenant_id, resource, row_count, measured_at) values ('archived', 'patterns', 1, now())`,
    )
    expect(await tenants.reapplyErasures({ by: 'restore' })).toMatchObject([
      { tenant: 'archived', tables: { 'platform.tenant_usage': 1 } },
    ])
    await restore('archived', '2024-01-01')
    await sql(fleet, `delete from platform.erasures where tenant_id = 'archived' and finished_at is null`)
    await failure(tenants.reapplyErasures({ by: 'restore' }), 'TENANT_HELD')
    await sql(fleet, `update platform.legal_holds set lifted_at = now(), lifted_by = 'x' where tenant_id = 'archived'`)
    expect(await tenants.reapplyErasures({ by: 'restore' })).toHaveLength(1)
    expect(await tablesWithRowsOf('archived')).toEqual({ 'platform.erasures': 3 })
  })

  test('a tenant of a reused id is another one', async () => {
    await tenants.create({ id: 'reused' })
    await tenants.erase('reused', ORDER)
    await tenants.create({ id: 'reused' }, { reuse: true })
    await fleet
      .tenant('reused')
      .learning.learn({ agentType: 'quality-gate', state: 1, action: 1, reward: 1, learningRate: 1 })
    expect(await tenants.reapplyErasures({ by: 'restore' })).toEqual([])
    expect(await learnedBy('reused')).toBe(1)
  })

  test('receipts that were kept elsewhere are recorded first, also as they come out of JSON', async () => {
    await using other = await openFleet((await createTestDatabase()).options)
    await other.tenants.create({ id: 'moved' })
    const receipt = await other.tenants.erase('moved', ORDER)
    await restore('moved', '2024-01-01')
    await sql(fleet, `delete from platform.erasures where tenant_id = 'moved'`)
    await sql(fleet, `update platform.legal_holds set placed_at = '2024-01-01' where tenant_id = 'moved'`)
    const receipts = JSON.parse(JSON.stringify([receipt])) as (typeof receipt)[]
    expect(await tenants.reapplyErasures({ by: 'restore', receipts })).toMatchObject([{ tenant: 'moved' }])
    expect(await tenants.erasures({ tenant: 'moved' })).toHaveLength(2)
    expect(await tenants.reapplyErasures({ by: 'restore', receipts })).toEqual([])
    const wrong = await failure(
      tenants.reapplyErasures({ by: 'restore', receipts: [{ ...receipt, finishedAt: null }] }),
      'INPUT_INVALID',
    )
    expect(wrong.field).toBe('options.receipts[0].finishedAt')
  })
})

test('what cannot be is refused before anything is sent', async () => {
  await tenants.create({ id: 'whole' })
  expect((await failure(tenants.erase('whole', { ...ORDER, reason: '' }), 'INPUT_INVALID')).field).toBe(
    'options.reason',
  )
  expect((await failure(tenants.erase('whole', { ...ORDER, rowsMax: 0 }), 'INPUT_INVALID')).field).toBe(
    'options.rowsMax',
  )
  await failure(tenants.erase('whole', { ...ORDER, signal: AbortSignal.abort() }), 'ABORTED')
  await failure(tenants.erase('nobody', ORDER), 'TENANT_UNKNOWN')
  await failure(tenants.erase('nobody', { ...ORDER, dryRun: true }), 'TENANT_UNKNOWN')
  await failure(tenants.erase('A', ORDER), 'TENANT_INVALID')
  expect(await tenants.erasures({ tenant: 'whole' })).toEqual([])
})

onEngines(['direct', 'pooled'], 'the embedded engine has one connection').describe('on a server', () => {
  test('who had entered before is waited for, and what it wrote goes too', async () => {
    await tenants.create({ id: 'busy' })
    const work = fleet.tenant('busy')
    let enter = () => {}
    let go = () => {}
    const entered = new Promise<void>((resolve) => {
      enter = resolve
    })
    const going = new Promise<void>((resolve) => {
      go = resolve
    })
    const writer = work.transaction(async (tx) => {
      await tx.learning.learn({ agentType: 'quality-gate', state: 1, action: 1, reward: 1 })
      enter()
      await going
    })
    await entered
    const late = await failure(tenants.erase('busy', { ...ORDER, waitMs: 0 }), 'TIMEOUT')
    expect(late.message).toContain('call again')
    await failure(work.learning.best('quality-gate', 1), 'TENANT_UNAVAILABLE')
    const erasing = tenants.erase('busy', ORDER)
    go()
    await writer
    expect((await erasing).tables['learning.q_values']).toBe(1)
    expect(await tablesWithRowsOf('busy')).toEqual({ 'platform.erasures': 1 })
  })

  test('writers that go on meanwhile leave nothing behind', async () => {
    await tenants.create({ id: 'contended' })
    const { learning } = fleet.tenant('contended')
    const write = async () => {
      for (let state = 0; ; state++) {
        try {
          await learning.learn({ agentType: 'quality-gate', state, action: 1, reward: 1 })
        } catch (error) {
          return (error as { code?: string }).code
        }
      }
    }
    const writers = Array.from({ length: 6 }, write)
    await learning.learn({ agentType: 'quality-gate', state: 'first', action: 1, reward: 1 })
    await tenants.erase('contended', { ...ORDER, rowsMax: 5 })
    for (const code of await Promise.all(writers)) expect(['TENANT_UNAVAILABLE', 'TENANT_UNKNOWN']).toContain(code)
    expect(await tablesWithRowsOf('contended')).toEqual({ 'platform.erasures': 1 })
  })

  test('two who erase the same tenant at once share the work', async () => {
    await newFullTenant('shared')
    const [one, two] = await Promise.allSettled([
      tenants.erase('shared', { ...ORDER, rowsMax: 1 }),
      tenants.erase('shared', { ...ORDER, rowsMax: 1 }),
    ])
    expect([one?.status, two?.status]).toContain('fulfilled')
    expect(await tablesWithRowsOf('shared')).toEqual({ 'platform.erasures': 1 })
  })

  test('the login that migrates erases, that of an application does not', async () => {
    const logins = { owner: await createLogin(), app: await createLogin({ memberOf: ['pgfleet_app'] }) }
    const database = await createTestDatabase({ migrated: false, owner: logins.owner })
    await bootstrap(database, logins.owner)
    const owner = await openFleet({ url: database.urlOf(logins.owner) })
    afterFile(() => owner.close())
    await owner.tenants.create({ id: 'acme' })
    await owner.tenant('acme').memory.events.append([{ type: 'test.happened', payload: {} }])
    await using app = await openFleet({ url: database.urlOf(logins.app) })
    for (const dryRun of [true, false]) {
      await failure(app.tenants.erase('acme', { ...ORDER, dryRun }), 'PERMISSION_DENIED')
    }
    await failure(app.tenants.erasures(), 'PERMISSION_DENIED')
    await failure(app.tenants.reapplyErasures({ by: 'app' }), 'PERMISSION_DENIED')
    const receipt = await owner.tenants.erase('acme', ORDER)
    expect(receipt.tables).toMatchObject({ 'memory.events': 1, 'learning.agent_types': 18, 'metadata.sync_groups': 4 })
    expect(await owner.tenants.reapplyErasures({ by: 'owner' })).toEqual([])
  })
})
