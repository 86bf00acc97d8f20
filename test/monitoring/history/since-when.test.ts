import { expect, test } from 'vitest'
import { bucketsOf } from '../../../dist/monitoring/history/history-buckets.js'
import { drawHistory } from '../../../dist/monitoring/history/history-chart.js'
import { type HistoryMark, marksOf } from '../../../dist/monitoring/history/history-marks.js'
import { ratesOf } from '../../../dist/monitoring/history/history-rates.js'
import type { HistoryReading } from '../../../dist/monitoring/history/history-reading.js'
import type { HistoryNote, KeptServer } from '../../../dist/monitoring/history/history-record.js'
import { parseCondition, sinceWhen } from '../../../dist/monitoring/history/since-when.js'

const T0 = Date.parse('2026-03-01T00:00:00Z')
const at = (minutes: number) => new Date(T0 + minutes * 60_000)
const server: KeptServer = { startedAt: at(-1000).toISOString(), timeline: 1, inRecovery: false, version: '17.5' }

/** A reading of these minutes, with these notes. */
function readingOf(minutes: readonly number[], notes: Record<number, HistoryNote> = {}): HistoryReading {
  const first: HistoryNote = { server, isUp: true, intervalMs: 60_000, ...notes[0] }
  return {
    source: '1/app',
    from: at(minutes[0] as number),
    to: at(minutes.at(-1) as number),
    times: minutes.map(at),
    notes: new Map([
      [0, first],
      ...Object.entries(notes).flatMap(([i, note]) => (i === '0' ? [] : [[Number(i), note] as const])),
    ]),
    series: [],
    beginsAt: at(minutes[0] as number),
    damages: [],
  }
}

const told = (marks: readonly HistoryMark[]) =>
  marks.map(({ kind, at: time, until }) => [
    kind,
    (time.getTime() - T0) / 60_000,
    until && (until.getTime() - T0) / 60_000,
  ])

test('gaps, restarts, promotions and a clock that goes back are marks, and end what counters are compared over', () => {
  const promoted = { ...server, timeline: 2, version: '17.6', startedAt: at(9).toISOString() }
  const { marks, breaks } = marksOf(
    readingOf([0, 1, 2, 6, 7, 3, 4, 10], {
      1: { isUp: false, failures: [{ source: 'connection', reason: 'refused' }] },
      2: { isUp: true, failures: [] },
      7: { server: promoted, settings: [{ name: 'work_mem', from: '4096 kB', to: null }] },
    }),
  )
  expect(told(marks)).toEqual([
    ['down', 1, 2],
    ['failure', 1, 2],
    ['gap', 2, 6],
    ['clock', 3, undefined],
    ['gap', 4, 10],
    ['promotion', 10, undefined],
    ['restart', 10, undefined],
    ['upgrade', 10, undefined],
    ['setting', 10, undefined],
  ])
  expect([...breaks].sort()).toEqual([3, 5, 7])
})

test('a gap at the ends is told: nothing collected since, and nothing at all', () => {
  const reading = readingOf([0, 1])
  expect(told(marksOf({ ...reading, to: at(60) }).marks)).toEqual([['gap', 1, 60]])
  expect(told(marksOf({ ...reading, from: at(-60), beginsAt: at(-90) }).marks)).toEqual([['gap', -60, 0]])
  // Before a history begins nothing is missing.
  expect(marksOf({ ...reading, from: at(-60), beginsAt: at(0) }).marks).toEqual([])
  expect(told(marksOf({ ...reading, times: [], from: at(0), to: at(9), beginsAt: at(-9) }).marks)).toEqual([
    ['gap', 0, 9],
  ])
})

test('what has not ended has no end', () => {
  const { marks } = marksOf(readingOf([0, 1], { 1: { isUp: false } }))
  expect(told(marks)).toEqual([['down', 1, undefined]])
})

