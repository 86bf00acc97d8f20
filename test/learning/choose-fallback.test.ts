import { beforeEach, expect, test } from 'vitest'
import { expire, newTenant, useFleet } from './support.js'

const fleet = useFleet()
// test-generator and test-executor are of one category, fleet-commander and chaos-engineer are of others.
const own = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const set = (agentType: string, action: string, q: number, visits = 1) =>
  tenant.learning.learn(
    Array.from({ length: visits }, () => ({ agentType, state: 's', action, reward: q, learningRate: 1 })),
  )
const choose = (options = {}) => tenant.learning.choose(own, 's', { epsilon: 0, ...options })

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('what the agent type itself knows comes before what its category knows', async () => {
  await set(own, 'a', -5)
  await set('test-executor', 'b', 9)
  expect(await choose()).toMatchObject({ action: 'a', q: -5, source: 'agent-type' })
})

test('the category comes before the fleet', async () => {
  await set('test-executor', 'b', -5)
  await set('fleet-commander', 'c', 9)
  expect(await choose()).toMatchObject({ action: 'b', q: -5, visits: 1, source: 'category' })
})

test('the fleet comes last', async () => {
  await set('fleet-commander', 'c', 9, 2)
  expect(await choose()).toMatchObject({ action: 'c', q: 9, visits: 2, source: 'fleet' })
})

test('values of a category are means weighted by visits', async () => {
  await set('test-executor', 'b', 10, 1)
  await set('quality-gate', 'b', 2, 3)
  await set('quality-gate', 'd', 3.9, 1)
  // (10 * 1 + 2 * 3) / 4
  expect(await choose()).toMatchObject({ action: 'b', q: 4, visits: 4, source: 'category' })
})

test('values of the fleet are means weighted by visits', async () => {
  await set('fleet-commander', 'b', 9, 1)
  await set('chaos-engineer', 'b', 1, 7)
  expect(await choose()).toMatchObject({ q: 2, visits: 8, source: 'fleet' })
})

test('knowledge of forbidden actions alone does not stop the fallback', async () => {
  await set(own, 'a', 1)
  await set('test-executor', 'b', 2)
  expect(await choose({ actions: ['b'] })).toMatchObject({ action: 'b', q: 2, source: 'category' })
})

test('an expired value does not stop the fallback', async () => {
  await set(own, 'a', 1)
  await set('test-executor', 'b', 2)
  await expire(fleet(), tenant.id, own, 's', 'a')
  expect(await choose()).toMatchObject({ action: 'b', source: 'category' })
})

test('expired values are not fallen back to', async () => {
  await set('test-executor', 'b', 2)
  await set('fleet-commander', 'c', 1)
  await expire(fleet(), tenant.id, 'test-executor', 's', 'b')
  expect(await choose()).toMatchObject({ action: 'c', source: 'fleet' })
  await expire(fleet(), tenant.id, 'fleet-commander', 's', 'c')
  expect(await choose()).toMatchObject({ action: undefined, source: 'none' })
})

test('best does not fall back', async () => {
  await set('test-executor', 'b', 2)
  expect(await tenant.learning.best(own, 's')).toBeUndefined()
})

test('another tenant is not fallen back to', async () => {
  const other = await newTenant(fleet())
  await other.learning.learn({ agentType: own, state: 's', action: 'a', reward: 1 })
  expect(await choose()).toMatchObject({ source: 'none' })
})

test('double-q values count as the mean of both estimates', async () => {
  const step = { agentType: 'test-executor', state: 's', action: 'b', learningRate: 1, algorithm: 'double-q' as const }
  await tenant.learning.learn([
    { ...step, reward: 4, draw: 0 },
    { ...step, reward: 8, draw: 0.5 },
  ])
  expect(await choose()).toMatchObject({ q: 6, visits: 2 })
})
