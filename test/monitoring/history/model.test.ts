// What was written is what is read: random snapshots, by one monitor or two, into a database and into a folder, against a list
// in memory.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDatabaseReader } from '../../../dist/monitoring/history/database-reader.js'
import { createDatabaseWriter } from '../../../dist/monitoring/history/database-writer.js'
import { openFolderReader } from '../../../dist/monitoring/history/folder-reader.js'
import { openFolderWriter } from '../../../dist/monitoring/history/folder-writer.js'
import { createHistoryObserver } from '../../../dist/monitoring/history/history-observer.js'
import type { HistoryReader } from '../../../dist/monitoring/history/history-reader.js'
import { keyOf } from '../../../dist/monitoring/history/history-reading.js'
import type { HistoryWriter } from '../../../dist/monitoring/history/history-writer.js'
import { readFrom } from '../../../dist/monitoring/history/read-history.js'
import { familyOf } from '../../../dist/monitoring/metrics/index.js'
import type { Snapshot, SnapshotObserver } from '../../../dist/monitoring/snapshot.js'
import { afterFile, engine, openTestFleet } from '../../setup/index.js'
import { sample, serverOf, snapshotOf } from './snapshots.js'

const fleet = await openTestFleet()
const folder = await mkdtemp(join(tmpdir(), 'pgfleet-history-'))
afterFile(() => rm(folder, { recursive: true, force: true }))

const MINUTE = 60_000
const START = Date.parse('2026-03-01T22:30:00Z')
const METRICS = ['pg_stat_activity_count', 'pg_stat_database_xact_commit'] as const
const LABELS = [{}, { datname: 'a' }, { datname: 'b', state: 'idle "x"\n' }, { datname: 'ü' }] as const
const never = new AbortController().signal

/** One step of a history. */
type Step =
  | { readonly kind: 'look'; readonly minutes: number; readonly present: readonly (number | null)[] }
  | { readonly kind: 'restart-monitor' }
  | { readonly kind: 'other-monitor' }

const values = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 53) },
)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('look' as const),
        // Mostly the next minute; now and then a gap, another day, or a clock that goes back.
        minutes: fc.oneof(
          { weight: 8, arbitrary: fc.constant(1) },
          { weight: 1, arbitrary: fc.integer({ min: -120, max: 1500 }) },
        ),
        present: fc.array(fc.option(values, { freq: 4 }), { minLength: 8, maxLength: 8 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'restart-monitor' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'other-monitor' as const }) },
  ),
  { minLength: 1, maxLength: 40 },
)

function snapshotAt(at: Date, present: readonly (number | null)[], database: string): Snapshot {
  const samples = present.flatMap((value, i) =>
    value === null ? [] : [sample(METRICS[i % 2] as string, LABELS[i >> 1] as Record<string, string>, value)],
  )
  return snapshotOf(at, samples, { server: serverOf({ database }) })
}

/** Writes the steps, and returns the snapshots that were acknowledged. */
async function write(plan: readonly Step[], database: string, open: () => Promise<HistoryWriter>, sharing: boolean) {
  const kept: { at: Date; present: readonly (number | null)[] }[] = []
  const start = async (): Promise<{ observer: SnapshotObserver; written: () => boolean }> => {
    const writer = await open()
    let written = false
    const watched: HistoryWriter = {
      ...writer,
      settings: (...all) => writer.settings(...all),
      append: async (...all) => {
        const outcome = await writer.append(...all)
        written = outcome.outcome === 'written'
        return outcome
      },
      close: () => writer.close(),
    }
    const observer = createHistoryObserver({ writer: watched, intervalMs: MINUTE })
    return { observer, written: () => written }
  }
  let monitor = await start()
  let at = START
  let holds = false
  for (const step of plan) {
    if (step.kind === 'restart-monitor') {
      await monitor.observer.close()
      monitor = await start()
      holds = false
    } else if (step.kind === 'other-monitor') {
      if (!sharing || !holds) continue
      // It comes to a history that another one writes, and writes nothing.
      const other = await start()
      await other.observer.observe(snapshotAt(new Date(at), [9, 9, 9, 9, 9, 9, 9, 9], database), never)
      if (other.written()) throw new Error('two monitors wrote at once')
      await other.observer.close()
    } else {
      at += step.minutes * MINUTE
      // A clock that stands still is a look that comes too soon.
      if (step.minutes === 0 && kept.length > 0) continue
      await monitor.observer.observe(snapshotAt(new Date(at), step.present, database), never)
      if (!monitor.written()) continue
      kept.push({ at: new Date(at), present: step.present })
      holds = true
    }
  }
  await monitor.observer.close()
  return kept
}

