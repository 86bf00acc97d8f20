import { v7 as uuidv7 } from 'uuid'
import type { Fleet } from '../../fleet.js'
import type { Events } from '../../stores/memory/index.js'
import { loadContestant } from '../contestant.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import { copyContestant } from './copy-contestant.js'
import { benchEvent, fillMonth, monthBefore } from './memory-events-data.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-events'
const RIVAL = 'bench-events-copy'
const YEAR = 'bench-events-year'
const MONTH = 'bench-events-month'
const MONTHS = 12
const BATCH = 2500
const SOURCE = 'memory store, speed'

interface State {
  readonly fleet: Fleet
}

const names = {
  single: 'append, 18 callers',
  batch: `append ${BATCH} a call, 4 callers, 2 connections`,
  copy: 'psql \\copy, 2 connections',
  pageOfYear: 'page of 1,000 in a month of 12',
  pageOfMonth: 'page of 1,000 in a month of 1',
  countOfYear: 'count a month of 12',
  countOfMonth: 'count a month of 1',
}
const atLeast = (id: string, what: string, contestant: string, value: number): Target => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'median', of: 'throughput', contestant },
  op: '>=',
  value,
})
const asFast = (id: string, what: string, contestant: string, to: string): Target => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'ratio', of: 'p50', contestant, to },
  op: '<=',
  value: 1.5,
})

/** The event log: appending beside COPY, and a month's range among many months. */
export const memoryEvents: Scenario<BenchSubject, State> = {
  name: 'memory-events',
  title: 'Event log: appending, and reading a month',
  description:
    `Events with 120 bytes of payload, a correlation id and an agent, every commit durable, into the table with all its indexes. ` +
    `psql's \\copy loads the same rows as the superuser, past row-level security. Of two tenants one has a month of events, the other ` +
    `that many in each of ${MONTHS} months (rows: all of the latter).`,
  options: { rows: 12_000_000, durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    atLeast('append-batches', 'events appended a second, in batches', names.batch, 50_000),
    atLeast('append-single', 'events appended a second by single calls of 18 callers', names.single, 10_000),
    {
      id: 'append-copy',
      what: "appending in batches, against psql's \\copy into the same table on as many connections",
      source: SOURCE,
      metric: { kind: 'ratio', of: 'throughput', contestant: names.batch, to: names.copy },
      op: '>=',
      value: 0.6,
    },
    asFast('month-page', 'a page of a month, of 12 months against 1, median', names.pageOfYear, names.pageOfMonth),
    asFast('month-count', 'counting a month, of 12 months against 1, median', names.countOfYear, names.countOfMonth),
  ],

  async setUp({ subject, options, signal, progress }) {
    const fleet = await subject.open()
    for (const id of [TENANT, RIVAL, YEAR, MONTH]) await fleet.tenants.create({ id }, { ifNotExists: true })
    const rows = Math.max(1, Math.round(options.rows / MONTHS))
    for (let month = MONTHS; month >= 1; month--) {
      progress(`filling month ${MONTHS - month + 1} of ${MONTHS}`)
      await fillMonth(fleet, YEAR, month, rows, signal)
    }
    progress('filling the month of the other tenant')
    await fillMonth(fleet, MONTH, 6, rows, signal)
    // Makes this month's partition, for psql too.
    await fleet.tenant(TENANT).memory.events.append(benchEvent(0))
    progress('vacuuming')
    await fleet.database.lend((connection) => connection.query('vacuum (analyze) memory.events'))
    return { fleet }
  },

  contestants({ subject }, { fleet }) {
    const { events } = fleet.tenant(TENANT).memory
    let n = 0
    const [from, to] = [monthBefore(6), monthBefore(5)]
    const page = (name: string, of: Events) =>
      loadContestant({
        name,
        callers: 1,
        itemsPerOperation: 1000,
        operation: (_, signal) => {
          const start = from.getTime() + Math.random() * (to.getTime() - from.getTime()) * 0.99
          return of.query({ from: new Date(start), to, limit: 1000 }, { signal })
        },
      })
    const count = (name: string, of: Events) =>
      loadContestant({ name, callers: 1, operation: () => of.stats({ from, to }) })
    const year = fleet.tenant(YEAR).memory.events
    const month = fleet.tenant(MONTH).memory.events
    return [
      loadContestant({
        name: names.single,
        callers: 18,
        operation: (_, signal) => events.append(benchEvent(n++), { signal }),
      }),
      loadContestant({
        name: names.batch,
        callers: 4,
        itemsPerOperation: BATCH,
        rival: names.copy,
        operation: (_, signal) =>
          events.append(
            Array.from({ length: BATCH }, () => benchEvent(n++)),
            { signal },
          ),
      }),
      copyContestant({
        name: names.copy,
        connections: 2,
        url: subject.url,
        into: 'memory.events (tenant_id, event_id, event_type, occurred_at, correlation_id, agent_id, payload)',
        rowsPerSecond: 50_000,
        row(n) {
          const { type, correlationId, agentId, payload } = benchEvent(n)
          const now = new Date()
          return [RIVAL, uuidv7(), type, now.toISOString(), correlationId, agentId, JSON.stringify(payload)].join('\t')
        },
      }),
      page(names.pageOfYear, year),
      page(names.pageOfMonth, month),
      count(names.countOfYear, year),
      count(names.countOfMonth, month),
    ]
  },

  async tearDown(_, state) {
    await state?.fleet.close()
  },
}
