import pg from 'pg'
import { loadContestant } from '../../bench/contestant.js'
import type { Scenario } from '../../bench/scenario.js'
import type { BenchSubject } from '../../bench/scenarios/index.js'
import { Collector } from '../../monitoring/collector.js'
import { connectMonitor } from '../../monitoring/connection.js'
import { type CrowdedDatabase, createCrowdedDatabase, TABLES } from './crowded-database.js'
import { processorTime } from './processor-time.js'

/** From one collection to the next, as `pgfleet monitor` has it. */
const INTERVAL_MS = 15_000
const ALL = 'all sources at once'
const FAST = 'collection, 1 caller'
const SOURCE = 'operator, speed'

/** A collector, and the processes of the server that answer it. */
interface Watch {
  readonly collector: Collector
  readonly backends: readonly number[]
}

interface State {
  readonly database: CrowdedDatabase
  readonly all: Watch
  readonly fast: Watch
}

/** What watching costs. */
export const monitor: Scenario<BenchSubject, State | undefined> = {
  name: 'monitor',
  title: 'Monitor: what a collection costs',
  description:
    `A scratch database of ${TABLES} tables with five indexes each, and five statements of each in pg_stat_statements where that is there. \`${ALL}\` reads every source anew, those of the slow pace on a second connection and ` +
    'the texts of statements too; a collection of `pgfleet monitor` reads those of the fast pace. `share` is the processor time of client and server together in per cent of one core, if that were done every 15 s.',
  options: { durationMs: 5000, warmUpMs: 1000, rounds: 5, callers: 1 },
  targets: [
    {
      id: 'collection',
      what: 'a collection of all metrics on 1,000 tables',
      source: SOURCE,
      metric: { kind: 'median', of: 'p50', contestant: ALL },
      op: '<=',
      value: 50,
    },
    {
      id: 'share',
      what: 'of one core, client and server, for all metrics at an interval of 15 s',
      source: SOURCE,
      metric: { kind: 'median', of: 'figure.share', contestant: ALL },
      op: '<=',
      value: 1,
      unit: '%',
    },
  ],

  async setUp({ subject, progress, signal }) {
    const { url } = subject
    if (url === null) return undefined
    const database = await createCrowdedDatabase(url, progress, signal)
    const begin = async (
      look: (collector: Collector) => Promise<unknown>,
      known: readonly number[],
    ): Promise<Watch> => {
      const collector = new Collector({ open: () => connectMonitor(database.url, 30_000), queryTexts: true })
      await look(collector)
      return { collector, backends: await newBackends(database.url, known) }
    }
    const all = await begin((collector) => collector.collectAll(signal), [])
    const fast = await begin((collector) => collector.collect(signal), all.backends)
    return { database, all, fast }
  },

  contestants(_, state) {
    if (state === undefined) {
      const unavailable = 'the embedded database has one connection, which a monitor would take'
      return [ALL, FAST].map((name) => ({ name, kind: 'pgfleet', callers: 1, run: async () => ({ unavailable }) }))
    }
    const { database, all, fast } = state
    // Since the round began, its warm-up included: calls of it are counted too.
    const contestant = (name: string, { backends }: Watch, look: (signal: AbortSignal) => Promise<unknown>) => {
      let calls = 0
      let before = { own: 0, server: undefined as number | undefined }
      const times = async () => {
        const { user, system } = process.cpuUsage()
        const each = await Promise.all(backends.map((backend) => processorTime(backend)))
        const isKnown = each.length > 0 && each.every((time) => time !== undefined)
        return {
          own: (user + system) / 1000,
          server: isKnown ? each.reduce((sum: number, time) => sum + (time ?? 0), 0) : undefined,
        }
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
          return { ...figures, serverMs: server, share: ((client + server) / INTERVAL_MS) * 100 }
        },
      })
    }
    return [
      contestant(ALL, all, (signal) => all.collector.collectAll(signal)),
      contestant(FAST, fast, (signal) => fast.collector.collect(signal)),
    ]
  },

  async tearDown(_, state) {
    await state?.all.collector.close()
    await state?.fast.collector.close()
    await state?.database.drop()
  },
}

/** The processes that answer monitors, but for those that are known. */
async function newBackends(connectionString: string, known: readonly number[]): Promise<number[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select a.pid from pg_stat_activity a where a.datname = current_database() and a.application_name = 'pgfleet monitor'`,
    )
    return rows.map(({ pid }) => pid).filter((pid) => !known.includes(pid))
  } finally {
    await client.end()
  }
}