/** What the model says a reading is. */
function expected(
  kept: readonly { at: Date; present: readonly (number | null)[] }[],
  metric: number,
  from: Date,
  to: Date,
) {
  const inside = kept.filter(({ at }) => at >= from && at <= to)
  const series = LABELS.flatMap((labels, i) => {
    const row = inside.map(({ present }) => present[i * 2 + metric] ?? null).map((value) => (value === 0 ? 0 : value))
    return row.some((value) => value !== null) ? [{ labels, values: row }] : []
  })
  return { times: inside.map(({ at }) => at.toISOString()), series: byLabels(series) }
}

const byLabels = <T extends { labels: Readonly<Record<string, string>> }>(series: readonly T[]) =>
  [...series].sort((a, b) => (keyOf(a.labels) < keyOf(b.labels) ? -1 : 1))

async function check(reader: HistoryReader, database: string, kept: Awaited<ReturnType<typeof write>>) {
  const times = kept.map(({ at }) => at.getTime())
  const [low, high] = [Math.min(...times), Math.max(...times)]
  const ranges = [
    [low - 1, high + 1],
    [low + (high - low) / 3, low + (high - low) / 1.5 + 1],
  ] as const
  for (const [metric, name] of METRICS.entries()) {
    for (const [start, end] of ranges) {
      const [from, to] = [new Date(start), new Date(end)]
      const reading = await readFrom(
        reader,
        { metric: name, from, to },
        { source: `${serverOf().systemIdentifier}/${database}`, signal: never },
      )
      const { times: shown, series } = expected(kept, metric, from, to)
      expect(reading.times.map((at) => at.toISOString())).toEqual(shown)
      expect(byLabels(reading.series.map(({ labels, values }) => ({ labels, values })))).toEqual(series)
      for (const one of reading.series) {
        expect(one.kind).toBe(familyOf(name)?.type)
        // No rate is negative, and none is told across a gap.
        for (const rate of one.perSecond ?? []) expect(rate === null || rate >= 0 || Number.isNaN(rate)).toBe(true)
      }
      // No gap is hidden: two snapshots that are further apart than they should be have a mark.
      shown.forEach((at, i) => {
        const apart = i === 0 ? 0 : Date.parse(at) - Date.parse(shown[i - 1] as string)
        if (apart > 2.5 * MINUTE || apart < 0) {
          expect(reading.marks.filter((mark) => ['gap', 'clock'].includes(mark.kind)).length).toBeGreaterThan(0)
        }
      })
    }
  }
}

test('a database gives back what was written', { timeout: 60_000 }, async () => {
  let number = 0
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const database = `model-${number++}`
      const open = async () => createDatabaseWriter(fleet.database, { keepMs: 400 * 86_400_000, leaseMs: 60_000 })
      const kept = await write(plan, database, open, true)
      if (kept.length > 0) await check(createDatabaseReader(fleet.database), database, kept)
    }),
    { numRuns: engine === 'embedded' ? 12 : 20, seed: Number(process.env.TEST_SEED ?? 8) },
  )
})

test('a folder gives back what was written', { timeout: 60_000 }, async () => {
  let number = 0
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const place = join(folder, String(number++))
      const kept = await write(plan, 'app', () => openFolderWriter(place, { keepMs: 400 * 86_400_000 }), false)
      if (kept.length > 0) await check(await openFolderReader(place), 'app', kept)
      expect((await readdir(place)).filter((name) => /partial|lock/.test(name))).toEqual([])
    }),
    { numRuns: 40, seed: Number(process.env.TEST_SEED ?? 8) },
  )
})
