import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { AlertEvaluator, type AlertEvaluatorOptions } from '../../../dist/monitoring/alerts/alert-evaluator.js'
import type { AlertMessage } from '../../../dist/monitoring/alerts/alert-message.js'
import { increase } from '../../../dist/monitoring/alerts/counter-window.js'
import { createFileAlertStore } from '../../../dist/monitoring/alerts/file-alert-store.js'
import { createMemoryAlertStore } from '../../../dist/monitoring/alerts/memory-alert-store.js'
import type { AlertStore } from '../../../dist/monitoring/alerts/open-alert.js'
import { type AlertRule, defineAlert, KEEP_FIRING_MS } from '../../../dist/monitoring/alerts/rule.js'
import type { Sample, ServerState, Snapshot } from '../../../dist/monitoring/snapshot.js'
import { THRESHOLDS_USED } from './series.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const START = Date.UTC(2026, 0, 1)

const level: AlertRule = defineAlert({
  id: 'level',
  title: 'A level is high',
  level: 'warning',
  condition: { of: { metric: 'level' }, is: '>', than: { value: 10 } },
  forS: 60,
  summary: '{name} is at {value|count}',
  meaning: 'It is high.',
  action: 'Lower it.',
})

const growth: AlertRule = defineAlert({
  ...level,
  id: 'growth',
  condition: { of: { metric: 'growth_total', increaseS: 600 }, is: '>', than: { value: 5 } },
  forS: 0,
})

const SERVER: ServerState = {
  systemIdentifier: '7',
  timeline: 1,
  startedAt: new Date(START),
  inRecovery: false,
  major: 17,
  version: '17.5',
  database: 'app',
  user: 'monitor',
  seesAll: true,
}

const snapshot = (at: number, samples: readonly Sample[], server: ServerState | undefined = SERVER): Snapshot => ({
  at: new Date(at),
  server,
  isUp: true,
  samples,
  failures: [],
  milliseconds: 1,
})

/** An evaluator whose messages are gathered; `restart` ends it and makes another with the same store. */
function watch(rules: readonly AlertRule[], options: Partial<AlertEvaluatorOptions> = {}) {
  const messages: AlertMessage[] = []
  const problems: string[] = []
  const store = options.store ?? createMemoryAlertStore()
  const make = () =>
    new AlertEvaluator({
      rules,
      thresholds: THRESHOLDS_USED,
      store,
      receivers: [{ name: 'test', send: async (message) => void messages.push(message) }],
      onProblem: (text) => problems.push(text),
      ...options,
    })
  let evaluator = make()
  return {
    messages,
    problems,
    get alerts() {
      return evaluator.alerts
    },
    figures: () => evaluator.figures(),
    async observe(at: number, samples: readonly Sample[], server?: ServerState) {
      await evaluator.observe(snapshot(at, samples, server), new AbortController().signal)
      // The queue has its turn.
      await new Promise((resolve) => setImmediate(resolve))
    },
    async restart() {
      await evaluator.close()
      evaluator = make()
    },
    close: () => evaluator.close(),
  }
}

const high = (name: string, value: number): Sample => ({ metric: 'level', labels: { name }, value })

test('one message when it fires, one now and then while it lasts, one when it is over with how long it lasted', async () => {
  const watched = watch([level], { repeatMs: 60 * MINUTE })
  for (let minute = 0; minute <= 150; minute++) {
    await watched.observe(START + minute * MINUTE, [high('a', minute >= 10 && minute < 140 ? 11 : 9)])
  }
  const minutes = watched.messages.map(({ kind, at }) => [kind, (at.getTime() - START) / MINUTE])
  expect(minutes).toEqual([
    ['firing', 11],
    ['repeat', 71],
    ['repeat', 131],
    ['resolved', 145],
  ])
  expect(new Set(watched.messages.map(({ alert }) => alert)).size).toBe(1)
  expect(new Set(watched.messages.map(({ id }) => id)).size).toBe(4)
  expect(watched.messages[0]).toMatchObject({
    summary: 'a is at 11',
    severity: 'warning',
    name: 'PgfleetLevel',
    end: null,
  })
  expect(watched.messages.at(-1)).toMatchObject({ end: 'over', lastedMs: 129 * MINUTE })
  expect(watched.alerts).toEqual([])
})

test('what is no longer there ends as gone, and what comes back in between was never over', async () => {
  const watched = watch([level])
  for (let minute = 0; minute <= 30; minute++) {
    const isThere = minute < 5 || (minute >= 7 && minute < 12)
    await watched.observe(START + minute * MINUTE, isThere ? [high('a', 11)] : [])
  }
  expect(watched.messages.map(({ kind, end }) => [kind, end])).toEqual([
    ['firing', null],
    ['resolved', 'gone'],
  ])
})

