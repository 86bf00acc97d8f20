import { beforeEach, describe, expect, test } from 'vitest'
import { newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const DAY = 86_400_000
/** Midnight UTC behind the whole days of the retention. */
const deadline = (days: number) => Math.floor(Date.now() / DAY) * DAY + (days + 1) * DAY

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

/** What is kept for a time: how it is made and used again, and the table that holds it. */
const KINDS: [string, () => Promise<unknown>][] = [
  ['q_values', () => tenant.learning.learn({ agentType, state: 's', action: 'a', reward: 1 })],
  ['agent_states', () => tenant.learning.agents.report({ agentType, instanceId: 'i' })],
  ['patterns', () => tenant.learning.patterns.remember({ agentType, name: 'n', type: 't', data: 1 })],
]

const expiries = async (table: string) =>
  (
    await sql<{ expires_at: Date }>(fleet(), `select expires_at from learning.${table} where tenant_id = $1`, [
      tenant.id,
    ])
  ).map((row) => row.expires_at.getTime())

describe.each(KINDS)('%s', (table, touch) => {
  test('expire at midnight UTC after the retention, at most a day late', async () => {
    await touch()
    const [expires = 0] = await expiries(table)
    expect(expires).toBe(deadline(30))
    expect(expires % DAY).toBe(0)
    expect(expires - Date.now()).toBeGreaterThan(30 * DAY)
    expect(expires - Date.now()).toBeLessThanOrEqual(31 * DAY)
  })

  test('an update renews the expiry', async () => {
    await touch()
    await sql(
      fleet(),
      `update learning.${table} set expires_at = expires_at - interval '20 days' where tenant_id = $1`,
      [tenant.id],
    )
    await touch()
    expect(await expiries(table)).toEqual([deadline(30)])
  })

  test('a second update on one day leaves the expiry as it is', async () => {
    await touch()
    const before = await expiries(table)
    await touch()
    expect(await expiries(table)).toEqual(before)
  })

  test("the retention is the agent type's", async () => {
    await tenant.learning.agentTypes.upsert({ agentType, retentionDays: 7 })
    await touch()
    expect(await expiries(table)).toEqual([deadline(7)])
  })
})

test('an outcome renews a pattern', async () => {
  const patternId = await tenant.learning.patterns.remember({ agentType, name: 'n', type: 't', data: 1 })
  await sql(fleet(), `update learning.patterns set expires_at = now() + interval '1 hour' where tenant_id = $1`, [
    tenant.id,
  ])
  await tenant.learning.patterns.recordOutcomes([{ patternId }])
  expect(await expiries('patterns')).toEqual([deadline(30)])
})

describe('cleanup', () => {
  const fill = async (live: number, expired: number) => {
    for (let i = 0; i < live + expired; i++) {
      await tenant.learning.learn({ agentType, state: `s${i}`, action: 'a', reward: 1 })
      await tenant.learning.patterns.remember({ agentType, name: `p${i}`, type: 't', data: 1 })
      await tenant.learning.agents.report({ agentType, instanceId: `i${i}` })
      await tenant.learning.sessions.start({ agentType })
    }
    for (const table of ['q_values', 'patterns', 'agent_states', 'sessions']) {
      await sql(
        fleet(),
        `update learning.${table} set expires_at = now() where ctid in (select ctid from learning.${table} where tenant_id = $1 limit $2)`,
        [tenant.id, expired],
      )
    }
  }

  test('removes what has expired of every table, and nothing else', async () => {
    await fill(3, 5)
    const other = await newTenant(fleet())
    await other.learning.learn({ agentType, state: 's', action: 'a', reward: 1 })
    await sql(fleet(), 'update learning.q_values set expires_at = now() where tenant_id = $1', [other.id])
    expect(await tenant.learning.reports.cleanup()).toEqual({ q_values: 5, patterns: 5, agent_states: 5, sessions: 5 })
    for (const table of ['q_values', 'patterns', 'agent_states', 'sessions']) {
      expect(await expiries(table)).toHaveLength(3)
    }
    expect(await sql(fleet(), 'select from learning.q_values where tenant_id = $1', [other.id])).toHaveLength(1)
  })

  test('goes on in small steps until nothing is left', async () => {
    await fill(1, 7)
    expect(await tenant.learning.reports.cleanup({ rowsMax: 3 })).toEqual({
      q_values: 7,
      patterns: 7,
      agent_states: 7,
      sessions: 7,
    })
  })

  test('one step removes no more than it is told', async () => {
    await fill(1, 7)
    const rows = await sql<{ deleted: string }>(
      fleet(),
      'select table_name, deleted::integer from learning.cleanup_expired_data($1, 3)',
      [tenant.id],
    )
    expect(rows.map(({ deleted }) => deleted)).toEqual([3, 3, 3, 3])
  })

  test('stops when it is aborted', async () => {
    await fill(0, 2)
    const call = tenant.learning.reports.cleanup({ rowsMax: 1, signal: AbortSignal.abort() })
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await expiries('q_values')).toHaveLength(2)
  })

  test('under load it loses no update of a live value', async () => {
    await fill(5, 5)
    let done = false
    let sent = 0
    const writers = Array.from({ length: 6 }, async () => {
      while (!done) {
        await tenant.learning.learn({ agentType, state: 'live', action: 'a', reward: 1 })
        sent++
      }
    })
    for (let i = 0; i < 10; i++) await tenant.learning.reports.cleanup({ rowsMax: 2 })
    done = true
    await Promise.all(writers)
    expect(await tenant.learning.best(agentType, 'live')).toMatchObject({ visits: sent })
  })
})
