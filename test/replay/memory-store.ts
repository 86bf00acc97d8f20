import type { ActionValue, Experience, LearningStore } from 'pgfleet/replay'

/** A learning store in memory, for tests of the replay alone; it notes the size of each call and every state asked. */
export interface MemoryStore extends LearningStore {
  readonly valuesCalls: string[][]
  readonly learnCalls: Experience[][]
}

export function createMemoryStore(): MemoryStore {
  const values = new Map<string, { action: Experience['action']; q: number; visits: number }>()
  const keyOf = (agentType: string, state: unknown): string => `${agentType} ${JSON.stringify(state)}`
  const valuesCalls: string[][] = []
  const learnCalls: Experience[][] = []
  return {
    valuesCalls,
    learnCalls,
    async values(requests) {
      const keys = requests.map((request) => keyOf(request.agentType, request.state))
      valuesCalls.push(keys)
      return keys.map((key): ActionValue[] => {
        const value = values.get(key)
        return value === undefined ? [] : [{ ...value }]
      })
    },
    async learn(experiences) {
      learnCalls.push(experiences)
      return experiences.map(({ agentType, state, action, reward, learningRate = 'visits' }) => {
        const key = keyOf(agentType, state)
        const value = values.get(key) ?? { action, q: 0, visits: 0 }
        values.set(key, value)
        value.visits++
        const rate = learningRate === 'visits' ? 1 / value.visits : learningRate
        value.q += rate * (reward - value.q)
        return { q: value.q, visits: value.visits }
      })
    },
  }
}
