import { openFleet } from 'pgfleet'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, failure } from '../setup/index.js'

test('a statement that was first sent in a transaction that had failed before works afterwards', async () => {
  const database = await createTestDatabase()
  const fleet = await openFleet({ ...database.options, poolMax: 1 })
  afterFile(() => fleet.close())
  await fleet.tenants.create({ id: 'known' })
  // Entering fails, so the statement behind it cannot be prepared: PgBouncer keeps its name all the same.
  await failure(fleet.tenant('unknown').metadata.groups.delete('STATIC'), 'TENANT_UNKNOWN')
  expect(await fleet.tenant('known').metadata.groups.delete('STATIC')).toBe(true)
})
