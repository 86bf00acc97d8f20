import { randomBytes } from 'node:crypto'
import { createLatencyHistogram } from '../bench/histogram.js'
import type { Database } from '../database/database.js'
import { FleetError } from '../errors.js'
import { type Fleet, openFleet, type Tenant } from '../fleet.js'
import { connectionSteps, isPastKnee, type PoolPoint } from './knee.js'

/** How a pool is measured. */
export interface MeasurePoolOptions {
  /** Of a login that may create databases, and what a migration needs. */
  readonly url: string
  /** Most connections that are tried; each is one of the server's. */
  readonly connectionsMax: number
  /** How long each number of connections is tried, in milliseconds; the first fifth is not counted. */
  readonly stepMs: number
  readonly signal: AbortSignal
  /** Told of each step when it has ended. */
  readonly onPoint?: (point: PoolPoint) => void
}

/** What the scratch databases of a measure are called; behind it stands a random number. */
export const SCRATCH_PREFIX = 'pgfleet_advise_'
/** Keys of each tenant that are read and written. */
const KEYS = 100

/**
 * Tries more and more connections in a scratch database of the server, until more bring nothing. On each a caller reads a
 * value of the memory store and writes one, in turn, durably: every call is a statement and a transaction of its own. The
 * scratch database is dropped whatever happens. Errors: ABORTED, PERMISSION_DENIED, those of `openFleet`.
 */
export async function measurePool(database: Database, options: MeasurePoolOptions): Promise<PoolPoint[]> {
  const name = `${SCRATCH_PREFIX}${randomBytes(6).toString('hex')}`
  const url = new URL(options.url)
  url.pathname = `/${name}`
  await database.lend((connection) => connection.query(`create database ${name}`))
  try {
    assertNotAborted(options.signal)
    const fleet = await openFleet({ url: url.href, poolMax: options.connectionsMax })
    try {
      return await measure(fleet, options)
    } finally {
      await fleet.close()
    }
  } finally {
    await database.lend((connection) => connection.query(`drop database if exists ${name} with (force)`))
  }
}

async function measure(fleet: Fleet, options: MeasurePoolOptions): Promise<PoolPoint[]> {
  const { connectionsMax, stepMs, signal, onPoint } = options
  const points: PoolPoint[] = []
  const tenants: Tenant[] = []
  for (const connections of connectionSteps(connectionsMax)) {
    // A tenant a caller: calls of one tenant would be gathered into one statement.
    while (tenants.length < connections) {
      assertNotAborted(signal)
      tenants.push(await fill(fleet, `caller-${tenants.length}`))
    }
    const point = await step(tenants.slice(0, connections), stepMs, signal)
    points.push(point)
    onPoint?.(point)
    if (isPastKnee(points)) break
  }
  return points
}

async function fill(fleet: Fleet, id: string): Promise<Tenant> {
  await fleet.tenants.create({ id })
  const tenant = fleet.tenant(id)
  await tenant.memory.kv.setMany(Array.from({ length: KEYS }, (_, n) => ({ key: `key-${n}`, value: n })))
  return tenant
}

async function step(tenants: readonly Tenant[], stepMs: number, signal: AbortSignal): Promise<PoolPoint> {
  const histogram = createLatencyHistogram()
  const began = performance.now()
  const counted = began + stepMs / 5
  const end = began + stepMs
  const call = async (operation: () => Promise<unknown>) => {
    const startedAt = performance.now()
    await operation()
    const endedAt = performance.now()
    if (startedAt >= counted && endedAt <= end) histogram.record(endedAt - startedAt)
  }
  try {
    await Promise.all(
      tenants.map(async ({ memory }) => {
        for (let n = 0; performance.now() < end && !signal.aborted; n++) {
          const key = `key-${n % KEYS}`
          await call(() => memory.kv.get(key))
          await call(() => memory.kv.set(key, n))
        }
      }),
    )
    assertNotAborted(signal)
    const { p50, p99 } = histogram.latencies() ?? { p50: stepMs, p99: stepMs }
    return { connections: tenants.length, rate: histogram.count() / ((end - counted) / 1000), p50, p99 }
  } finally {
    histogram.release()
  }
}

function assertNotAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new FleetError('ABORTED', { message: 'the measure was interrupted' })
}
