import { setTimeout as sleep } from 'node:timers/promises'
import { isFleetError } from '../errors.js'
import { type Bench, type Candidate, CountersReset, type Knob, type Reading, type RunText } from './knob.js'
import type { Ending } from './trial-records.js'
import { comparedWith, decide, harmOf, type Sample, type Window } from './verdict.js'

/** What an experiment asks of the record of its trial. */
export interface Ledger {
  /** Goes on holding the trial, and says how far it is. Errors: TUNING_TRIAL_LOST. */
  hold(state: 'measuring' | 'applied' | null): Promise<void>
  /** Changes something under the hold; the server's time when it has. Errors: TUNING_TRIAL_LOST, and those of the work. */
  change(work: (run: RunText) => Promise<void>): Promise<Date>
}

/** How an experiment measures. */
export interface Measuring {
  readonly windowMs: number
  /** Longest wait for a change to reach what is measured. */
  readonly settleMs: number
  readonly gainMin: number
  readonly callsMin: number
  /** Tells one life of the server and its statistics from another. */
  life(): Promise<string>
  onStep?(step: Step): void
}

/** Where an experiment is. */
export interface Step {
  readonly phase: 'without' | 'with' | 'settling' | 'rolling-back'
  /** Windows that are done, of all. */
  readonly window: number
  readonly windows: number
  /** Samples that are taken, of a window's. */
  readonly sample: number
  readonly samples: number
}

/** Samples of a window. */
const SAMPLES = 6
/** A guard that costs is looked at with the first of so many samples. */
const PROBE_EVERY = 3
/** Parts of a sample's time after which is looked whether a change has settled. */
const SETTLE_PARTS = 2
/** How often taking a change back is tried, and the rest between, in milliseconds. */
const ROLLBACK = { attempts: 20, restMs: 1000 }

/** Ends an experiment early. */
class Stop extends Error {
  constructor(
    readonly decision: 'harmful' | 'no-verdict',
    message: string,
  ) {
    super(message)
  }
}

/**
 * One trial, from the first window to its ending: windows without and with the change in turn, and its way back when it is
 * not kept. The way back is recorded before; this only goes it. Returns how it ended. Errors: TUNING_TRIAL_LOST when another
 * process goes the way back; what keeps the change from being taken back, after which the trial stays open.
 */
export async function experiment(
  knob: Knob,
  bench: Bench,
  candidate: Candidate,
  ledger: Ledger,
  measuring: Measuring,
  signal: AbortSignal,
): Promise<Ending> {
  try {
    return await tryOut(knob, bench, candidate, ledger, measuring, signal)
  } catch (error) {
    // What lies in this process nobody else can take back; also when the trial is lost on the way back.
    if (knob.place === 'process' && isFleetError(error, 'TUNING_TRIAL_LOST')) {
      await knob.set(bench, async () => [], candidate.target, candidate.oldValue)
    }
    throw error
  }
}

async function tryOut(
  knob: Knob,
  bench: Bench,
  candidate: Candidate,
  ledger: Ledger,
  measuring: Measuring,
  signal: AbortSignal,
): Promise<Ending> {
  const windows: Window[] = []
  let ending: Omit<Ending, 'windows'>
  try {
    ending = await measure(knob, bench, candidate, ledger, measuring, signal, windows)
    if (ending.state === 'kept') return { ...ending, windows }
  } catch (error) {
    if (isFleetError(error, 'TUNING_TRIAL_LOST')) throw error
    ending = endingOf(error, signal)
  }
  measuring.onStep?.({ ...stepOf(knob, windows, 0), phase: 'rolling-back' })
  const note = await takeBack(knob, bench, candidate, ledger)
  return { ...ending, explanation: note === undefined ? ending.explanation : `${ending.explanation}; ${note}`, windows }
}

/** Sets what was there before, unless it is so already or somebody has set something else; then says so. */
export async function takeBack(
  knob: Knob,
  bench: Bench,
  { target, oldValue, newValue }: Pick<Candidate, 'target' | 'oldValue' | 'newValue'>,
  ledger: Ledger,
): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      let note: string | undefined
      await ledger.change(async (run) => {
        const now = await knob.current({ ...bench, query: run }, target)
        if (now === undefined) note = 'what it was set on is gone'
        else if (now === newValue) await knob.set(bench, run, target, oldValue)
        else if (now !== oldValue) note = `somebody has set ${now ?? 'nothing'} there meanwhile: left so`
      })
      return note
    } catch (error) {
      if (isFleetError(error, 'TUNING_TRIAL_LOST') || attempt === ROLLBACK.attempts) throw error
      await sleep(ROLLBACK.restMs)
    }
  }
}

