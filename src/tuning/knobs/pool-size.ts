import { THRESHOLDS } from '../../doctor/thresholds.js'
import { FleetError } from '../../errors.js'
import { connectionsGuard, connectionsInUse } from '../connections-in-use.js'
import { type Bench, type Candidate, growth, type Knob, type Reading } from '../knob.js'

const BOUNDS = { min: 1, max: 100 }
/** Callers that wait so long for a connection, on average, call for more of them; in milliseconds. */
const WAIT_MS = 1
/** A connection may be held so much longer: the server has the more to do at once. */
const HELD_FACTOR = 2
const SCOPE = "this process's pool"

/** Connections of the process that tunes. */
export const poolSize: Knob = {
  id: 'pool-size',
  title: 'connections of this process, when callers wait for them',
  place: 'process',
  metric: 'time of a connection from the request to its return, in ms',
  guard: `connections in use, of ${THRESHOLDS.connectionsShare.value * 100} % of those allowed; how long one is held`,
  rounds: 2,
  bounds: `${BOUNDS.min} to ${BOUNDS.max}`,
  look: async (bench) => await readingOf(bench),
  async find(bench, since) {
    const from = since as Reading
    const now = await readingOf(bench)
    const lends = growth(from, now, 'lends')
    const waited = growth(from, now, 'waitedMs') / Math.max(1, lends)
    if (lends === 0 || waited < WAIT_MS) return { candidates: [], left: [] }
    const found = await candidateOf(bench, from, now, waited)
    return typeof found === 'string'
      ? { candidates: [], left: [{ scope: SCOPE, reason: found }] }
      : { candidates: [found], left: [] }
  },
  read: readingOf,
  sample({ reference }, from, to) {
    const lends = growth(from, to, 'lends')
    const held = growth(from, to, 'heldMs')
    const guards = [connectionsGuard(to, reference.usedMax ?? 0)]
    if (lends >= 10) {
      guards.push({
        name: 'how long a connection is held, in ms,',
        value: held / lends,
        limit: (reference.held ?? 0) * HELD_FACTOR + 1,
        isFloor: false,
        isCertain: false,
      })
    }
    return { calls: lends, value: lends > 0 ? (growth(from, to, 'waitedMs') + held) / lends : null, guards }
  },
  current: async ({ fleet }) => String(fleet.tuning.limits().poolMax),
  async set({ fleet }, _run, _target, value) {
    const poolMax = Number(value)
    if (value === null || !Number.isInteger(poolMax) || poolMax < 1) {
      throw new FleetError('INPUT_INVALID', { message: `value: ${value} is no number of connections`, field: 'value' })
    }
    fleet.tuning.change({ poolMax })
  },
}

async function candidateOf(bench: Bench, from: Reading, now: Reading, waited: number): Promise<Candidate | string> {
  const { fleet, limits } = bench
  if (limits.keep.includes('poolMax')) return 'it is listed in keep'
  const lends = growth(from, now, 'lends')
  if (lends < limits.callsMin) return `${lends} connections lent are too few to judge by`
  const { poolMax } = fleet.tuning.limits()
  const kept = await bench.kept('pool-size', SCOPE)
  if (kept !== undefined && Number(kept) !== poolMax)
    return `a trial has kept ${kept} before, in a process that has ended: set it where the fleet is opened`
  const wanted = Math.min(poolMax * 2, BOUNDS.max)
  if (wanted <= poolMax) return `it has ${poolMax} connections, and more than ${BOUNDS.max} are not tried`
  const usedMax = THRESHOLDS.connectionsShare.value * (now.allowed ?? 0)
  if ((now.used ?? 0) + wanted - poolMax > usedMax) {
    return `${now.used} of ${now.allowed} connections of the server are in use: ${wanted - poolMax} more are too many`
  }
  return {
    target: { pool: 'primary' },
    scope: SCOPE,
    setting: 'poolMax',
    oldValue: String(poolMax),
    newValue: String(wanted),
    reason: `callers wait ${waited.toFixed(1)} ms for one of ${poolMax} connections`,
    apply: `fleet.tuning.change({ poolMax: ${wanted} })`,
    undo: `fleet.tuning.change({ poolMax: ${poolMax} })`,
    weight: 0.5,
    reference: { usedMax, held: growth(from, now, 'heldMs') / lends },
  }
}

async function readingOf(bench: Bench): Promise<Reading> {
  const { lends, waitedMs, heldMs } = bench.fleet.tuning.pool()
  return { lends, waitedMs, heldMs, ...(await connectionsInUse(bench)) }
}
