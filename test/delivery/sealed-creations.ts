import type { Fleet, Tenant } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { sql } from '../setup/index.js'
import { DAY, newTenant } from '../setup/tenant.js'
import { sealAll } from './settled.js'

/** A table whose rows are the entries of the creation of what they hold. */
export interface Creations {
  readonly table: string
  readonly key: string
  /** The column of a seal that says which of its entries are of the table. */
  readonly marks: string
  /** The column of those that came to the seals before it. */
  readonly marksBefore: string
  /** What an entry tells, by what it is called here, and how it is changed. */
  readonly alterations: Readonly<Record<string, string>>
  /** A tenant with six of them that are created among other entries, three seals of three each; their ids. */
  withSealed(): Promise<{ tenant: Tenant; ids: string[] }>
  /** Makes one more; its id. */
  create(tenant: Tenant): Promise<string>
}

/** What is done to a row, the breach that it is, and how. */
type Tampering = [what: string, problem: string, tamper: (tenant: string, id: string) => Promise<void>]

/** What the seals hold of creations, whatever is done to their rows. */
export function testSealedCreations(fleet: Fleet, creations: Creations): void {
  const { table, key, marks, marksBefore, alterations, withSealed, create } = creations
  const run = async (text: string, ...values: unknown[]) => void (await sql(fleet, text, values))
  const update = (set: string) => (tenant: string, id: string) =>
    run(`update ${table} set ${set} where tenant_id = $1 and ${key} = $2`, tenant, id)

  test.each<Tampering>([
    ...Object.entries(alterations).map<Tampering>(([what, set]) => [what, 'altered', update(set)]),
    ['one moved behind the seals', 'reordered', update(`transaction_id = '9000000000000000000'`)],
    ['one taken out of the audit', 'removed', update('transaction_id = null, audit_sequence = null')],
    [
      'one removed',
      'removed',
      (tenant, id) => run(`delete from ${table} where tenant_id = $1 and ${key} = $2`, tenant, id),
    ],
  ])('%s is found, and named: %s', async (_, problem, tamper) => {
    const { tenant, ids } = await withSealed()
    const { audit } = tenant.delivery
    expect(await audit.verify()).toMatchObject({ intact: true, seals: 3, entries: 9, unsealed: 0 })
    await tamper(tenant.id, ids[2] as string)
    expect((await audit.verify()).breach).toMatchObject({ problem, entryId: ids[2], seal: 2 })
  })

  test('two that change places are found', async () => {
    const { tenant, ids } = await withSealed()
    await run(
      `update ${table} s set audit_sequence = o.audit_sequence from ${table} o
      where s.tenant_id = $1 and o.tenant_id = $1 and s.${key} = any ($2) and o.${key} = any ($2) and s.${key} <> o.${key}`,
      tenant.id,
      ids.slice(2, 4),
    )
    expect((await tenant.delivery.audit.verify()).breach).toMatchObject({ problem: 'reordered', seal: 2 })
  })

  test('which of its entries are creations is held by the seal', async () => {
    for (const set of [
      `${marks} = array_fill(true, array[3])`,
      `${marks} = null`,
      `${marks} = null, ${marksBefore} = ${marks}`,
    ]) {
      const { tenant } = await withSealed()
      await run(`update delivery.audit_seals set ${set} where tenant_id = $1 and seal_number = 1`, tenant.id)
      expect((await tenant.delivery.audit.verify()).breach).toMatchObject({ problem: 'seal_altered', seal: 1 })
    }
  })

  test("do not retire with the log's months", async () => {
    const tenant = await newTenant(fleet)
    const { audit } = tenant.delivery
    const id = await create(tenant)
    // As if it were of long ago: of a month that the log no longer has.
    const old = uuidv7({ msecs: Date.now() - 500 * DAY })
    await run(`update ${table} set ${key} = $2 where ${key} = $1`, id, old)
    await sealAll(fleet, tenant)
    expect(await audit.verify()).toMatchObject({ intact: true, entries: 1, retired: 0 })
    await run(`delete from ${table} where ${key} = $1`, old)
    expect((await audit.verify()).breach).toMatchObject({ problem: 'removed', entryId: old })
  })

  test.each([
    'set actor_id = null',
    'set transaction_id = null, audit_sequence = null',
    `set created_with = '{}'`,
    ...Object.values(alterations).map((set) => `set ${set}`),
    'delete',
  ])('the application cannot: %s', async (what) => {
    const text = what === 'delete' ? `delete from ${table}` : `update ${table} ${what}`
    await expect(sql(fleet, `set role pgfleet_app; ${text}`)).rejects.toThrow(/permission denied/)
  })
}
