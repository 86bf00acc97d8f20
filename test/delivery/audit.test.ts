import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { Tenant } from 'pgfleet'
import { type AuditQuery, keepSealed, type NewAuditEntry } from 'pgfleet/delivery'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, openTestFleet, sql } from '../setup/index.js'
import { settled } from './settled.js'

const fleet = await openTestFleet()
const DAY = 86_400_000

async function newTenant(): Promise<Tenant> {
  const id = `a-${randomUUID()}`
  await fleet.tenants.create({ id })
  return fleet.tenant(id)
}

const entry = (n: number | string, more: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  entityType: 'deployment',
  entityId: `d${n}`,
  action: 'approve',
  ...more,
})

/** Records so many entries, a call each, and returns their ids in the order of their places. */
async function record(tenant: Tenant, count: number): Promise<string[]> {
  for (let n = 0; n < count; n++) await tenant.delivery.audit.record(entry(n))
  const rows = await sql<{ audit_id: string }>(
    fleet,
    'select audit_id from delivery.audit_log where tenant_id = $1 order by transaction_id, sequence',
    [tenant.id],
  )
  return rows.map(({ audit_id }) => audit_id)
}

async function seal(tenant: Tenant, entriesMax = 1000) {
  await settled(fleet, tenant.id, 'audit')
  for (;;) {
    const { more, head } = await tenant.delivery.audit.seal({ entriesMax })
    if (!more) return head
  }
}

describe('an entry', () => {
  test('comes back as it was given, with who did it', async () => {
    const tenant = await newTenant()
    const identity = { actor: { type: 'user', id: 'ada' }, correlationId: 'release-7' } as const
    const { audit } = tenant.as(identity).delivery
    const id = await audit.record(
      entry(1, {
        action: 'login',
        result: 'failure',
        securityLevel: 'high',
        changes: { from: '10.0.0.1', password: 'x' },
      }),
    )
    const { entries, next } = await audit.list()
    expect(next).toBeUndefined()
    expect(entries).toEqual([
      {
        id,
        recordedAt: expect.any(Date),
        entityType: 'deployment',
        entityId: 'd1',
        action: 'login',
        result: 'failure',
        securityLevel: 'high',
        ...identity,
        changes: { from: '10.0.0.1', password: '[redacted]' },
      },
    ])
  })

  test('is recorded once by its id, and no other under the same', async () => {
    const { audit } = (await newTenant()).delivery
    const id = uuidv7()
    await audit.record([entry(1, { id }), entry(1, { id })])
    await Promise.all([audit.record(entry(1, { id })), audit.record(entry(1, { id }))])
    expect((await audit.list()).entries).toHaveLength(1)
    const call = audit.record([entry(2), entry(1, { id, action: 'reject' })])
    expect(await failure(call, 'ID_CONFLICT')).toMatchObject({ field: 'entries[1].id' })
    expect((await audit.list()).entries).toHaveLength(1)
  })

  test.each([2 * 3_600_000, -120_000])('cannot be dated otherwise than now: %i ms ago', async (ago) => {
    const { audit } = (await newTenant()).delivery
    const call = audit.record([entry(1), entry(2, { id: uuidv7({ msecs: Date.now() - ago }) })])
    expect(await failure(call, 'ID_OUT_OF_WINDOW')).toMatchObject({ field: 'entries[1].id' })
  })

  test.each([
    ['entries[0].action', entry(1, { action: 'guess' as never })],
    ['entries[0].entityId', entry('x'.repeat(201))],
    ['entries[0].changes', entry(1, { changes: { a: Number.NaN } })],
  ])('with a bad %s is refused', async (field, bad) => {
    const { audit } = (await newTenant()).delivery
    expect(await failure(audit.record(bad), 'INPUT_INVALID')).toMatchObject({ field })
  })
})

test.each(['delivery.audit_log', 'delivery.audit_seals'])(
  'the application can neither change nor remove rows of %s',
  async (table) => {
    for (const text of [`update ${table} set tenant_id = 'x'`, `delete from ${table}`, `truncate ${table}`]) {
      await expect(sql(fleet, `set role pgfleet_app; ${text}`)).rejects.toThrow(/permission denied/)
    }
  },
)

