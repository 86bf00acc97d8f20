import type { Json } from './learning-store.js'
import type { TestHistory } from './test-history.js'

/** A state as one view sees it. The view's name is part of it, so views never share a value. */
export type ViewState = { readonly [key: string]: Json }

/**
 * The six views of a test, from its own identity to what it has in common with others: the same test is a state of
 * each. A view of identity knows most but knows it late; a view of recent verdicts knows something of a test that is
 * new. All are made of earlier cycles alone.
 */
export function viewsOf(test: string, history: TestHistory): ViewState[] {
  const record = history.get(test)
  const verdicts = record?.verdicts
  const duration = durationClass(record?.duration ?? history.meanDuration, history.meanDuration)
  const since = record?.lastFailure === undefined ? null : powerOfTwo(history.index - record.lastFailure)
  return [
    { view: 'test', test },
    { view: 'test-verdict', test, verdicts: verdicts?.slice(0, 1) ?? null },
    { view: 'verdict', verdicts: verdicts?.slice(0, 1) ?? null },
    { view: 'verdicts', verdicts: verdicts?.slice(0, 2) ?? null },
    { view: 'duration', verdicts: verdicts?.slice(0, 3) ?? null, duration },
    { view: 'since-failure', since, cycles: record === undefined ? 0 : powerOfTwo(record.cycles) },
  ]
}

// Beyond a factor of 64 from the mean, classes would be too thin to learn from.
const DURATION_CLASS_MAX = 6

/** Doublings of the mean duration, cut to -6..6. */
function durationClass(duration: number, mean: number): number {
  if (!(duration > 0)) return -DURATION_CLASS_MAX
  const doublings = Math.floor(Math.log2(duration / mean))
  return Math.max(-DURATION_CLASS_MAX, Math.min(DURATION_CLASS_MAX, doublings))
}

/** The exponent of the power of two at or below a count: 1, 2..3, 4..7, ... become 0, 1, 2, ... */
function powerOfTwo(count: number): number {
  return Math.floor(Math.log2(count))
}