test('rates are never negative: a counter that falls was reset, and across a break nothing is told', () => {
  const times = [0, 1, 2, 3, 4, 5].map(at)
  const { perSecond, resets } = ratesOf(times, [60, 120, 30, 90, null, 120], new Set([3]))
  expect(perSecond).toEqual([null, 1, null, null, null, null])
  expect(resets).toEqual([2])
  expect(ratesOf([at(1), at(1), at(0)], [1, 2, 3], new Set()).perSecond).toEqual([null, null, null])
})

test('buckets have what was in them, and nothing where nothing was', () => {
  const range = { from: at(0), to: at(9) }
  const buckets = bucketsOf([0, 1, 2, 9].map(at), [1, 5, null, 7], range, 3)
  expect(buckets.map(({ count, min, max, avg, last }) => [count, min, max, avg, last])).toEqual([
    [2, 1, 5, 3, 5],
    [0, null, null, null, null],
    [1, 7, 7, 7, 7],
  ])
})

test.each([
  ['> 100', { operator: '>', threshold: 100 }],
  ['<=-0.5e3', { operator: '<=', threshold: -500 }],
  [' != .5 ', { operator: '!=', threshold: 0.5 }],
])('%s is a condition', (text, expected) => {
  expect(parseCondition(text)).toEqual(expected)
})

test.each(['', '100', '>', '> x', '> 1 or 1', '=> 3', '> NaN', '>> 1'])('%s is none', (text) => {
  expect(() => parseCondition(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', field: 'sinceWhen' }))
})

const above = parseCondition('> 10')
const minutes = (count: number) => Array.from({ length: count }, (_, i) => at(i))

test('the run that goes on begins behind the last value for which it was not so', () => {
  const answer = sinceWhen(above, minutes(6), [20, 5, 11, 12, 13, 99], [])
  expect(answer).toMatchObject({
    holds: true,
    since: at(2),
    before: { at: at(1), value: 5 },
    now: { at: at(5), value: 99 },
  })
})

test('one that is as old as what was looked at is told without a value before', () => {
  expect(sinceWhen(above, minutes(3), [20, 30, 40], [])).toMatchObject({ holds: true, since: at(0), before: undefined })
})

test('where it is not so: when it last was', () => {
  expect(sinceWhen(above, minutes(6), [1, 20, 30, 5, 6, 7], [])).toMatchObject({
    holds: false,
    since: undefined,
    lastHeld: { from: at(1), to: at(2) },
  })
  expect(sinceWhen(above, minutes(2), [1, 2], []).lastHeld).toBeUndefined()
  expect(sinceWhen(above, minutes(2), [null, null], [])).toMatchObject({ holds: false, now: undefined })
})

test('what was not seen does not break a run, and is told; so is what else happened when it began', () => {
  const mark = (kind: HistoryMark['kind'], minute: number, until?: number): HistoryMark => ({
    kind,
    at: at(minute),
    ...(until === undefined ? {} : { until: at(until) }),
    text: '',
  })
  const marks = [mark('setting', 1), mark('gap', 3, 4), mark('restart', 40), mark('gap', -50, -40)]
  const answer = sinceWhen(above, [0, 1, 2, 3, 4, 50].map(at), [1, 2, 20, null, 30, 31], marks)
  expect(answer.since).toEqual(at(2))
  expect(answer.unseen).toEqual([marks[1]])
  expect(answer.around).toEqual([marks[0]])
})

test('a picture escapes what it shows, and breaks its line where nothing is known', () => {
  const picture = drawHistory(
    'a <b> & "c"',
    { from: at(0), to: at(4) },
    [{ name: '{state="<&>"}', times: minutes(5), values: [1, 2, null, 3, Number.NaN] }],
    [{ kind: 'gap', at: at(1), until: at(3), text: '<gap>' }],
    String,
  )
  expect(picture).not.toMatch(/<b>|<gap>|NaN/)
  expect(picture.match(/M[\d.]+ [\d.]+L[\d.]+ [\d.]+M/)).not.toBeNull()
})
