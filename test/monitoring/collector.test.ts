// What a collection asks of a connection, and in which order: the pace of sources, what is sent ahead, texts that are read once.
import { expect, test } from 'vitest'
import { Collector } from '../../dist/monitoring/collector.js'
import { lendMonitor, type MonitorConnection } from '../../dist/monitoring/connection.js'
import { STATE } from '../../dist/monitoring/server-state.js'
import type { Snapshot } from '../../dist/monitoring/snapshot.js'
import { SOURCES } from '../../dist/monitoring/sources/index.js'
import { statementFor } from '../../dist/monitoring/sources/source.js'

const { signal } = new AbortController()

const SERVER = {
  ...{ major: 17, version: '17.11', database: 'x', user: 'watch', seesAll: true, seesTenants: true, inRecovery: false },
  ...{ startedAt: 1, timeline: 1, statisticsReset: null, relations: [] },
  extensions: { pg_stat_statements: 'public', pg_buffercache: 'public' },
}

/** The source that a text is of. */
const idOf = (text: string) =>
  SOURCES.find((source) => statementFor(source, 17).replaceAll('{schema}', 'public') === text)?.id ?? ''

/** A connection that writes down what it is asked, and answers by the source. */
function recorded(answer: (id: string, values: readonly unknown[]) => readonly Record<string, unknown>[] | Error) {
  const told: string[] = []
  let freed = Promise.resolve()
  const connection: MonitorConnection = {
    async read(text, values) {
      const id = text === STATE ? 'state' : idOf(text)
      if (id === '') return []
      told.push(`sent ${id}`)
      // One after the other, as a server does.
      const turn = freed
      freed = freed.then(() => new Promise((resolve) => setImmediate(resolve)))
      await turn
      const rows = id === 'state' ? [SERVER] : answer(id, values)
      told.push(`answered ${id}`)
      if (rows instanceof Error) throw rows
      return [...rows]
    },
    close: async () => {},
  }
  return { told, open: async () => connection }
}

/** The sources of the slow pace, in their order. */
const SLOW = SOURCES.filter(({ pace }) => pace === 'slow').map(({ id }) => id)

const upOf = ({ samples }: Snapshot) =>
  samples.filter(({ metric }) => metric === 'pgfleet_monitor_source_up').map(({ labels }) => labels.source)

test('reads every source but two at each collection, and those too when all is asked for in one go', async () => {
  const { open, told } = recorded(() => [])
  const collector = new Collector({ open, queryTexts: true })
  const all = SOURCES.filter(({ needs, versions }) => needs?.relation === undefined && (versions?.from ?? 0) <= 17)
  const fast = all.map(({ id }) => id).filter((id) => id !== 'database-sizes' && id !== 'buffer-cache')
  expect(upOf(await collector.collect(signal))).toEqual(fast)
  expect(told).not.toContain('sent database-sizes')
  const whole = await collector.collectAll(signal)
  expect(upOf(whole).toSorted()).toEqual(all.map(({ id }) => id).toSorted())
  expect(told).toContain('sent database-sizes')
  // Only what is not read at each collection has an age.
  const aged = ({ samples }: Snapshot) =>
    samples.filter(({ metric }) => metric === 'pgfleet_monitor_source_age_seconds').map(({ labels }) => labels.source)
  expect(aged(whole)).toEqual(['database-sizes', 'buffer-cache'])
  expect(aged(await collector.collect(signal))).toEqual(['database-sizes', 'buffer-cache'])
  await collector.close()
})

test('sends one statement ahead of the answer that it works at, and no more', async () => {
  const { open, told } = recorded(() => [])
  const collector = new Collector({ open })
  await collector.collect(signal)
  let under = 0
  const most = Math.max(...told.map((line) => (line.startsWith('sent') ? ++under : --under)))
  expect(most).toBe(2)
  // What the collection waited for its sources is not counted twice.
  const { samples } = await collector.collect(signal)
  const figuresOf = (metric: string) => samples.filter((sample) => sample.metric === metric).map(({ value }) => value)
  const waited = figuresOf('pgfleet_monitor_source_duration_seconds')
  expect(waited.every((seconds) => seconds >= 0)).toBe(true)
  expect(waited.reduce((sum, seconds) => sum + seconds, 0)).toBeLessThanOrEqual(
    figuresOf('pgfleet_monitor_collection_duration_seconds')[0] ?? 0,
  )
  await collector.close()
})

