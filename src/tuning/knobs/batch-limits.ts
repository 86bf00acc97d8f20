import type { BatchMetrics } from '../../database/batch-metrics.js'
import { BATCH_DEFAULTS } from '../../database/batch-options.js'
import { FleetError } from '../../errors.js'
import type { Fleet } from '../../fleet.js'
import { type Bench, type Candidate, growth, type Knob, type Reading, type Target } from '../knob.js'

const NAMES = ['flightsMax', 'bytesMax'] as const
type Name = (typeof NAMES)[number]
const BOUNDS = { flightsMax: { min: 1, max: 8 }, bytesMax: { min: 1024, max: BATCH_DEFAULTS.bytesMax } }
/** Items a second may become fewer by this factor. */
const PACE_FACTOR = 0.7
/** Below this a statement's items are few for their bytes, not for want of calls. */
const BYTES_SMALL = 1024 * 1024

/** How the calls of this process are gathered into statements. */
export const batchLimits: Knob = {
  id: 'batch-limits',
  title: 'how many statements of a queue are in flight, and how large they may be, in this process',
  place: 'process',
  metric: 'time of a call from its queue to its answer, in ms',
  guard: 'items a second; items that fail',
  rounds: 2,
  bounds: `flightsMax ${BOUNDS.flightsMax.min} to ${BOUNDS.flightsMax.max}, bytesMax up to ${BOUNDS.bytesMax.max}`,
  look: async ({ fleet }) => ({ at: performance.now(), counters: countersOf(fleet) }),
  async find(bench, since) {
    const { at, counters } = since as { at: number; counters: Reading }
    const { fleet, limits } = bench
    const now = countersOf(fleet)
    const [items, batches] = [growth(counters, now, 'items'), growth(counters, now, 'batches')]
    if (items === 0) return { candidates: [], left: [] }
    const present = fleet.tuning.limits()
    const perBatch = items / Math.max(1, batches)
    const wanted: [Name, number, string][] = []
    if (present.bytesMax < BYTES_SMALL) {
      wanted.push([
        'bytesMax',
        BOUNDS.bytesMax.max,
        `statements take ${perBatch.toFixed(1)} items each, for they may have no more than ${present.bytesMax} bytes`,
      ])
    }
    const flights = Math.min(present.flightsMax * 2, BOUNDS.flightsMax.max, present.poolMax)
    if ((now.queued ?? 0) > 0 && flights > present.flightsMax) {
      wanted.push([
        'flightsMax',
        flights,
        `${now.queued} items wait while ${present.flightsMax} statements of a queue may be in flight`,
      ])
    }
    const reference = {
      pace: (items * 1000) / (performance.now() - at),
      failures: growth(counters, now, 'failures') / items,
    }
    const candidates: Candidate[] = []
    const left: { scope: string; reason: string }[] = []
    for (const [name, value, reason] of wanted) {
      const off = await handsOff(bench, name, present[name])
      const scope = scopeOf(name)
      if (off !== undefined) left.push({ scope, reason: off })
      else if (items < limits.callsMin) left.push({ scope, reason: `${items} items are too few to judge by` })
      else {
        candidates.push({
          target: { name },
          scope,
          setting: name,
          oldValue: String(present[name]),
          newValue: String(value),
          reason,
          apply: `fleet.tuning.change({ ${name}: ${value} })`,
          undo: `fleet.tuning.change({ ${name}: ${present[name]} })`,
          weight: 1,
          reference,
        })
      }
    }
    return { candidates, left }
  },
  read: async ({ fleet }) => countersOf(fleet),
  sample({ reference }, from, to, milliseconds) {
    const items = growth(from, to, 'items')
    const guards = [
      {
        name: 'items a second',
        value: (items * 1000) / milliseconds,
        limit: (reference.pace ?? 0) * PACE_FACTOR,
        isFloor: true,
      },
      {
        name: 'items that fail, of all',
        value: growth(from, to, 'failures') / Math.max(1, items),
        limit: (reference.failures ?? 0) + 0.01,
        isFloor: false,
      },
    ]
    return { calls: items, value: items > 0 ? growth(from, to, 'totalMs') / items : null, guards }
  },
  current: async ({ fleet }, target) => String(fleet.tuning.limits()[nameOf(target)]),
  async set({ fleet }, _, target, value) {
    const name = nameOf(target)
    fleet.tuning.change({ [name]: value === null ? BATCH_DEFAULTS[name] : Number(value) })
  },
}

const scopeOf = (name: Name) => `${name} of this process`

async function handsOff(bench: Bench, name: Name, value: number): Promise<string | undefined> {
  if (bench.limits.keep.includes(name)) return 'it is listed in keep'
  // A process that was started anew has the limits of its code again: what was kept is then to be set there.
  const kept = await bench.kept('batch-limits', scopeOf(name))
  return kept !== undefined && Number(kept) !== value
    ? `a trial has kept ${kept} before, in a process that has ended: set it where the fleet is opened`
    : undefined
}

function countersOf(fleet: Fleet): Reading {
  const sum = (of: (metrics: BatchMetrics) => number) => fleet.metrics().reduce((total, one) => total + of(one), 0)
  return {
    items: sum(({ items }) => items),
    batches: sum(({ batches }) => batches),
    failures: sum(({ failures }) => failures),
    queued: sum(({ queued }) => queued),
    totalMs: sum(({ totalMs }) => totalMs),
  }
}

function nameOf({ name }: Target): Name {
  if (NAMES.includes(name as Name)) return name as Name
  throw new FleetError('INPUT_INVALID', { message: 'target: the name of a limit is expected', field: 'target' })
}
