import { createHash } from 'node:crypto'
import type { ActionValue, Experience, Json, Learned } from 'pgfleet/learning'

/*
 * The learning store in plain TypeScript: what the SQL functions are compared with. Written from the documentation, for
 * clarity alone, and without a line of the library.
 */

/** Canonical JSON (RFC 8785). */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join()}}`
  }
  return JSON.stringify(value)
}

/** The key of a state or action: 128 bits of SHA-256 with the version and variant bits of a UUIDv8. */
export function contentHash(value: Json): string {
  const bytes = createHash('sha256')
    .update(`pgfleet:1:${canonical(value)}`)
    .digest()
    .subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** The rates of an agent type. */
export interface Rates {
  readonly learningRate: number
  readonly discountFactor: number
  readonly explorationRate: number
}

export const DEFAULT_RATES: Rates = { learningRate: 0.1, discountFactor: 0.95, explorationRate: 0.2 }

interface Row {
  readonly agentType: string
  readonly state: string
  readonly actionHash: string
  readonly action: Json
  q: number
  /** Double Q-learning's second estimate. */
  second: number | undefined
  visits: number
  expired: boolean
}

const worth = ({ q, second }: Pick<Row, 'q' | 'second'>) => (second === undefined ? q : (q + second) / 2)
const keyOf = (agentType: string, state: Json, action: Json) =>
  `${agentType}\n${contentHash(state)}\n${contentHash(action)}`

/** The action values of one tenant. */
export class ReferenceModel {
  readonly #rates: ReadonlyMap<string, Rates>
  readonly #rows = new Map<string, Row>()
  readonly #answers = new Map<string, Learned>()

  constructor(rates: Record<string, Rates> = {}) {
    this.#rates = new Map(Object.entries(rates))
  }

  /** One statement: keys read others as they were at its start, and themselves as they are by then. */
  learn(experiences: readonly Experience[]): Learned[] {
    const atStart = [...this.#rows.values()].filter((row) => !row.expired).map((row) => ({ ...row }))
    return experiences.map((experience) => {
      const before = experience.id === undefined ? undefined : this.#answers.get(experience.id)
      if (before !== undefined) return { ...before, replayed: true }
      const learned = this.#apply(experience, atStart)
      if (experience.id !== undefined) this.#answers.set(experience.id, learned)
      return learned
    })
  }

  #apply(experience: Experience, atStart: readonly Row[]): Learned {
    const { agentType, state, action, nextState } = experience
    const row = this.#fresh(agentType, state, action)
    const rates = this.#rates.get(agentType) ?? DEFAULT_RATES
    const expectsMore = nextState !== undefined && experience.terminal !== true
    const discount = expectsMore ? (experience.discountFactor ?? rates.discountFactor) : 0
    const others = expectsMore
      ? atStart.filter(
          (other) =>
            other.agentType === agentType &&
            other.state === contentHash(nextState) &&
            !(other.state === row.state && other.actionHash === row.actionHash),
        )
      : []
    const returns = expectsMore && contentHash(nextState) === row.state
    const itself = returns && row.visits > 0 ? [row] : []
    const movesSecond = experience.algorithm === 'double-q' && (experience.draw ?? 0) >= 0.5
    if (experience.algorithm === 'double-q') row.second ??= 0
    const expected = this.#expected(experience, rates, others, itself, movesSecond)
    const target = experience.reward + discount * expected
    const tdError = target - (movesSecond ? (row.second ?? 0) : row.q)
    row.visits++
    const rate = experience.learningRate === 'visits' ? 1 / row.visits : (experience.learningRate ?? rates.learningRate)
    if (movesSecond) row.second = (row.second ?? 0) + rate * tdError
    else row.q += rate * tdError
    return { q: worth(row), visits: row.visits, tdError, replayed: false }
  }

  /** What the next state is worth: 0 when nothing is known of it. */
  #expected(
    experience: Experience,
    rates: Rates,
    others: readonly Row[],
    itself: readonly Row[],
    movesSecond: boolean,
  ): number {
    const known = [...others, ...itself]
    if (known.length === 0) return 0
    switch (experience.algorithm ?? 'q-learning') {
      case 'q-learning':
        return Math.max(...known.map(worth))
      case 'sarsa': {
        const next = experience.nextAction
        const taken = next === undefined ? undefined : known.find((row) => row.actionHash === contentHash(next))
        return taken === undefined ? 0 : worth(taken)
      }
      case 'expected-sarsa': {
        const epsilon = experience.explorationRate ?? rates.explorationRate
        const mean = known.reduce((sum, row) => sum + worth(row), 0) / known.length
        return (1 - epsilon) * Math.max(...known.map(worth)) + epsilon * mean
      }
      case 'double-q': {
        const mine = (row: Row) => (movesSecond ? (row.second ?? 0) : row.q)
        const theirs = (row: Row) => (movesSecond ? row.q : (row.second ?? 0))
        const best = [...others].sort((a, b) => mine(b) - mine(a) || (a.actionHash < b.actionHash ? -1 : 1))[0]
        const own = itself[0]
        // On a tie another action is preferred to the one that is being updated.
        if (own !== undefined && (best === undefined || mine(own) > mine(best))) return theirs(own)
        return best === undefined ? 0 : theirs(best)
      }
    }
  }

  /** The row to update: made when it is missing, begun anew when it has expired. */
  #fresh(agentType: string, state: Json, action: Json): Row {
    const key = keyOf(agentType, state, action)
    const row = this.#rows.get(key)
    if (row !== undefined && !row.expired) return row
    const anew: Row = {
      agentType,
      state: contentHash(state),
      actionHash: contentHash(action),
      action,
      q: 0,
      second: undefined,
      visits: 0,
      expired: false,
    }
    this.#rows.set(key, anew)
    return anew
  }

  /** Lets the value of an action expire. */
  expire(agentType: string, state: Json, action: Json): void {
    const row = this.#rows.get(keyOf(agentType, state, action))
    if (row !== undefined) row.expired = true
  }

  /** The known action values of a state, best first; ties go to the smaller hash. */
  values(agentType: string, state: Json): ActionValue[] {
    return [...this.#rows.values()]
      .filter((row) => !row.expired && row.agentType === agentType && row.state === contentHash(state))
      .sort((a, b) => worth(b) - worth(a) || (a.actionHash < b.actionHash ? -1 : 1))
      .map((row) => ({ action: row.action, q: worth(row), visits: row.visits }))
  }

  best(agentType: string, state: Json): ActionValue | undefined {
    return this.values(agentType, state)[0]
  }
}

/** One key's updates to a constant target, one after the other: q after each. */
export function replay(rewards: readonly number[], rate: number): number[] {
  let q = 0
  return rewards.map((reward) => {
    q += rate * (reward - q)
    return q
  })
}

/** Sum of discount^step * reward. */
export function discountedReturn(rewards: readonly number[], discount: number): number {
  return rewards.reduceRight((rest, reward) => reward + discount * rest, 0)
}

/** Equal up to 1e-12 of the larger, or of 1. */
export function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(a), Math.abs(b))
}