describe('a list', () => {
  test('finds what was asked for, as a filter of all entries would', async () => {
    const tenant = await newTenant()
    const actors = [
      undefined,
      { type: 'user', id: 'ada' },
      { type: 'agent', id: 'ada' },
      { type: 'agent', id: 'bob' },
    ] as const
    const runs = [undefined, 'r1', 'r2']
    for (let n = 0; n < 60; n++) {
      const [actor, correlationId] = [actors[n % 4], runs[n % 3]]
      const { audit } = tenant.as({ ...(actor && { actor }), ...(correlationId && { correlationId }) }).delivery
      await audit.record(
        entry(n % 5, {
          entityType: n % 2 ? 'gate' : 'deployment',
          action: n % 7 ? 'approve' : 'reject',
          result: n % 8 ? 'success' : 'failure',
          securityLevel: n % 9 ? 'normal' : 'critical',
        }),
      )
    }
    const all = (await tenant.delivery.audit.list({ limit: 1000, order: 'asc' })).entries
    expect(all).toHaveLength(60)
    const queries: fc.Arbitrary<AuditQuery> = fc.record(
      {
        entityType: fc.constantFrom('gate', 'deployment'),
        actor: fc.record(
          { type: fc.constantFrom('user' as const, 'agent' as const), id: fc.constantFrom('ada', 'bob') },
          { requiredKeys: [] },
        ),
        correlationId: fc.constantFrom('r1', 'r2', 'r3'),
        action: fc.constantFrom('approve', 'reject', 'login'),
        result: fc.constantFrom('success', 'failure'),
        securityLevel: fc.constantFrom('normal', 'critical'),
        order: fc.constantFrom('asc', 'desc'),
      },
      { requiredKeys: [] },
    ) as never
    await fc.assert(
      fc.asyncProperty(
        queries,
        fc.option(fc.constantFrom('d1', 'd4')),
        fc.integer({ min: 1, max: 9 }),
        async (query, entityId, limit) => {
          const wanted = { ...query, ...(entityId !== null && query.entityType !== undefined ? { entityId } : {}) }
          const expected = all.filter(
            (one) =>
              (wanted.entityType ?? one.entityType) === one.entityType &&
              (wanted.entityId ?? one.entityId) === one.entityId &&
              (wanted.actor?.type === undefined || wanted.actor.type === one.actor?.type) &&
              (wanted.actor?.id === undefined || wanted.actor.id === one.actor?.id) &&
              (wanted.correlationId ?? one.correlationId) === one.correlationId &&
              (wanted.action ?? one.action) === one.action &&
              (wanted.result ?? one.result) === one.result &&
              (wanted.securityLevel ?? one.securityLevel) === one.securityLevel,
          )
          const found: unknown[] = []
          for (let after: string | undefined; ; ) {
            const page = await tenant.delivery.audit.list({
              ...wanted,
              limit,
              ...(after === undefined ? {} : { after }),
            })
            found.push(...page.entries)
            after = page.next
            if (after === undefined) break
          }
          expect(found).toEqual(wanted.order === 'asc' ? expected : expected.toReversed())
        },
      ),
      { numRuns: 60 },
    )
  })

  test('finds a range of time', async () => {
    const { audit } = (await newTenant()).delivery
    const now = Date.now()
    const ids = [3, 2, 1].map((minutes) => uuidv7({ msecs: now - minutes * 60_000 }))
    await audit.record(ids.map((id) => entry(1, { id })))
    const { entries } = await audit.list({ from: new Date(now - 150_000), to: new Date(now - 60_000) })
    expect(entries.map(({ id }) => id)).toEqual([ids[1]])
  })

  test.each([
    ['query.entityId', { entityId: 'x' }],
    ['query.to', { from: new Date(5), to: new Date(5) }],
    ['query.limit', { limit: 0 }],
  ])('with a bad %s is refused', async (field, query) => {
    const { audit } = (await newTenant()).delivery
    expect(await failure(audit.list(query), 'INPUT_INVALID')).toMatchObject({ field })
  })
})

