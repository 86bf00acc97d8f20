import { describe, expect, test } from 'vitest'
import { ENTER } from '../../dist/database/database.js'
import { failure, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
await fleet.tenants.create({ id: 'a' })

const insert = (id: string) => `insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action)
  select 'a', ${id}::uuid, 'workflow', 'w', 'create'`
const INSERT = insert("(delivery.audit_prefix() || '0008000' || to_hex(nextval('delivery.audit_sequence')))")
const asApp = (text: string) =>
  fleet.database.transaction('begin', [{ statement: ENTER, values: ['a'] }], (run) => run({ name: '', text }, []))

describe('a row of the audit log', () => {
  test('has an id of the time it was recorded at, also from a statement of 0028 that was under way', async () => {
    await asApp('select delivery.audit_prefix()')
    await asApp(INSERT)
    await asApp(insert('overlay(gen_random_uuid()::text placing delivery.audit_prefix() from 1 for 15)'))
    const rows = await sql(
      fleet,
      `select abs(extract(epoch from platform.uuid_time(audit_id) - recorded_at)) < 0.001 as same, substr(audit_id::text, 15, 1) as version
      from delivery.audit_log`,
    )
    expect(rows).toEqual(Array.from({ length: 2 }, () => ({ same: true, version: '7' })))
  })

  test.each(["update delivery.audit_log set action = 'read'", 'delete from delivery.audit_log'])(
    'is there for good: %s',
    async (text) => {
      expect((await failure(asApp(text), 'PERMISSION_DENIED')).details).toMatchObject({ sqlstate: '42501' })
    },
  )
})

test.each([
  ['{"password": "x", "n": 1}', { password: '[redacted]', n: 1 }],
  ['{"a": [{"api_key": {"b": 1}}, "secret"]}', { a: [{ api_key: '[redacted]' }, 'secret'] }],
  ['{"Authorization": ["old", "new"], "tokens": 5}', { Authorization: '[redacted]', tokens: 5 }],
  ['{"access_token": "x", "tokens": 1}', { access_token: '[redacted]', tokens: 1 }],
  ['{"plain": null}', { plain: null }],
  ['{}', {}],
  ['[]', []],
])('%s is redacted', async (given, redacted) => {
  expect(await sql(fleet, 'select delivery.redact($1::jsonb) as redacted', [given])).toEqual([{ redacted }])
})

describe('an identity', () => {
  test('is that of the tenant it was given to', () => {
    const tenant = fleet.tenant('a')
    const actor = { type: 'agent', id: 'reviewer-7' } as const
    expect(tenant.delivery.identity).toEqual({})
    expect(tenant.as({ actor, correlationId: 'run-1' }).delivery.identity).toEqual({ actor, correlationId: 'run-1' })
    // Not the sum of two: nobody acts as somebody by accident.
    expect(tenant.as({ actor }).as({ correlationId: 'run-2' }).delivery.identity).toEqual({ correlationId: 'run-2' })
  })

  test('holds inside a transaction', async () => {
    const identity = { actor: { type: 'user', id: 'ada' } } as const
    expect(
      await fleet
        .tenant('a')
        .as(identity)
        .transaction(async (tx) => tx.delivery.identity),
    ).toEqual(identity)
  })

  test.each([
    ['identity.actor.type', { actor: { type: 'ghost', id: 'x' } }],
    ['identity.actor.id', { actor: { type: 'user', id: '' } }],
    ['identity.correlationId', { correlationId: 'x'.repeat(201) }],
    ['identity.other', { other: 1 }],
  ])('with a bad %s is refused', async (field, input) => {
    const call = async () => fleet.tenant('a').as(input as never)
    expect(await failure(call(), 'INPUT_INVALID')).toMatchObject({ field })
  })
})