test('a monitor that starts again tells nothing twice, and what it had not delivered with the same id', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pgfleet-alerts-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'alerts.json')
  const store = createFileAlertStore(file)
  expect(await store.load()).toEqual([])
  let isDeaf = true
  const heard: AlertMessage[] = []
  const receiver = {
    name: 'deaf',
    send: async (message: AlertMessage) => {
      heard.push(message)
      if (isDeaf) throw new Error('nobody is there')
    },
  }
  const watched = watch([level], { store, receivers: [receiver], graceMs: 20, delivery: { backoffMs: 60_000 } })
  await watched.observe(START, [high('a', 11)])
  await watched.restart()
  await watched.observe(START + MINUTE, [high('a', 11)])
  await watched.restart()
  isDeaf = false
  const [first] = heard
  await watched.observe(START + 2 * MINUTE, [high('a', 12)])
  expect(heard.at(-1)).toMatchObject({ kind: 'firing', id: first?.id })
  const sent = heard.length
  await watched.restart()
  await watched.observe(START + 3 * MINUTE, [high('a', 12)])
  expect(heard.length, 'nothing is told twice').toBe(sent)
  expect(await store.load()).toMatchObject([{ rule: 'level', state: 'firing', unsent: null, since: new Date(START) }])
  await watched.close()
  await writeFile(file, '{"not": "alerts"}')
  await expect(store.load()).rejects.toMatchObject({ code: 'ALERTS_UNREADABLE' })
  expect(await readFile(file, 'utf8')).toContain('not')
})

test('a store that fails or hangs is told of, and stops nothing; what it knew is taken in when it answers', async () => {
  let isBroken = true
  const inner = createMemoryAlertStore()
  const store: AlertStore = {
    load: async () => (isBroken ? Promise.reject(new Error('the database is away')) : await inner.load()),
    save: (alerts) => inner.save(alerts),
  }
  const before = watch([level], { store: inner })
  await before.observe(START, [high('a', 11)])
  await before.observe(START + MINUTE, [high('a', 11)])
  await before.close()
  const watched = watch([level], { store })
  await watched.observe(START + 2 * MINUTE, [high('b', 11)])
  await watched.observe(START + 3 * MINUTE, [high('a', 11), high('b', 11)])
  expect(watched.messages.map(({ kind, labels }) => [kind, labels.name])).toEqual([['firing', 'b']])
  expect(watched.problems[0]).toMatch(/not known yet: the database is away/)
  expect(await inner.load(), 'what was kept is not overwritten').toMatchObject([{ labels: { name: 'a' } }])
  isBroken = false
  await watched.observe(START + 4 * MINUTE, [high('a', 11), high('b', 11)])
  expect(watched.messages.length, 'a was told of before').toBe(1)
  expect((await inner.load()).map(({ labels, state }) => [labels.name, state])).toEqual([
    ['b', 'firing'],
    ['a', 'firing'],
  ])
})

test('of a silenced rule nothing is told, until it is no longer silenced', async () => {
  const store = createMemoryAlertStore()
  const silent = watch([level], { store, silenced: ['level'] })
  for (let minute = 0; minute < 5; minute++) await silent.observe(START + minute * MINUTE, [high('a', 11)])
  expect(silent.messages).toEqual([])
  expect(silent.alerts).toMatchObject([{ state: 'firing', noticedAt: null }])
  await silent.close()
  const watched = watch([level], { store })
  await watched.observe(START + 5 * MINUTE, [high('a', 11)])
  expect(watched.messages.map(({ kind }) => kind)).toEqual(['firing'])
})

test('counters of another server, or of one that started again, are not compared with those of before', async () => {
  const watched = watch([growth])
  const total = (value: number): Sample => ({ metric: 'growth_total', labels: {}, value })
  await watched.observe(START, [total(1)])
  await watched.observe(START + MINUTE, [total(1)])
  await watched.observe(START + 2 * MINUTE, [total(1000)], { ...SERVER, timeline: 2 })
  await watched.observe(START + 3 * MINUTE, [total(1000)], { ...SERVER, timeline: 2 })
  expect(watched.messages).toEqual([])
  // A reset of the statistics is no growth either.
  await watched.observe(START + 4 * MINUTE, [total(0)], { ...SERVER, timeline: 2 })
  expect(watched.messages).toEqual([])
  await watched.observe(START + 5 * MINUTE, [total(9)], { ...SERVER, timeline: 2 })
  expect(watched.messages.map(({ kind }) => kind)).toEqual(['firing'])
  // With its window empty a monitor that starts again does not take a growth that it cannot see for over.
  await watched.restart()
  for (let minute = 6; minute < 15; minute++) {
    await watched.observe(START + minute * MINUTE, [total(9)], { ...SERVER, timeline: 2 })
  }
  expect(watched.alerts).toMatchObject([{ state: 'firing' }])
  for (let minute = 15; minute < 30; minute++) {
    await watched.observe(START + minute * MINUTE, [total(9)], { ...SERVER, timeline: 2 })
  }
  expect(watched.messages.map(({ kind }) => kind)).toEqual(['firing', 'resolved'])
})