describe('seals', () => {
  test('hold what was sealed, block by block', async () => {
    const tenant = await newTenant()
    const { audit } = tenant.delivery
    expect(await audit.seal()).toEqual({ sealed: 0, head: undefined, more: false })
    expect(await audit.verify()).toMatchObject({ intact: true, seals: 0, entries: 0, unsealed: 0, head: undefined })
    await record(tenant, 7)
    const head = await seal(tenant, 3)
    expect(head?.seal).toBe(3)
    await record(tenant, 2)
    expect(await audit.verify({ ...(head && { expected: head }) })).toEqual({
      intact: true,
      breach: undefined,
      seals: 3,
      entries: 7,
      retired: 0,
      unsealed: 2,
      head,
    })
  })

  test('of several sealers at once hold each entry once', async () => {
    const tenant = await newTenant()
    await record(tenant, 30)
    await Promise.all([seal(tenant, 4), seal(tenant, 5), seal(tenant, 3)])
    expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, entries: 30, unsealed: 0 })
  })

  test('leave out a transaction that runs, and take it in when it has ended, in spite of its lower number', async () => {
    const tenant = await newTenant()
    await tenant.transaction(async (tx) => {
      await tx.delivery.audit.record(entry('first'))
      expect(await tx.delivery.audit.seal()).toMatchObject({ sealed: 0 })
    })
    await record(tenant, 1)
    await seal(tenant)
    expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, entries: 2, unsealed: 0 })
  })

  const update = (set: string) => async (tenant: string, id: string) =>
    void (await sql(fleet, `update delivery.audit_log set ${set} where tenant_id = $1 and audit_id = $2`, [tenant, id]))
  const swapOrMove = async (tenant: string, id: string, ids: readonly string[]) => {
    const at = ids.indexOf(id)
    const other = ids[at + 1]
    if (other === undefined) return await update(`sequence = sequence + 1000000`)(tenant, id)
    await sql(
      fleet,
      `update delivery.audit_log a set transaction_id = b.transaction_id, sequence = b.sequence
      from delivery.audit_log b
      where a.tenant_id = $1 and b.tenant_id = $1 and a.audit_id in ($2, $3) and b.audit_id in ($2, $3) and a.audit_id <> b.audit_id`,
      [tenant, id, other],
    )
  }
  const TAMPERINGS: [string, string, (tenant: string, id: string, ids: readonly string[]) => Promise<void>][] = [
    ['another actor', 'altered', update(`actor_type = 'user', actor_id = 'mallory'`)],
    ['another time', 'altered', update(`recorded_at = recorded_at - interval '1 microsecond'`)],
    ['another content', 'altered', update(`changes = '{"n": 1}'`)],
    ['another result', 'altered', update(`result = 'failure'`)],
    ['another entity', 'altered', update(`entity_id = entity_id || 'x'`)],
    ['a place exchanged', 'reordered', swapOrMove],
    ['a row moved behind the seals', 'reordered', update(`transaction_id = '9000000000000000000'`)],
    [
      'a row removed',
      'removed',
      async (tenant, id) =>
        void (await sql(fleet, 'delete from delivery.audit_log where tenant_id = $1 and audit_id = $2', [tenant, id])),
    ],
  ]
  test.each(TAMPERINGS)('%s is found, and named: %s', async (_, problem, tamper) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        async (count, block, place) => {
          const tenant = await newTenant()
          const ids = await record(tenant, count)
          await seal(tenant, block)
          const at = place % count
          const id = ids[at] as string
          await tamper(tenant.id, id, ids)
          const found = await tenant.delivery.audit.verify()
          // Exchanged across the border of two blocks: the first of them has a row that is not its own.
          const { problem: named, entryId, seal: where } = found.breach ?? {}
          expect(found.intact).toBe(false)
          expect(where).toBe(Math.floor(at / block) + 1)
          if (problem === 'reordered') {
            expect([id, ids[at + 1]]).toContain(entryId)
            expect(['reordered', 'inserted', 'altered']).toContain(named)
          } else expect([named, entryId]).toEqual([problem, id])
        },
      ),
      { numRuns: 6 },
    )
  })

  test('a row slipped in is found, and named', async () => {
    const tenant = await newTenant()
    const ids = await record(tenant, 5)
    await seal(tenant, 2)
    for (const id of [ids[0], ids[3], ids[4]]) {
      const forged = uuidv7()
      await sql(
        fleet,
        `insert into delivery.audit_log (tenant_id, audit_id, transaction_id, sequence, entity_type, entity_id, action)
        select tenant_id, $3, transaction_id, sequence, 'gate', 'g', 'approve' from delivery.audit_log where tenant_id = $1 and audit_id = $2`,
        [tenant.id, id, forged],
      )
      expect((await tenant.delivery.audit.verify()).breach).toMatchObject({ problem: 'inserted', entryId: forged })
      await sql(fleet, 'delete from delivery.audit_log where tenant_id = $1 and audit_id = $2', [tenant.id, forged])
      expect((await tenant.delivery.audit.verify()).intact).toBe(true)
    }
  })

  test('are themselves held: one that is altered, removed or made anew is found', async () => {
    const tenant = await newTenant()
    await record(tenant, 6)
    const head = await seal(tenant, 2)
    const { audit } = tenant.delivery
    const alter = (set: string) =>
      sql(fleet, `update delivery.audit_seals set ${set} where tenant_id = $1 and seal_number = 2`, [tenant.id])
    for (const set of [
      `sealed_at = sealed_at + interval '1 second'`,
      'audit_ids = array[audit_ids[2], audit_ids[1]]',
      'row_hashes = set_byte(row_hashes, 0, 255 - get_byte(row_hashes, 0))',
    ]) {
      await sql(fleet, 'create table public.kept as select * from delivery.audit_seals')
      await alter(set)
      expect((await audit.verify()).breach).toEqual({ problem: 'seal_altered', seal: 2, entryId: undefined })
      await sql(fleet, 'delete from delivery.audit_seals where tenant_id = $1', [tenant.id])
      await sql(fleet, 'insert into delivery.audit_seals select * from public.kept where tenant_id = $1', [tenant.id])
      await sql(fleet, 'drop table public.kept')
    }
    expect((await audit.verify()).intact).toBe(true)
    // The whole chain made anew: it holds in itself, and is not the one whose head was kept.
    await sql(fleet, 'update delivery.audit_log set actor_id = null, entity_id = $2 where tenant_id = $1', [
      tenant.id,
      'other',
    ])
    await sql(fleet, 'delete from delivery.audit_seals where tenant_id = $1', [tenant.id])
    expect((await audit.verify({ ...(head && { expected: head }) })).breach).toMatchObject({
      problem: 'seal_removed',
      seal: 3,
    })
    await seal(tenant, 2)
    expect((await audit.verify()).intact).toBe(true)
    expect((await audit.verify({ ...(head && { expected: head }) })).breach).toMatchObject({
      problem: 'seal_altered',
      seal: 3,
    })
    await sql(fleet, 'delete from delivery.audit_seals where tenant_id = $1 and seal_number = 1', [tenant.id])
    expect((await audit.verify()).breach).toMatchObject({ problem: 'seal_removed', seal: 1 })
  })

  test('refuse to go on in a database that has not come so far', async () => {
    const tenant = await newTenant()
    await record(tenant, 1)
    await seal(tenant)
    await sql(fleet, `update delivery.audit_seals set to_transaction = '9000000000000000000' where tenant_id = $1`, [
      tenant.id,
    ])
    await failure(tenant.delivery.audit.seal(), 'WATERMARK_FOREIGN')
  })
})

