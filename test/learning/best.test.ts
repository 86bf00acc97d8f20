import { beforeEach, expect, test } from 'vitest'
import { contentHash } from './reference.js'
import { expire, newTenant, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

const set = (state: string, action: string, q: number) =>
  tenant.learning.learn({ agentType, state, action, reward: q, learningRate: 1 })

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('best is the action of the highest value, with its visits', async () => {
  await set('s', 'a', 1)
  await set('s', 'b', 2)
  await set('s', 'b', 3)
  await set('s', 'c', -4)
  expect(await tenant.learning.best(agentType, 's')).toEqual({ action: 'b', q: 3, visits: 2 })
})

test('best of a state that is not known is undefined, and its values are none', async () => {
  expect(await tenant.learning.best(agentType, 'nowhere')).toBeUndefined()
  expect(await tenant.learning.values(agentType, 'nowhere')).toEqual([])
})

test('best and values know nothing of other agent types', async () => {
  await set('s', 'a', 1)
  expect(await tenant.learning.best('test-executor', 's')).toBeUndefined()
  expect(await tenant.learning.values('test-executor', 's')).toEqual([])
})

test('values come best first', async () => {
  for (const [i, q] of [3, -1, 7, 0].entries()) await set('s', `a${i}`, q)
  expect((await tenant.learning.values(agentType, 's')).map(({ q }) => q)).toEqual([7, 3, 0, -1])
})

test('ties go to the smaller hash', async () => {
  const actions = ['a', 'b', 'c', 'd', 'e']
  for (const action of actions) await set('s', action, 2)
  const ordered = actions.toSorted((a, b) => (contentHash(a) < contentHash(b) ? -1 : 1))
  expect((await tenant.learning.values(agentType, 's')).map(({ action }) => action)).toEqual(ordered)
  expect((await tenant.learning.best(agentType, 's'))?.action).toBe(ordered[0])
})

test('many lookups answer in their order, gaps included', async () => {
  await set('s', 'a', 1)
  await set('t', 'b', 2)
  const lookups = ['t', 'nowhere', 's', 't'].map((state) => ({ agentType, state }))
  expect((await tenant.learning.best(lookups)).map((value) => value?.action)).toEqual(['b', undefined, 'a', 'b'])
  expect((await tenant.learning.values(lookups)).map((values) => values.length)).toEqual([1, 0, 1, 1])
})

test('expired values are not returned', async () => {
  await set('s', 'a', 9)
  await set('s', 'b', 1)
  await expire(fleet(), tenant.id, agentType, 's', 'a')
  expect(await tenant.learning.best(agentType, 's')).toMatchObject({ action: 'b' })
  expect(await tenant.learning.values(agentType, 's')).toHaveLength(1)
  await expire(fleet(), tenant.id, agentType, 's', 'b')
  expect(await tenant.learning.best(agentType, 's')).toBeUndefined()
})

test('a double-q value is the mean of both estimates', async () => {
  const step = { agentType, state: 's', action: 'a', learningRate: 1, algorithm: 'double-q' as const }
  await tenant.learning.learn([
    { ...step, reward: 4, draw: 0 },
    { ...step, reward: 8, draw: 0.5 },
  ])
  expect(await tenant.learning.best(agentType, 's')).toMatchObject({ q: 6 })
  expect(await tenant.learning.values(agentType, 's')).toMatchObject([{ q: 6 }])
})

test('an action comes back as it was given', async () => {
  const action = { tool: 'jest', args: ['--bail', null, true, 1.5, { deep: 'ünïcödé 🙂' }] }
  await tenant.learning.learn({ agentType, state: { s: 1 }, action, reward: 1 })
  expect((await tenant.learning.best(agentType, { s: 1 }))?.action).toEqual(action)
})

test('a transaction reads what it learned, and takes it back when it fails', async () => {
  const failed = tenant.transaction(async (tx) => {
    await tx.learning.learn({ agentType, state: 's', action: 'a', reward: 1, learningRate: 1 })
    expect(await tx.learning.best(agentType, 's')).toMatchObject({ q: 1 })
    throw new Error('changed my mind')
  })
  await expect(failed).rejects.toThrow('changed my mind')
  expect(await tenant.learning.best(agentType, 's')).toBeUndefined()
})
