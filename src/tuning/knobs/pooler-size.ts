import { THRESHOLDS } from '../../doctor/thresholds.js'
import { FleetError } from '../../errors.js'
import { connectionsGuard, connectionsInUse } from '../connections-in-use.js'
import { type Bench, type Candidate, growth, type Knob, type Reading, type Target } from '../knob.js'

const NAME = 'default_pool_size'
const BOUNDS = { min: 1, max: 200 }
/** Clients that wait so long for a connection, on average of a transaction, call for more of them; in milliseconds. */
const WAIT_MS = 1
/** Transactions may take so much longer: the server has the more to do at once. */
const TIME_FACTOR = 2

/** Connections of each pool of a PgBouncer whose console is given. */
export const poolerSize: Knob = {
  id: 'pooler-size',
  title: `${NAME} of PgBouncer, when clients wait for connections`,
  place: 'pooler',
  metric: 'time of a transaction with its wait for a connection, in ms',
  guard: `connections of the server in use, of ${THRESHOLDS.connectionsShare.value * 100} % of those allowed; time of a transaction without its wait`,
  rounds: 2,
  bounds: `${BOUNDS.min} to ${BOUNDS.max}`,
  look: async (bench) => (bench.pooler === undefined ? undefined : await readingOf(bench)),
  async find(bench, since) {
    if (bench.pooler === undefined || since === undefined) return { candidates: [], left: [] }
    const from = since as Reading
    const now = await readingOf(bench)
    const transactions = growth(from, now, 'transactions')
    const waited = growth(from, now, 'waitedMs') / Math.max(1, transactions)
    if (waited < WAIT_MS) return { candidates: [], left: [] }
    const found = await candidateOf(bench, from, now, waited)
    return typeof found === 'string'
      ? { candidates: [], left: [{ scope: 'pooler', reason: found }] }
      : { candidates: [found], left: [] }
  },
  read: readingOf,
  sample({ reference }, from, to) {
    const transactions = growth(from, to, 'transactions')
    const spent = growth(from, to, 'spentMs')
    const guards = [connectionsGuard(to, reference.usedMax ?? 0)]
    if (transactions >= 10) {
      guards.push({
        name: 'a transaction without its wait, in ms,',
        value: spent / transactions,
        limit: (reference.spent ?? 0) * TIME_FACTOR + 1,
        isFloor: false,
        isCertain: false,
      })
    }
    return {
      calls: transactions,
      value: transactions > 0 ? (growth(from, to, 'waitedMs') + spent) / transactions : null,
      guards,
    }
  },
  current: async (bench) => await sizeOf(bench),
  async set({ pooler }, _run, _target: Target, value) {
    const size = Number(value)
    if (value === null || !Number.isInteger(size) || size < BOUNDS.min || size > 10_000) {
      throw new FleetError('INPUT_INVALID', { message: `value: ${value} is no ${NAME}`, field: 'value' })
    }
    await poolerOf(pooler)(`set ${NAME} = ${size}`)
  },
}

async function candidateOf(bench: Bench, from: Reading, now: Reading, waited: number): Promise<Candidate | string> {
  if (bench.limits.keep.includes(NAME)) return 'it is listed in keep'
  const transactions = growth(from, now, 'transactions')
  if (transactions < bench.limits.callsMin) return `${transactions} transactions are too few to judge by`
  const size = Number(await sizeOf(bench))
  const kept = await bench.kept('pooler-size', 'pooler')
  if (kept !== undefined && Number(kept) !== size) {
    return `a trial has kept ${kept}, and it is ${size} now: PgBouncer was started anew, or somebody set it; write it into pgbouncer.ini`
  }
  const wanted = Math.min(size * 2, BOUNDS.max)
  if (wanted <= size) return `it is ${size}, and more than ${BOUNDS.max} is not tried`
  const usedMax = THRESHOLDS.connectionsShare.value * (now.allowed ?? 0)
  // Each pair of a login and a database has a pool of its own, which may grow to the new size.
  const more = Math.max(1, now.pools ?? 1) * (wanted - size)
  if ((now.used ?? 0) + more > usedMax)
    return `${now.used} of ${now.allowed} connections of the server are in use: ${more} more are too many`
  return {
    target: { console: 'pgbouncer' },
    scope: 'pooler',
    setting: NAME,
    oldValue: String(size),
    newValue: String(wanted),
    reason: `clients wait ${waited.toFixed(1)} ms a transaction for one of ${size} connections of their pool`,
    apply: `SET ${NAME} = ${wanted}; on the console of PgBouncer, and in pgbouncer.ini to outlast a restart`,
    undo: `SET ${NAME} = ${size}; on the console of PgBouncer`,
    weight: 0.5,
    reference: { usedMax, spent: growth(from, now, 'spentMs') / transactions },
  }
}

async function sizeOf({ pooler }: Bench): Promise<string | undefined> {
  const found = (await poolerOf(pooler)('show config')).find(({ key }) => key === NAME)
  return found === undefined ? undefined : String(found.value)
}

async function readingOf(bench: Bench): Promise<Reading> {
  const { pooler } = bench
  const stats = (await poolerOf(pooler)('show stats_totals')).filter(({ database }) => database !== 'pgbouncer')
  const pools = (await poolerOf(pooler)('show pools')).filter(({ database }) => database !== 'pgbouncer')
  // Its times are in microseconds.
  const sum = (names: readonly string[]) =>
    stats.reduce(
      (total, one) => total + Number(names.map((name) => one[name]).find((value) => value !== undefined) ?? 0),
      0,
    )
  return {
    transactions: sum(['xact_count', 'total_xact_count']),
    spentMs: sum(['xact_time', 'total_xact_time']) / 1000,
    waitedMs: sum(['wait_time', 'total_wait_time']) / 1000,
    pools: pools.length,
    ...(await connectionsInUse(bench)),
  }
}

function poolerOf(pooler: Bench['pooler']): NonNullable<Bench['pooler']> {
  if (pooler !== undefined) return pooler
  throw new FleetError('OPTIONS_INVALID', {
    message: 'the console of PgBouncer is needed: give poolerUrl',
    field: 'poolerUrl',
  })
}