async function measure(
  knob: Knob,
  bench: Bench,
  candidate: Candidate,
  ledger: Ledger,
  measuring: Measuring,
  signal: AbortSignal,
  windows: Window[],
): Promise<Omit<Ending, 'windows'>> {
  const { target, oldValue, newValue } = candidate
  const life = await measuring.life()
  const toSet = async (value: string | null) => {
    signal.throwIfAborted()
    const from = await knob.read(bench, candidate)
    const since = await ledger.change(async (run) => {
      // By the connection that changes it: the pool may have no other.
      await assertOurs(knob, { ...bench, query: run }, target, value === newValue ? oldValue : newValue)
      await knob.set(bench, run, target, value)
    })
    await settle(knob, bench, candidate, measuring, ledger, signal, windows, { since, from })
  }
  for (let round = 0; round < knob.rounds; round++) {
    if (round > 0) await toSet(oldValue)
    await measureWindow(knob, bench, candidate, measuring, ledger, signal, windows, { changed: false, life })
    // Said before it is done: whoever finds the trial open takes it back.
    if (round === 0) await ledger.hold('applied')
    await toSet(newValue)
    await measureWindow(knob, bench, candidate, measuring, ledger, signal, windows, { changed: true, life })
  }
  const verdict = decide(windows, measuring.gainMin, measuring.callsMin)
  await assertOurs(knob, bench, target, newValue)
  return {
    state: verdict.decision === 'better' ? 'kept' : 'rolled-back',
    decision: verdict.decision,
    explanation: verdict.explanation,
    effect: verdict.effect,
  }
}

/** Refuses to overwrite what somebody else has set meanwhile. */
async function assertOurs(
  knob: Knob,
  bench: Bench,
  target: Candidate['target'],
  expected: string | null,
): Promise<void> {
  const now = await knob.current(bench, target)
  if (now === undefined) throw new Stop('no-verdict', 'what it is set on is gone')
  if (now !== expected) throw new Stop('no-verdict', `somebody has set ${now ?? 'nothing'} there meanwhile`)
}

/** Waits until what is measured has the present setting; a part of a sample's time at least. */
async function settle(
  knob: Knob,
  bench: Bench,
  candidate: Candidate,
  measuring: Measuring,
  ledger: Ledger,
  signal: AbortSignal,
  windows: readonly Window[],
  { since, from }: { since: Date; from: Reading },
): Promise<void> {
  const until = performance.now() + measuring.settleMs
  const pauseMs = measuring.windowMs / SAMPLES / SETTLE_PARTS
  measuring.onStep?.({ ...stepOf(knob, windows, 0), phase: 'settling' })
  for (;;) {
    await sleep(pauseMs, undefined, { signal })
    await ledger.hold(null)
    const unsettled = await knob.unsettled?.(bench, candidate, since, from)
    if (unsettled === undefined) return
    if (performance.now() >= until) throw new Stop('no-verdict', unsettled)
  }
}

async function measureWindow(
  knob: Knob,
  bench: Bench,
  candidate: Candidate,
  measuring: Measuring,
  ledger: Ledger,
  signal: AbortSignal,
  windows: Window[],
  { changed, life }: { changed: boolean; life: string },
): Promise<void> {
  const samples: Sample[] = []
  const startedAt = new Date()
  const before = [...windows]
  // In place at once: what ends early shows what it saw.
  windows.push({ changed, startedAt, samples })
  let from = await knob.read(bench, candidate)
  let at = performance.now()
  while (samples.length < SAMPLES) {
    measuring.onStep?.({ ...stepOf(knob, before, samples.length), phase: changed ? 'with' : 'without' })
    await sleep(measuring.windowMs / SAMPLES, undefined, { signal })
    await ledger.hold(null)
    if ((await measuring.life()) !== life) {
      throw new Stop('no-verdict', 'the server was started anew, another was promoted, or its statistics were reset')
    }
    const to = await knob.read(bench, candidate)
    const now = performance.now()
    const sample = knob.sample(candidate, from, to, now - at)
    const probed = changed && samples.length % PROBE_EVERY === 0 ? ((await knob.probe?.(bench, candidate)) ?? []) : []
    const guards = changed ? comparedWith(before, sample.guards) : sample.guards
    samples.push({ ...sample, guards: [...guards, ...probed] })
    const harm = changed ? harmOf(before, samples) : undefined
    if (harm !== undefined) throw new Stop('harmful', harm)
    // What a probe took is in no sample.
    from = probed.length > 0 ? await knob.read(bench, candidate) : to
    at = probed.length > 0 ? performance.now() : now
  }
}

function endingOf(error: unknown, signal: AbortSignal): Omit<Ending, 'windows'> {
  const state = 'rolled-back'
  if (signal.aborted) return { state, decision: 'interrupted', explanation: 'it was interrupted', effect: undefined }
  if (error instanceof Stop) return { state, decision: error.decision, explanation: error.message, effect: undefined }
  const explanation =
    error instanceof CountersReset
      ? `statistics were reset: ${error.message}`
      : `it could not be measured: ${(error as Error).message}`
  return { state, decision: 'no-verdict', explanation, effect: undefined }
}

function stepOf(knob: Knob, windows: readonly Window[], sample: number): Omit<Step, 'phase'> {
  return { window: windows.length, windows: 2 * knob.rounds, sample, samples: SAMPLES }
}
