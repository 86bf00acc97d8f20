import { describe, expect, test } from 'vitest'
import { onEngines, openTestFleet, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'

// The log is a ring of four quarters of an hour. The clock cannot be moved here, so rows are: into the slot that is
// written next, with the time that they would have.
const fleet = await openTestFleet()
const { id } = await newTenant(fleet)

const NEXT = `((floor(extract(epoch from clock_timestamp()) / 900)::integer + 1) % 4)`

const log = (slot: string, age: string) =>
  sql(
    fleet,
    `insert into metadata.changes (tenant_id, sync_group, recorded_at, slot, kind)
    values ($1, 'NORMAL', clock_timestamp() - $2::interval, ${slot}, 'entries')`,
    [id, age],
  )
const counts = async () =>
  (
    await sql<{ next: number; others: number }>(
      fleet,
      `select count(*) filter (where slot = ${NEXT})::integer as next, count(*) filter (where slot <> ${NEXT})::integer as others from metadata.changes`,
    )
  )[0]
const floors = async () =>
  (
    await sql<{ next: string; others: string }>(
      fleet,
      `select max(transaction_id::text) filter (where slot = ${NEXT}) as next, max(transaction_id::text) filter (where slot <> ${NEXT}) as others
    from metadata.change_floors`,
    )
  )[0]

/** As a tenant's ticker calls it. */
const empty = async () =>
  (
    await fleet.database.runAs<{ slot: number | null }>(
      id,
      { name: 'test.empty', text: 'select metadata.empty_change_slot() as slot' },
      [],
    )
  )[0]?.slot

async function startAnew() {
  await sql(fleet, 'delete from metadata.changes')
  await sql(fleet, `update metadata.change_floors set transaction_id = '0', emptied_at = '-infinity'`)
}

/** Repeats what fell onto the turn of a quarter of an hour. */
async function withinQuarter(work: () => Promise<void>): Promise<void> {
  const slot = async () => (await sql<{ slot: number }>(fleet, `select ${NEXT} as slot`))[0]?.slot
  for (;;) {
    await startAnew()
    const before = await slot()
    try {
      await work()
      return
    } catch (error) {
      if ((await slot()) === before) throw error
    }
  }
}

describe('empty_change_slot', () => {
  test('empties the slot that comes next, and remembers up to which transaction it was written', () =>
    withinQuarter(async () => {
      await log(`((${NEXT} + 3) % 4)`, '0')
      await log(`((${NEXT} + 2) % 4)`, '16 minutes')
      await log(NEXT, '70 minutes')
      await log(NEXT, '31 minutes')
      const [newest] = await sql<{ id: string }>(
        fleet,
        `select transaction_id::text as id from metadata.changes where slot = ${NEXT} order by transaction_id desc limit 1`,
      )
      expect(await empty()).toEqual(expect.any(Number))
      expect(await counts()).toEqual({ next: 0, others: 2 })
      expect(await floors()).toEqual({ next: newest?.id, others: '0' })
      // Once a quarter of an hour: what is written into it from now on stays.
      await log(NEXT, '40 minutes')
      expect(await empty()).toBeNull()
      expect(await counts()).toEqual({ next: 1, others: 2 })
    }))

  test('leaves a slot alone that holds anything newer than half an hour: the clock was put back', () =>
    withinQuarter(async () => {
      await log(NEXT, '70 minutes')
      await log(NEXT, '29 minutes')
      expect(await empty()).toBeNull()
      expect(await counts()).toEqual({ next: 2, others: 0 })
      expect(await floors()).toEqual({ next: '0', others: '0' })
    }))

  onEngines(['direct', 'pooled'], 'needs two sessions')('gives way to those who read the slot', () =>
    withinQuarter(async () => {
      await log(NEXT, '70 minutes')
      await fleet.database.lend(async (connection) => {
        await connection.query('begin')
        await connection.query('select count(*) from metadata.changes')
        expect(await empty()).toBeNull()
        await connection.query('commit')
      })
      expect(await counts()).toEqual({ next: 1, others: 0 })
      expect(await empty()).toEqual(expect.any(Number))
    }),
  )

  test('is the only way for a tenant to remove what was logged', async () => {
    await log(NEXT, '70 minutes')
    for (const text of [
      'delete from metadata.changes',
      'truncate metadata.changes',
      'update metadata.changes set kind = kind',
    ]) {
      await expect(fleet.database.runAs(id, { name: `test.${text.slice(0, 6)}`, text }, [])).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
      })
    }
  })
})
