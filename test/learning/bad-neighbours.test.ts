import type { Experience } from 'pgfleet/learning'
import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { dayOffset, newTenant, useFleet } from './support.js'

const fleet = useFleet()
const good: Experience = { agentType: 'test-generator', state: 's', action: 'a', reward: 1, learningRate: 'visits' }

/** The bad one's code, and whether the database is who refuses it. */
const BAD: [string, string, Partial<Experience>][] = [
  ['INPUT_INVALID', 'before it is queued', { reward: Number.NaN }],
  ['AGENT_TYPE_UNKNOWN', 'by the database', { agentType: 'nobody' }],
  ['ID_OUT_OF_WINDOW', 'by the database', { id: uuidv7({ msecs: dayOffset(-200) }) }],
  ['INPUT_INVALID', 'before it is queued, too large', { state: 'far', reward: -1.7e308, learningRate: 1 }],
]

test.each(BAD)('one bad call refused with %s %s leaves its 17 neighbours alone', async (code, _, bad) => {
  const tenant = await newTenant(fleet())
  await tenant.learning.learn({ ...good, state: 'far', reward: 1e100, learningRate: 1 })
  for (let round = 0; round < 5; round++) {
    // All in one turn of the event loop, hence in one statement.
    const settled = await Promise.allSettled(
      Array.from({ length: 18 }, (_, i) =>
        i === (round * 7) % 18 ? tenant.learning.learn({ ...good, ...bad }) : tenant.learning.learn(good),
      ),
    )
    const rejected = settled.filter((one) => one.status === 'rejected')
    expect(rejected).toHaveLength(1)
    expect(rejected[0]?.reason).toMatchObject({ code })
    expect(await tenant.learning.best('test-generator', 's')).toEqual({ action: 'a', q: 1, visits: 17 * (round + 1) })
  }
  expect(await tenant.learning.values('test-generator', 'far')).toMatchObject([{ visits: 1 }])
})

test('a call of several items with one bad among them writes none of them', async () => {
  const tenant = await newTenant(fleet())
  const [bad, fine] = await Promise.allSettled([
    tenant.learning.learn([good, { ...good, agentType: 'nobody' }, good]),
    tenant.learning.learn([good, good]),
  ])
  expect(bad).toMatchObject({ status: 'rejected', reason: { field: 'experiences[1].agentType' } })
  expect(fine.status).toBe('fulfilled')
  expect(await tenant.learning.best('test-generator', 's')).toMatchObject({ visits: 2 })
})

test("content that the database refuses is its own caller's alone", async () => {
  const tenant = await newTenant(fleet())
  // Each passes for JSON in JavaScript in one way or another.
  const odd = [{ a: () => 1 }, { a: { toJSON: () => undefined } }, [1, () => 1], [Number, 1]]
  const settled = await Promise.allSettled([
    ...odd.map((state) => tenant.learning.learn({ ...good, state: state as never })),
    ...Array.from({ length: 17 }, () => tenant.learning.learn(good)),
  ])
  expect(settled.map(({ status }) => status)).toEqual([...odd.map(() => 'rejected'), ...Array(17).fill('fulfilled')])
  expect(await tenant.learning.best('test-generator', 's')).toMatchObject({ visits: 17 })
})

test('a bad choice leaves its neighbours alone', async () => {
  const tenant = await newTenant(fleet())
  await tenant.learning.learn(good)
  const settled = await Promise.allSettled(
    Array.from({ length: 18 }, (_, i) =>
      tenant.learning.choose(i === 4 ? 'nobody' : 'test-generator', 's', { epsilon: 0 }),
    ),
  )
  expect(settled.filter((one) => one.status === 'rejected')).toHaveLength(1)
  expect(settled[4]).toMatchObject({ reason: { code: 'AGENT_TYPE_UNKNOWN' } })
})
