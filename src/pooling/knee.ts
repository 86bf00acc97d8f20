/** What so many connections did. */
export interface PoolPoint {
  readonly connections: number
  /** Operations a second, of all together. */
  readonly rate: number
  /** Latencies of one operation, in milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** A step that brings less than this much more, as a part of the best so far, brings nothing. */
const GAIN_MIN = 0.05
/** So many steps in a row that bring nothing end the measure: one may be bad luck. */
const STEPS_WITHOUT_GAIN = 2

/** How many connections are tried, one after the other: 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on; the last is the most. */
export function connectionSteps(connectionsMax: number): number[] {
  const steps = [1]
  for (let two = 2; two <= connectionsMax; two *= 2) steps.push(two, two * 1.5)
  return [...new Set([...steps.filter((step) => step <= connectionsMax), connectionsMax])]
}

/** True when more connections would bring nothing: two steps in a row gained less than 5 % on the best before them. */
export function isPastKnee(points: readonly PoolPoint[]): boolean {
  const last = points.length - STEPS_WITHOUT_GAIN
  if (last < 1) return false
  const best = Math.max(...points.slice(0, last).map(({ rate }) => rate))
  return points.slice(last).every(({ rate }) => rate < best * (1 + GAIN_MIN))
}

/** The fewest connections that reach 95 % of the best rate; undefined without points. */
export function kneeOf(points: readonly PoolPoint[]): PoolPoint | undefined {
  const best = Math.max(...points.map(({ rate }) => rate))
  return points.find(({ rate }) => rate >= best * (1 - GAIN_MIN))
}
