import pg from 'pg'
import { loadContestant } from '../../bench/contestant.js'
import type { Scenario } from '../../bench/scenario.js'
import type { BenchSubject } from '../../bench/scenarios/index.js'
import { Collector } from '../../monitoring/collector.js'
import { connectMonitor } from '../../monitoring/connection.js'
import { type CrowdedDatabase, createCrowdedDatabase, TABLES } from './crowded-database.js'
import { processorTime } from './processor-time.js'

/** From one collection to the next, and from one look at sizes and settings to the next, as `pgfleet monitor` has them. */
const INTERVAL_MS = 15_000
const SLOW_INTERVAL_MS = 300_000
const FAST = 'collection, 1 caller'
const SLOW = 'look at sizes, settings and partitions'
const SOURCE = 'operator, speed'

interface State {
  readonly database: CrowdedDatabase
  readonly collector: Collector
  /** Of the collector's connection. */
  readonly backend: number | undefined
}

/** What watching costs. */
export const monitor: Scenario<BenchSubject, State | undefined> = {
  name: 'monitor',
  title: 'Monitor: what a collection costs',
  description:
    `A scratch database of ${TABLES} tables with five indexes each, and five statements of each in pg_stat_statements where that is there. All sources of the fast pace are collected over and over; ` +
    'those of the slow pace are looked at beside them, by a connection of their own. `share` is the processor time of client and server together in per cent of one core, at the intervals of `pgfleet monitor` (15 s and 5 min).',
  options: { durationMs: 5000, warmUpMs: 1000, rounds: 5, callers: 1 },
  targets: [
    {
      id: 'collection',
      what: 'a collection on 1,000 tables, which tells sizes, settings and partitions as last looked at',
      source: SOURCE,
      metric: { kind: 'median', of: 'p50', contestant: FAST },
      op: '<=',
      value: 50,
    },
    {
      id: 'share',
      what: 'of one core, client and server, at an interval of 15 s',
      source: SOURCE,
      metric: { kind: 'median', of: 'figure.share', contestant: FAST },
      op: '<=',
      value: 1,
      unit: '%',
    },
  ],

  async setUp({ subject, progress, signal }) {
    const { url } = subject
    if (url === null) return undefined
    const database = await createCrowdedDatabase(url, progress, signal)
    const collector = new Collector({ open: () => connectMonitor(database.url, 30_000) })
    await collector.collect(signal)
    return { database, collector, backend: await backendOf(database.url) }
  },

  contestants(_, state) {
    if (state === undefined) {
      const unavailable = 'the embedded database has one connection, which a monitor would take'
      return [FAST, SLOW].map((name) => ({ name, kind: 'pgfleet', callers: 1, run: async () => ({ unavailable }) }))
    }
    const { database, collector, backend } = state
    // Since the round began, its warm-up included: calls of it are counted too.
    const contestant = (
      name: string,
      everyMs: number,
      look: (signal: AbortSignal) => Promise<unknown>,
      pid?: number,
    ) => {
      let calls = 0
      let before = { own: 0, server: undefined as number | undefined }
      const times = async () => {
        const { user, system } = process.cpuUsage()
        return { own: (user + system) / 1000, server: pid === undefined ? undefined : await processorTime(pid) }
      }
      return loadContestant({
        name,
        callers: 1,
        async before() {
          await database.stir()
          calls = 0
          before = await times()
        },
        async operation(_, signal) {
          calls++
          await look(signal)
        },
        async figures() {
          const now = await times()
          const client = (now.own - before.own) / calls
          const figures = { clientMs: client }
          if (now.server === undefined || before.server === undefined) return figures
          const server = (now.server - before.server) / calls
          return { ...figures, serverMs: server, share: ((client + server) / everyMs) * 100 }
        },
      })
    }
    return [
      contestant(FAST, INTERVAL_MS, (signal) => collector.collect(signal), backend),
      contestant(SLOW, SLOW_INTERVAL_MS, (signal) => collector.collectSlow(0, signal)),
    ]
  },

  async tearDown(_, state) {
    await state?.collector.close()
    await state?.database.drop()
  },
}

/** The process that answers the monitor. */
async function backendOf(connectionString: string): Promise<number | undefined> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select a.pid from pg_stat_activity a where a.datname = current_database() and a.application_name = 'pgfleet monitor' order by a.backend_start limit 1`,
    )
    return rows[0]?.pid
  } finally {
    await client.end()
  }
}
