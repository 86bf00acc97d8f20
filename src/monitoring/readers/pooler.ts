import { type Connection, connect } from '../../doctor/connection.js'
import { POOLER_METRICS } from '../metrics/pooler.js'
import { type Row, samplesOf } from '../sources/source.js'
import type { Reader } from './reader.js'

/** How long its console may take to answer, in milliseconds. */
const ANSWER_MS = 5000

/** PgBouncer by its console, with a login of its stats_users: `postgres://stats@host:6432/pgbouncer`. Pools beyond `top` are told as one. */
export function createPoolerReader(url: string, top: number): Reader {
  const groups = [POOLER_METRICS.up, POOLER_METRICS.pools, POOLER_METRICS.totals]
  let admin: Connection | undefined
  const close = async () => {
    const closing = admin
    admin = undefined
    await closing?.close().catch(() => {})
  }
  return {
    id: 'pooler',
    groups,
    everyMs: 0,
    async read() {
      try {
        admin ??= await connect(url, ANSWER_MS)
        const pools = await admin.query<Row>('show pools')
        const totals = await admin.query<Row>('show stats')
        return samplesOf(groups, [{ up: 1 }, ...poolRows(pools, top), ...totalRows(totals, top)])
      } catch (error) {
        await close()
        throw error
      }
    },
    close,
  }
}

const number = (value: unknown) => Number(value ?? 0)

function poolRows(pools: readonly Row[], top: number): Row[] {
  const told = pools
    .filter(({ database }) => database !== 'pgbouncer')
    .map((pool) => ({
      database: String(pool.database),
      user: String(pool.user),
      clients_active: number(pool.cl_active),
      clients_waiting: number(pool.cl_waiting),
      servers_active: number(pool.sv_active),
      servers_idle: number(pool.sv_idle),
      longest_wait_seconds: number(pool.maxwait) + number(pool.maxwait_us) / 1e6,
    }))
    .toSorted((a, b) => b.clients_active + b.clients_waiting - a.clients_active - a.clients_waiting)
  const rest = told.slice(top)
  if (rest.length === 0) return told
  const together = rest.reduce((all, pool) => ({
    database: 'other',
    user: 'other',
    clients_active: all.clients_active + pool.clients_active,
    clients_waiting: all.clients_waiting + pool.clients_waiting,
    servers_active: all.servers_active + pool.servers_active,
    servers_idle: all.servers_idle + pool.servers_idle,
    longest_wait_seconds: Math.max(all.longest_wait_seconds, pool.longest_wait_seconds),
  }))
  return [...told.slice(0, top), { ...together, database: 'other', user: 'other' }]
}

/** Totals are counters, so those beyond the most busy databases are left out rather than told as one that could fall. */
function totalRows(totals: readonly Row[], top: number): Row[] {
  return totals
    .filter(({ database }) => database !== 'pgbouncer')
    .toSorted((a, b) => number(b.total_xact_count) - number(a.total_xact_count))
    .slice(0, top)
    .map((row) => ({
      database: String(row.database),
      transactions_total: number(row.total_xact_count),
      queries_total: number(row.total_query_count),
      received_bytes_total: number(row.total_received),
      sent_bytes_total: number(row.total_sent),
      transaction_seconds_total: number(row.total_xact_time) / 1e6,
      query_seconds_total: number(row.total_query_time) / 1e6,
      wait_seconds_total: number(row.total_wait_time) / 1e6,
    }))
}