test('reads the slow pace on a second connection when all is asked for, and keeps that until it is lost or closed', async () => {
  const answers = new Map<string, Error>()
  const opened: string[][] = []
  let closed = 0
  const collector = new Collector({
    open: async () => {
      const { open } = recorded((id) => answers.get(id) ?? [])
      const connection = await open()
      const asked: string[] = []
      opened.push(asked)
      return {
        async read(text, values, timeoutMs) {
          asked.push(idOf(text))
          return await connection.read(text, values, timeoutMs)
        },
        close: async () => void closed++,
      }
    },
  })
  await collector.collectAll(signal)
  await collector.collectAll(signal)
  expect(opened).toHaveLength(2)
  expect(opened[0]).not.toContain('database-sizes')
  expect(opened[1]).toEqual([...SLOW, ...SLOW])
  answers.set('buffer-cache', Object.assign(new Error('terminating connection'), { code: '57P01' }))
  const lost = await collector.collectAll(signal)
  expect(lost).toMatchObject({ isUp: true })
  expect(lost.failures).toContainEqual({ source: 'buffer-cache', reason: expect.stringContaining('terminating') })
  expect(closed).toBe(1)
  answers.clear()
  expect((await collector.collectAll(signal)).failures).toEqual([])
  expect(opened).toHaveLength(3)
  await collector.close()
  expect(closed).toBe(3)
})

test('a connection that is lost with a statement under way ends the collection, and nothing else', async () => {
  let isLost = false
  let isBack = false
  const { open } = recorded((id) => {
    // What was sent ahead is lost with it.
    isLost ||= id === 'tables'
    return isLost && !isBack ? Object.assign(new Error('terminating connection'), { code: '57P01' }) : []
  })
  const collector = new Collector({ open })
  const away = await collector.collect(signal)
  expect(away).toMatchObject({
    isUp: false,
    failures: [{ source: 'connection', reason: expect.stringContaining('terminating connection') }],
  })
  isBack = true
  await expect.poll(async () => (await collector.collect(signal)).isUp, { timeout: 20_000 }).toBe(true)
  await collector.close()
})

test('the text of a statement is read once, when it is told first, and forgotten with it', async () => {
  let queries = ['1', '2']
  const asked: unknown[] = []
  const { open } = recorded((id, values) => {
    if (id === 'statements')
      return [
        ...queries.map((queryid) => ({
          ...{ key: `10/5/${queryid}`, is_top: true, user: 'u', datname: 'd', queryid },
          ...{
            calls_total: 1,
            seconds_total: 1,
            rows_total: 1,
            block_read_seconds_total: 0,
            block_write_seconds_total: 0,
          },
        })),
        { key: null, is_top: false, calls_total: 9, seconds_total: 9, rows_total: 9 },
      ]
    if (id !== 'statement-texts') return []
    asked.push(values[0])
    return (values[0] as string[]).map((queryid) => ({ queryid, query: `select ${queryid}, 'secret'`, query_id: 1 }))
  })
  const collector = new Collector({ open, queryTexts: true })
  const texts = async () =>
    (await collector.collect(signal)).samples
      .filter(({ metric }) => metric === 'pg_stat_statements_query_id')
      .map(({ labels }) => labels)
  const first = await texts()
  expect(first.map(({ queryid }) => queryid)).toEqual(['1', '2'])
  expect(JSON.stringify(first)).not.toContain('secret')
  expect(await texts()).toEqual(first)
  queries = ['2', '3']
  expect((await texts()).map(({ queryid }) => queryid)).toEqual(['2', '3'])
  queries = ['1']
  expect((await texts()).map(({ queryid }) => queryid)).toEqual(['1'])
  expect(asked).toEqual([['1', '2'], ['3'], ['1']])
  await collector.close()
})

test('what runs one statement after the other gets no statement between those of a transaction', async () => {
  const ran: string[] = []
  const connection = lendMonitor(async (text) => {
    await new Promise((resolve) => setImmediate(resolve))
    ran.push(text.trim().split(' ').slice(0, 2).join(' '))
    if (text === 'select bad') throw new Error('bad')
    return { rows: [] }
  })
  const [bad, good] = await Promise.allSettled([
    connection.read('select bad', [], 1000),
    connection.read('select good', [], 1000),
  ])
  expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled'])
  expect(ran.filter((text) => !text.startsWith('set'))).toEqual([
    ...['begin isolation', 'select bad', 'commit'],
    ...['begin isolation', 'select good', 'commit'],
  ])
})
