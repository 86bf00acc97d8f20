import type { Tenant } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { onEngines, openTestFleet, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'
import { pause } from './feed-support.js'

const fleet = await openTestFleet()

const touch = { name: 'test.touch', text: 'select entities, agents from metadata.touch($1::text)' }
const runTouch = async ({ id }: Tenant) =>
  (await fleet.database.runAs<{ entities: number; agents: number }>(id, touch, [id]))[0]

/** A tenant whose group NORMAL was ticked once. */
async function kept(entities: readonly string[]): Promise<Tenant> {
  const tenant = await newTenant(fleet)
  await tenant.metadata.entities.create(entities.map((name) => ({ name })))
  const ticker = tenant.metadata.ticks.start({ heartbeatMs: 50, leaseMs: 500 })
  for (let i = 0; i < 600; i++) {
    const [lease] = await sql<{ touched: string | null }>(
      fleet,
      `select touched::text from metadata.tick_leases where tenant_id = $1 and sync_group = 'NORMAL'`,
      [tenant.id],
    )
    if (lease?.touched) break
    await pause(20)
  }
  await ticker.stop()
  return tenant
}

/** The newest entry of each entity, and the last write of each agent, as everybody sees them now. */
const newest = ({ id }: Tenant) =>
  sql<{ who: string; at: string }>(
    fleet,
    `select 'entity ' || n.name as who, max(e.updated_at)::text as at
    from metadata.entities n join metadata.entries e on e.tenant_id = n.tenant_id and e.entity_id = n.entity_id
    where n.tenant_id = $1 group by n.name
    union all
    select 'agent ' || e.updated_by, max(e.updated_at)::text from metadata.entries e
    where e.tenant_id = $1 and e.updated_by is not null group by e.updated_by`,
    [id],
  )

/** Those that are behind what was seen before. */
const behind = async ({ id }: Tenant, seen: readonly { who: string; at: string }[]) =>
  await sql(
    fleet,
    `select s.who, s.at, k.at as kept from unnest($2::text[], $3::timestamptz[]) as s(who, at)
    left join (
      select 'entity ' || n.name as who, n.updated_at as at from metadata.entities n where n.tenant_id = $1
      union all
      select 'agent ' || a.agent_id, a.last_seen_at from metadata.agents a where a.tenant_id = $1
    ) k on k.who = s.who
    where k.at is null or k.at < s.at`,
    [id, seen.map(({ who }) => who), seen.map(({ at }) => at)],
  )

describe('touch', () => {
  test('brings entities and agents up to their newest entry, and does nothing more', async () => {
    const tenant = await kept(['a', 'b', 'quiet'])
    const as = (id: string) => tenant.as({ actor: { type: 'agent', id } }).metadata
    await tenant.metadata.roles.grant(
      ['ada', 'bob'].map((agentId) => ({ agentId, syncGroup: 'NORMAL', insert: true, update: true })),
    )
    await as('ada').set({ entity: 'a', key: 'k', value: 1 })
    await as('bob').set({ entity: 'b', key: 'k', value: 1 })
    const [, before] = await tenant.metadata.entities.get(['quiet', 'a'])
    const seen = await newest(tenant)
    expect(seen).toHaveLength(4)
    expect(await runTouch(tenant)).toEqual({ entities: 2, agents: 2 })
    expect(await behind(tenant, seen)).toEqual([])
    const [quiet, after] = await tenant.metadata.entities.get(['quiet', 'a'])
    expect(after?.updatedAt.getTime()).toBeGreaterThan(before?.updatedAt.getTime() as number)
    expect(quiet?.updatedAt).toEqual(quiet?.createdAt)
    expect(await runTouch(tenant)).toEqual({ entities: 0, agents: 0 })
  })

  test('leaves nothing behind that was committed before it, however many write', async () => {
    const names = Array.from({ length: 8 }, (_, n) => `e${n}`)
    const tenant = await kept(names)
    await tenant.metadata.roles.grant(
      [0, 1, 2].map((n) => ({ agentId: `agent-${n}`, syncGroup: 'NORMAL', insert: true, update: true })),
    )
    let isWriting = true
    const writers = Promise.all(
      [0, 1, 2].map(async (n) => {
        const { metadata } = tenant.as({ actor: { type: 'agent', id: `agent-${n}` } })
        for (let value = 0; isWriting; value++) {
          await metadata.set({
            entity: names[(value * 3 + n) % 8] as string,
            key: `k${value % 3}`,
            value: value + n / 10,
          })
        }
      }),
    )
    for (let round = 0; round < 40; round++) {
      const seen = await newest(tenant)
      await runTouch(tenant)
      expect(await behind(tenant, seen)).toEqual([])
      await pause(5)
    }
    isWriting = false
    await writers
  })

  test('finds out from the entries what the log has forgotten', async () => {
    const tenant = await kept(['a'])
    await tenant.metadata.set({ entity: 'a', key: 'k', value: 1 })
    await sql(fleet, `update metadata.tick_leases set touched = '3:3:' where tenant_id = $1`, [tenant.id])
    await sql(fleet, `update metadata.change_floors set transaction_id = '3' where slot = 0`)
    // Nothing of it stands in the log that is looked at.
    await sql(fleet, `update metadata.changes set sync_group = 'BACKGROUND' where tenant_id = $1`, [tenant.id])
    try {
      const seen = await newest(tenant)
      expect(await runTouch(tenant)).toEqual({ entities: 1, agents: 0 })
      expect(await behind(tenant, seen)).toEqual([])
    } finally {
      await sql(fleet, `update metadata.change_floors set transaction_id = '0'`)
    }
  })

  onEngines(['direct', 'pooled'], 'needs transactions at the same time')(
    'does not wait for a transaction that stays open',
    async () => {
      const tenant = await kept(['a', 'b'])
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      let begin = () => {}
      const begun = new Promise<void>((resolve) => {
        begin = resolve
      })
      const long = tenant.transaction(async (tx) => {
        await tx.metadata.set({ entity: 'a', key: 'k', value: 1 })
        begin()
        await held
      })
      await begun
      for (let value = 0; value < 3; value++) {
        await tenant.metadata.set({ entity: 'b', key: 'k', value })
        const seen = await newest(tenant)
        expect(await runTouch(tenant)).toEqual({ entities: 1, agents: 0 })
        expect(await behind(tenant, seen)).toEqual([])
      }
      release()
      await long
      const seen = await newest(tenant)
      expect(await runTouch(tenant)).toEqual({ entities: 1, agents: 0 })
      expect(await behind(tenant, seen)).toEqual([])
    },
  )

  test('is done by a ticker', async () => {
    const tenant = await kept(['a'])
    const ticker = tenant.metadata.ticks.start()
    await tenant.metadata.set({ entity: 'a', key: 'k', value: 1 })
    const seen = await newest(tenant)
    for (let i = 0; i < 600 && (await behind(tenant, seen)).length > 0; i++) await pause(50)
    expect(await behind(tenant, seen)).toEqual([])
    await ticker.stop()
  })
})
