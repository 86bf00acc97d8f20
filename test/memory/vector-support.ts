import type { Fleet } from 'pgfleet'
import { beforeAll } from 'vitest'
import { openTestFleet } from '../setup/index.js'

export { failure, newTenant, sql } from '../setup/tenant.js'

/** Small dimensions keep tests quick; what is done for them is done for all. */
export const SMALL = 8

/** One fleet for the file, with vectors of 8 dimensions. */
export function useVectorFleet(): () => Fleet {
  let fleet: Fleet | undefined
  beforeAll(async () => {
    fleet = await openTestFleet()
    await fleet.vectorDimensions.add(SMALL)
  })
  return () => {
    if (fleet === undefined) throw new Error('the fleet is open inside tests only')
    return fleet
  }
}

/** Vectors, the same for the same seed, spread over all directions. */
export function direction(seed: number, dimensions = SMALL): number[] {
  let state = (seed + 1) * 0x9e3779b1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32 - 0.5
  }
  for (let i = 0; i < 4; i++) next()
  return Array.from({ length: dimensions }, next)
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}