test('a thousand alerts are open at most', async () => {
  const watched = watch([{ ...level, forS: 0 }], { receivers: [] })
  const samples = Array.from({ length: 1005 }, (_, number) => high(`t${number}`, 11))
  await watched.observe(START, samples)
  expect(watched.alerts.length).toBe(1000)
  expect(watched.problems).toEqual(['5 alerts were not opened: 1000 are open already'])
})

test('an increase is never negative, and never less than what was seen to grow', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 1000 })), { maxLength: 40 }),
      (steps) => {
        let at = START
        const points = steps.map(([seconds, value]) => {
          at += seconds * SECOND
          return { at, value }
        })
        const grown = increase(points, at, 3600 * SECOND)
        if (points.length < 2) {
          expect(grown).toBeUndefined()
          return
        }
        const seen = points.slice(1).reduce((sum, { value }, place) => {
          const before = points[place]?.value ?? 0
          return sum + (value < before ? value : value - before)
        }, 0)
        expect(grown).toBeGreaterThanOrEqual(seen * (1 - 1e-12))
      },
    ),
  )
})

/** What one look can bring: the levels of two names, how much later it is, and whether the monitor starts again before it. */
const look = fc.record({
  seconds: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 90 }) },
    { weight: 1, arbitrary: fc.integer({ min: -600, max: 0 }) },
    { weight: 1, arbitrary: fc.integer({ min: 301, max: 20_000 }) },
  ),
  a: fc.constantFrom(undefined, 9, 11, 11, 11),
  b: fc.constantFrom(undefined, 9, 11, 11, 11),
  restart: fc.nat({ max: 9 }).map((number) => number === 0),
})

/** The plainest words for what a level alert does: one name, one look after the other. */
class Model {
  #since: number | undefined
  #last = 0
  #eased: number | undefined
  #told: number | undefined
  readonly messages: string[] = []

  look(at: number, value: number | undefined, repeatMs: number) {
    const back = (time: number | undefined) => (time === undefined ? undefined : Math.min(time, at))
    this.#since = back(this.#since)
    this.#eased = back(this.#eased)
    this.#told = back(this.#told)
    this.#last = Math.min(this.#last, at)
    if (value !== undefined && value > 10) {
      if (this.#since === undefined || (this.#told === undefined && at - this.#last > 300 * SECOND)) this.#since = at
      this.#last = at
      this.#eased = undefined
      if (this.#told === undefined ? at - this.#since >= 60 * SECOND : at - this.#told >= repeatMs) {
        this.messages.push(`${this.#told === undefined ? 'firing' : 'repeat'} ${at}`)
        this.#told = at
      }
      return
    }
    if (this.#told === undefined) this.#since = undefined
    else {
      this.#eased ??= at
      if (at - this.#eased < KEEP_FIRING_MS) return
      this.messages.push(`resolved ${at} ${value === undefined ? 'gone' : 'over'} ${this.#last - (this.#since ?? 0)}`)
      this.#since = this.#told = this.#eased = undefined
    }
  }
}

test('over random levels, gaps, jumps of the clock and restarts it does what a plain model does', async () => {
  const repeatMs = 30 * MINUTE
  await fc.assert(
    fc.asyncProperty(fc.array(look, { minLength: 1, maxLength: 60 }), async (looks) => {
      const watched = watch([level], { repeatMs })
      const models = { a: new Model(), b: new Model() }
      let at = START
      for (const { seconds, restart, ...levels } of looks) {
        at += seconds * SECOND
        if (restart) await watched.restart()
        const samples = (['a', 'b'] as const).flatMap((name) => {
          const value = levels[name]
          return value === undefined ? [] : [high(name, value)]
        })
        await watched.observe(at, samples)
        for (const name of ['a', 'b'] as const) models[name].look(at, levels[name], repeatMs)
      }
      for (const name of ['a', 'b'] as const) {
        const told = watched.messages
          .filter(({ labels }) => labels.name === name)
          .map(({ kind, at: when, end, lastedMs }) =>
            kind === 'resolved' ? `resolved ${when.getTime()} ${end} ${lastedMs}` : `${kind} ${when.getTime()}`,
          )
        expect(told).toEqual(models[name].messages)
      }
      await watched.close()
    }),
    { numRuns: 300 },
  )
})
