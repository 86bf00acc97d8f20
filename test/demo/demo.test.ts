import { setMaxListeners } from 'node:events'
import { type Fleet, openFleet } from 'pgfleet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDemoTenant, measureOperations, runDemo } from '../../dist/demo/index.js'

let fleet: Fleet

beforeAll(async () => {
  fleet = await openFleet({ dataDir: 'memory://' })
})
afterAll(() => fleet.close())

const small = { episodes: 40, lanes: 4, evaluations: 2000 }

describe('the demo', () => {
  test('learns, beats chance, and leaves what it says in the store', async () => {
    const tenant = await createDemoTenant(fleet)
    const shares: number[] = []
    const demo = await runDemo(fleet, tenant, { ...small, seed: 5, onProgress: ({ share }) => shares.push(share) })
    expect(demo.agents).toHaveLength(18)
    expect(demo.learnedReward).toBeGreaterThan(demo.randomReward + 1)
    expect(demo.newcomerReward).toBeGreaterThan(demo.learnedReward)
    expect(demo.optimalReward).toBeCloseTo(6.6389, 4)
    expect(shares.at(-1)).toBe(1)
    expect(shares).toEqual([...shares].sort((a, b) => a - b))

    const { statistics } = demo
    expect(statistics.visits).toBe(demo.updates)
    expect(statistics.qValues).toBe(demo.agents.reduce((sum, agent) => sum + agent.qValues, 0))
    expect(statistics.trajectories).toBe(demo.agents.reduce((sum, agent) => sum + agent.episodes, 0))
    expect(statistics).toMatchObject({ agentTypes: 18, sessions: 18, activeSessions: 0, patterns: demo.patterns })
  })

  test('learns the same from the same seed, in a tenant of its own', async () => {
    const [first, second] = [await createDemoTenant(fleet), await createDemoTenant(fleet)]
    expect(second).not.toBe(first)
    const demos = [await runDemo(fleet, first, small), await runDemo(fleet, second, small)]
    const [one, two] = demos.map(({ agents, learnedReward }) => ({ agents, learnedReward }))
    expect(two).toEqual(one)
  })

  test('ends on an abort, with its sessions cancelled', async () => {
    const tenant = await createDemoTenant(fleet)
    const controller = new AbortController()
    // Every call in flight listens to it.
    setMaxListeners(0, controller.signal)
    const running = runDemo(fleet, tenant, { signal: controller.signal, onProgress: () => controller.abort() })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    const sessions = await fleet.tenant(tenant).learning.sessions.list()
    expect(new Set(sessions.map(({ status }) => status))).toEqual(new Set(['cancelled']))
  })

  test('refuses sizes out of range', async () => {
    await expect(runDemo(fleet, 'demo-1', { episodes: 0 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      field: 'episodes',
    })
  })

  test('measures the four operations of the source document', async () => {
    const { learning } = fleet.tenant('demo-1')
    const figures = await measureOperations(learning, ['test-executor', 'test-generator'], { durationMs: 30 })
    expect(figures.map(({ operation }) => operation)).toEqual([
      'Q-value lookup',
      'Q-value update',
      'trajectory insert',
      'pattern search',
    ])
    for (const { perSecond, errors } of figures) {
      expect(perSecond).toBeGreaterThan(0)
      expect(errors).toBe(0)
    }
  })
})
