import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { newId } from '../../dist/id.js'
import { bootstrap, createLogin, createTestDatabase, failure, onEngines, openTestFleet, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'

const fleet = await openTestFleet()
const { tenants } = fleet

async function isHeld(id: string): Promise<boolean> {
  const [row] = await sql<{ held: boolean }>(fleet, 'select platform.is_held($1::text) as held', [id])
  return row?.held ?? false
}

test('a tenant is held until its last hold is lifted, and the holds stay as a record', async () => {
  const { id } = await newTenant(fleet)
  expect(await tenants.holds(id)).toEqual([])
  expect(await isHeld(id)).toBe(false)
  const first = await tenants.hold(id, { reason: 'case 4711', by: 'counsel' })
  const second = await tenants.hold(id, { reason: 'case 4712', by: 'counsel' })
  expect(first).toMatchObject({ reason: 'case 4711', placedBy: 'counsel', liftedAt: null, liftedBy: null })
  expect(await tenants.holds(id)).toEqual([first, second])
  const lifted = await tenants.lift(id, first.holdId, { by: 'judge' })
  expect(lifted).toMatchObject({ holdId: first.holdId, liftedBy: 'judge', liftedAt: expect.any(Date) })
  expect(await isHeld(id)).toBe(true)
  await tenants.lift(id, second.holdId, { by: 'judge' })
  expect(await isHeld(id)).toBe(false)
  expect(await tenants.holds(id)).toHaveLength(2)
})

test('calls may be repeated: one hold, lifted once', async () => {
  const { id } = await newTenant(fleet)
  const hold = { reason: 'case 1', by: 'counsel', holdId: newId() }
  const placed = await tenants.hold(id, hold)
  expect(await tenants.hold(id, hold)).toEqual(placed)
  const lifted = await tenants.lift(id, hold.holdId, { by: 'judge' })
  expect(await tenants.lift(id, hold.holdId, { by: 'somebody else' })).toEqual(lifted)
  expect(await tenants.hold(id, hold)).toEqual(lifted)
  await failure(tenants.hold(id, { ...hold, reason: 'case 2' }), 'ID_CONFLICT')
})

test('holds are of one tenant, and a tenant sees its own alone', async () => {
  const [mine, other] = [await newTenant(fleet), await newTenant(fleet)]
  const { holdId } = await tenants.hold(mine.id, { reason: 'case 1', by: 'counsel' })
  await failure(tenants.lift(other.id, holdId, { by: 'judge' }), 'HOLD_UNKNOWN')
  const asked = { name: 'test.is_held', text: 'select platform.is_held($1::text) as held' }
  expect(await fleet.database.runAs(mine.id, asked, [mine.id])).toEqual([{ held: true }])
  expect(await fleet.database.runAs(other.id, asked, [mine.id])).toEqual([{ held: false }])
  const write = { name: 'test.lift', text: 'update platform.legal_holds set lifted_at = now()' }
  await failure(fleet.database.runAs(mine.id, write, []), 'PERMISSION_DENIED')
})

test('what cannot be is refused before anything is sent', async () => {
  const { id } = await newTenant(fleet)
  const by = 'counsel'
  expect((await failure(tenants.hold(id, { reason: '', by }), 'INPUT_INVALID')).field).toBe('hold.reason')
  const noVersion7 = 'f47ac10b-58cc-4372-a567-0e02b2c3d479'
  const wrong = await failure(tenants.hold(id, { reason: 'case', by, holdId: noVersion7 }), 'INPUT_INVALID')
  expect(wrong.field).toBe('hold.holdId')
  expect((await failure(tenants.lift(id, 'x', { by }), 'INPUT_INVALID')).field).toBe('holdId')
  await failure(tenants.hold('A', { reason: 'case', by }), 'TENANT_INVALID')
  await failure(tenants.hold('nobody', { reason: 'case', by }), 'TENANT_UNKNOWN')
  await failure(tenants.holds('nobody'), 'TENANT_UNKNOWN')
  await failure(tenants.lift(id, newId(), { by }), 'HOLD_UNKNOWN')
})

onEngines(['direct', 'pooled'], 'the embedded engine has one login, a superuser')(
  'the login that migrates holds and lifts, that of an application does neither',
  async () => {
    const logins = { owner: await createLogin(), app: await createLogin({ memberOf: ['pgfleet_app'] }) }
    const database = await createTestDatabase({ migrated: false, owner: logins.owner })
    await bootstrap(database, logins.owner)
    await using owner = await openFleet({ url: database.urlOf(logins.owner) })
    await owner.tenants.create({ id: 'acme' })
    const { holdId } = await owner.tenants.hold('acme', { reason: 'case', by: 'counsel' })
    await using app = await openFleet({ url: database.urlOf(logins.app) })
    await failure(app.tenants.hold('acme', { reason: 'case', by: 'app' }), 'PERMISSION_DENIED')
    await failure(app.tenants.lift('acme', holdId, { by: 'app' }), 'PERMISSION_DENIED')
    await failure(app.tenants.holds('acme'), 'PERMISSION_DENIED')
    expect(await owner.tenants.lift('acme', holdId, { by: 'judge' })).toMatchObject({ liftedBy: 'judge' })
  },
)
