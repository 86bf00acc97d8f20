import { v7 as uuidv7 } from 'uuid'
import { beforeEach, expect, test } from 'vitest'
import { expire, failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const set = (state: string, q: number, more = {}) =>
  tenant.learning.learn({ agentType, state, action: 'a', reward: q, learningRate: 1, ...more })
const policy = async () =>
  await sql(
    fleet(),
    'select state, action, q, q_b, visits from learning.q_values where tenant_id = $1 and expires_at > now() order by state, agent_type',
    [tenant.id],
  )

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('rolling back restores what was, removes what is new, and keeps other agent types', async () => {
  await set('s', 1)
  await set('t', 2, { algorithm: 'double-q', draw: 0.9 })
  await set('u', 3)
  const before = await policy()
  const snapshot = await tenant.learning.snapshots.create(agentType, 'before')
  expect(snapshot).toMatchObject({ agentType, label: 'before', qValues: 3 })
  await set('s', 100)
  await set('v', 100)
  await set('t', -1)
  await set('z', 7, { agentType: 'test-executor' })
  await sql(fleet(), `delete from learning.q_values where tenant_id = $1 and state = '"u"'`, [tenant.id])
  expect(await tenant.learning.snapshots.rollback(snapshot.id)).toEqual({ agentType, restored: 3, removed: 1 })
  expect(await policy()).toEqual([...before, { state: 'z', action: 'a', q: 7, q_b: null, visits: 1 }])
})

test('rolling back may be repeated', async () => {
  await set('s', 1)
  const { id } = await tenant.learning.snapshots.create(agentType, 'l')
  await set('s', 2)
  await tenant.learning.snapshots.rollback(id)
  const after = await policy()
  expect(await tenant.learning.snapshots.rollback(id)).toMatchObject({ restored: 1, removed: 0 })
  expect(await policy()).toEqual(after)
})

test('rolling back renews the expiry: what was restored is there again', async () => {
  await set('s', 5)
  const { id } = await tenant.learning.snapshots.create(agentType, 'l')
  await expire(fleet(), tenant.id, agentType, 's', 'a')
  await tenant.learning.snapshots.rollback(id)
  expect(await tenant.learning.best(agentType, 's')).toMatchObject({ q: 5, visits: 1 })
})

test('expired values are not in a snapshot', async () => {
  await set('s', 1)
  await set('t', 1)
  await expire(fleet(), tenant.id, agentType, 's', 'a')
  expect(await tenant.learning.snapshots.create(agentType, 'l')).toMatchObject({ qValues: 1 })
})

test('a snapshot of nothing rolls back to nothing', async () => {
  const { id } = await tenant.learning.snapshots.create(agentType, 'empty')
  await set('s', 1)
  expect(await tenant.learning.snapshots.rollback(id)).toEqual({ agentType, restored: 0, removed: 1 })
  expect(await policy()).toEqual([])
})

test('snapshots are listed newest first, by agent type if asked', async () => {
  for (const [i, type] of [agentType, 'test-executor', agentType].entries()) {
    await tenant.learning.snapshots.create(type, `l${i}`)
  }
  expect((await tenant.learning.snapshots.list()).map(({ label }) => label)).toEqual(['l2', 'l1', 'l0'])
  expect((await tenant.learning.snapshots.list(agentType)).map(({ label }) => label)).toEqual(['l2', 'l0'])
})

test('a snapshot that was removed is gone with its values', async () => {
  await set('s', 1)
  const { id } = await tenant.learning.snapshots.create(agentType, 'l')
  expect(await tenant.learning.snapshots.remove(id)).toBe(true)
  expect(await tenant.learning.snapshots.remove(id)).toBe(false)
  expect(await tenant.learning.snapshots.list()).toEqual([])
  expect(await sql(fleet(), 'select from learning.policy_snapshot_values where tenant_id = $1', [tenant.id])).toEqual(
    [],
  )
})

test("unknown and other tenants' snapshots are unknown", async () => {
  const other = await newTenant(fleet())
  const { id } = await other.learning.snapshots.create(agentType, 'l')
  for (const unknown of [uuidv7(), id]) {
    expect((await failure(tenant.learning.snapshots.rollback(unknown))).code).toBe('SNAPSHOT_UNKNOWN')
    expect(await tenant.learning.snapshots.remove(unknown)).toBe(false)
  }
  expect(await other.learning.snapshots.list()).toHaveLength(1)
})

test('a snapshot under load is of one moment', async () => {
  // Each call moves all ten values by one: a snapshot of one moment has ten equal ones.
  const states = Array.from({ length: 10 }, (_, i) => `s${i}`)
  const step = () =>
    tenant.learning.learn(
      states.map((state) => ({
        agentType,
        state,
        action: 'a',
        reward: 1,
        nextState: state,
        learningRate: 1,
        discountFactor: 1,
      })),
    )
  await step()
  let done = false
  const writers = Array.from({ length: 4 }, async () => {
    while (!done) await step()
  })
  // Whatever happens the writers end: against a closed fleet they would go round for ever.
  try {
    for (let i = 0; i < 5; i++) {
      const { id } = await tenant.learning.snapshots.create(agentType, `l${i}`)
      const [row] = await sql<{ kinds: number; n: number }>(
        fleet(),
        'select count(distinct q)::integer as kinds, count(*)::integer as n from learning.policy_snapshot_values where snapshot_id = $1',
        [id],
      )
      expect(row).toEqual({ kinds: 1, n: 10 })
    }
  } finally {
    done = true
  }
  await Promise.all(writers)
})

test('rolling back under load leaves each value learned from the snapshot on, or not at all', async () => {
  const states = Array.from({ length: 20 }, (_, i) => `s${i}`)
  for (const state of states) await set(state, 1000)
  const { id } = await tenant.learning.snapshots.create(agentType, 'l')
  let done = false
  const errors: unknown[] = []
  const writers = Array.from({ length: 6 }, async (_, writer) => {
    for (let i = 0; !done; i++) {
      const batch = [0, 7, 3, 11].map((n) => ({
        agentType,
        state: states[(n + i + writer) % 20] as string,
        action: 'a',
        reward: 1,
        nextState: states[(n + i + writer) % 20] as string,
        learningRate: 1,
        discountFactor: 1,
      }))
      await tenant.learning.learn(batch).catch((error: unknown) => errors.push(error))
    }
  })
  try {
    for (let i = 0; i < 10; i++) {
      // As a cleanup would, in the order of the keys: the rollback has to make the rows again, while others make them too.
      await sql(
        fleet(),
        `with gone as (
          select ctid from learning.q_values where tenant_id = $1 and state in ('"s3"', '"s8"')
          order by state_hash, agent_type, action_hash for update
        )
        delete from learning.q_values v using gone g where v.tenant_id = $1 and v.ctid = g.ctid`,
        [tenant.id],
      )
      await tenant.learning.snapshots.rollback(id)
    }
  } finally {
    done = true
  }
  await Promise.all(writers)
  expect(errors).toEqual([])
  // From the snapshot's 1000 at 1 visit, or from 0 after a delete, each visit added 1.
  for (const { q, visits } of (await policy()) as { q: number; visits: number }[]) {
    expect([999, 0]).toContain(q - visits)
  }
})
