import { type Bench, type Candidate, growth, type Reading } from './knob.js'
import type { GuardValue, Sample } from './verdict.js'

/** Candidates of a search that are tried; pgvector takes 1000 at most. */
export const EFFORTS = [10, 15, 20, 30, 40, 60, 80, 120, 200, 320, 500, 800, 1000] as const
/** One trial raises them so many times at most. */
const RAISE_MAX = 2
/** What finds more may take so many times as long. */
const TIME_FACTOR = 3

const UNMEASURED = 'no stored vector was found to measure the recall by'

/** What a trial of searches that find too little is measured by. */
export const MISSED = {
  metric: 'share of the nearest that searches for stored vectors miss, against the exact order',
  guard: `time of the searches, not more than ${TIME_FACTOR} times what as many take without`,
}

/** A number of candidates to try, and the recall that calls for it. */
export interface EffortChoice {
  readonly effort: number
  readonly isRaise: boolean
  readonly reason: string
}

/**
 * Other candidates to try than the present ones, or why none: more where too little is found, fewer where less finds enough. Always
 * one step more than was enough, for stored vectors are a sample, and real questions are harder. `efforts`: what may be chosen, ascending.
 */
export async function chooseEffort(
  now: number,
  efforts: readonly number[],
  recallMin: number,
  recallOf: (effort: number) => Promise<number | undefined>,
): Promise<EffortChoice | string> {
  const finds = async (effort: number) => {
    const recall = await recallOf(effort)
    if (recall === undefined) throw new Error(UNMEASURED)
    return recall
  }
  const recall = await finds(now)
  if (recall < recallMin) {
    const short = `${now} candidates find ${shown(recall)} of the nearest, less than ${recallMin}`
    const within = efforts.filter((effort) => effort > now).filter((effort, i) => i === 0 || effort <= RAISE_MAX * now)
    const recalls: number[] = []
    for (const effort of within) recalls.push(await finds(effort))
    const enough = recalls.findIndex((found) => found >= recallMin)
    const place = enough < 0 ? within.length - 1 : Math.min(enough + 1, within.length - 1)
    const [effort, found] = [within[place], recalls[place]]
    if (effort === undefined || found === undefined)
      return `${short}, and more are not tried: the index wants more links (pgfleet advise vectors)`
    if (found <= recall)
      return `${short}, and ${effort} find no more: the index wants to be built anew (pgfleet advise vectors)`
    return { effort, isRaise: true, reason: `${short}; ${effort} find ${shown(found)}` }
  }
  const lower = efforts.filter((effort) => effort < now)
  let least: { place: number; found: number } | undefined
  for (let [low, high] = [0, lower.length - 1]; low <= high; ) {
    const middle = (low + high) >> 1
    const found = await finds(lower[middle] as number)
    if (found >= recallMin) {
      least = { place: middle, found }
      high = middle - 1
    } else low = middle + 1
  }
  const effort = least && lower[least.place + 1]
  if (least === undefined || effort === undefined)
    return `nothing less than ${now} candidates surely finds ${recallMin} of the nearest`
  const reason = `${now} candidates find ${shown(recall)} of the nearest, and ${lower[least.place]} find ${shown(least.found)}, where ${recallMin} is enough`
  return { effort, isRaise: false, reason }
}

/** The guard of fewer candidates. Errors: where nothing could be measured, for then nobody knows. */
export function recallGuard(recall: number | undefined, { limits }: Pick<Bench, 'limits'>): GuardValue {
  if (recall === undefined) throw new Error(UNMEASURED)
  return { name: 'recall at 10', value: recall, limit: limits.recallMin, isFloor: true, isCertain: true }
}

/** What a window tells of searches: their time by what they took at first; where more is to be found, what they miss, and that guarded. */
export function sampleSearches({ reference }: Candidate, from: Reading, to: Reading): Sample {
  const [calls, spent, expected] = [growth(from, to, 'calls'), growth(from, to, 'spent'), growth(from, to, 'expected')]
  const factor = expected > 0 ? spent / expected : null
  if (reference.isRaise !== 1) return { calls, value: factor, guards: [] }
  return { calls, value: to.missed ?? null, guards: factor === null ? [] : [timeGuard(factor)] }
}

/** The guard of more candidates: the time of searches, by what they took without. */
function timeGuard(value: number): GuardValue {
  return { name: 'time of the searches, as a factor,', value, limit: TIME_FACTOR, isFloor: false, isRelative: true }
}

const shown = (share: number) => share.toFixed(3)
