import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { newTenant, pick, sql, useFleet } from './support.js'

const fleet = useFleet()
const ITEMS = process.env.TEST_LONG ? 1_000_000 : 100_000
const CALLERS = 8
const KEYS = 2000
const AGENT_TYPES = ['test-generator', 'test-executor', 'fleet-commander']
const ALGORITHMS = ['q-learning', 'sarsa', 'expected-sarsa', 'double-q'] as const

const deadlocks = async () =>
  (
    await sql<{ n: number }>(
      fleet(),
      'select deadlocks::integer as n from pg_stat_database where datname = current_database()',
    )
  )[0]?.n

test(`${ITEMS.toLocaleString('en')} mixed items in random order on hot keys deadlock never`, {
  timeout: 1_800_000,
}, async () => {
  const tenant = await newTenant(fleet())
  const before = await deadlocks()
  let left = ITEMS
  let sent = 0
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      const next = pick(caller)
      while (left > 0) {
        const size = Math.min(left, 1 + next(500))
        left -= size
        const batch = Array.from({ length: size }, () => {
          const key = next(KEYS)
          return {
            agentType: AGENT_TYPES[key % 3] as string,
            state: `s${key >> 2}`,
            action: key & 3,
            reward: next(10),
            nextState: `s${next(KEYS >> 2)}`,
            nextAction: next(4),
            algorithm: ALGORITHMS[next(4)] as 'sarsa',
            terminal: next(4) === 0,
            ...(next(20) === 0 ? { id: uuidv7() } : {}),
          }
        })
        // Half of them on a connection of their own, so that statements overlap; there a conflict is not retried, but fails.
        if (next(2) === 0) await tenant.learning.learn(batch)
        else await tenant.transaction((tx) => tx.learning.learn(batch))
        sent += size
      }
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  console.log(`${sent} items in ${seconds.toFixed(1)} s, ${Math.round(sent / seconds)} a second`)
  const [row] = await sql<{ visits: number }>(
    fleet(),
    'select sum(visits)::integer as visits from learning.q_values where tenant_id = $1',
    [tenant.id],
  )
  expect(row?.visits).toBe(ITEMS)
  expect(await deadlocks()).toBe(before)
})