test('a month that retires leaves the chain whole; one that is dropped before its time does not', async () => {
  const tenant = await newTenant()
  const old = (days: number) => uuidv7({ msecs: Date.now() - days * DAY })
  for (const id of [old(170), old(100)]) {
    await sql(fleet, `select platform.ensure_partition('delivery', 'audit_log', $1)`, [id])
    await sql(
      fleet,
      `insert into delivery.audit_log (tenant_id, audit_id, recorded_at, entity_type, entity_id, action)
      values ($1, $2, platform.uuid_time($2), 'gate', 'g', 'approve')`,
      [tenant.id, id],
    )
  }
  await record(tenant, 3)
  await seal(tenant, 2)
  expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, entries: 5, retired: 0 })
  const dropped = await sql<{ partition_name: string }>(
    fleet,
    `select partition_name from delivery.cleanup_old_audit_logs('130 days')`,
  )
  expect(dropped).toHaveLength(1)
  expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, entries: 4, retired: 1, unsealed: 0 })
  expect(await sql(fleet, 'select * from delivery.cleanup_old_audit_logs()')).toEqual([])
  const [other] = await sql<{ name: string }>(
    fleet,
    `select 'delivery.audit_log_p' || to_char(now() at time zone 'UTC' - interval '100 days', 'YYYYMM') as name`,
  )
  await sql(fleet, `drop table ${other?.name}`)
  expect((await tenant.delivery.audit.verify()).breach).toMatchObject({ problem: 'removed', seal: 1 })
})

describe('a sealer', () => {
  test('seals what is recorded while it works, and ends when told', async () => {
    const tenant = await newTenant()
    const sealer = keepSealed(tenant.delivery.audit, { everyMs: 10 })
    await record(tenant, 5)
    while ((await tenant.delivery.audit.verify()).unsealed !== 0) {
      // Until it has come round.
    }
    await sealer.stop()
    await sealer.stop()
    expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, entries: 5 })
    await record(tenant, 1)
    expect(await tenant.delivery.audit.verify()).toMatchObject({ intact: true, unsealed: 1 })
  })

  test('tells of errors, and goes on', async () => {
    const errors: unknown[] = []
    let calls = 0
    let again = () => {}
    const twice = new Promise<void>((resolve) => {
      again = resolve
    })
    const sealer = keepSealed(
      {
        async seal() {
          calls += 1
          if (calls === 1) throw new Error('lost')
          again()
          return { sealed: 0, head: undefined, more: false }
        },
      },
      { everyMs: 10, onError: (error) => errors.push(error) },
    )
    await twice
    await sealer.stop()
    expect(errors).toEqual([new Error('lost')])
  })

  test('with a bad option is refused', async () => {
    const call = async () =>
      keepSealed({ seal: async () => ({ sealed: 0, head: undefined, more: false }) }, { everyMs: 1 })
    expect(await failure(call(), 'INPUT_INVALID')).toMatchObject({ field: 'options.everyMs' })
  })
})
