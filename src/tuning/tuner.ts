import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { FleetError, isFleetError } from '../errors.js'
import type { Fleet } from '../fleet.js'
import { newId } from '../id.js'
import { check } from '../input.js'
import { lifeOf, openBench } from './bench.js'
import { experiment, type Step, takeBack } from './experiment.js'
import type { Bench, Candidate, Knob, LeftAlone } from './knob.js'
import { KNOBS } from './knobs/index.js'
import type { Trial } from './trial.js'
import { type HeldTrial, TrialRecords } from './trial-records.js'
import { resolveTunerOptions, type TunerOptions } from './tuner-options.js'

/** A change that would be tried. */
export interface Proposal extends Omit<Candidate, 'reference'> {
  readonly knob: string
}

/** What a look at the traffic shows. */
export interface TuningPlan {
  /** In the order in which they would be tried. */
  readonly proposals: readonly Proposal[]
  readonly left: readonly LeftAlone[]
}

/** One round of tuning. */
export interface TuningRound extends TuningPlan {
  /** The trial of a lost process that was rolled back first. */
  readonly recovered: Trial | undefined
  /** The trial of the first proposal; undefined when there is none. */
  readonly trial: Trial | undefined
}

/** What may be given to a round. */
export interface RoundOptions {
  /** Ends the trial in order: what it changed is taken back first. */
  readonly signal?: AbortSignal
  readonly onStep?: (step: Step) => void
  /** Hears of the trial when it begins. */
  readonly onTrial?: (proposal: Proposal) => void
}

/** Tries settings on live traffic, one at a time in the whole database, and keeps what is better. */
export interface Tuner {
  /** What would be tried, by the traffic of one window; changes nothing and writes nothing. Errors: ABORTED, PERMISSION_DENIED. */
  plan(options?: { readonly signal?: AbortSignal }): Promise<TuningPlan>
  /**
   * One trial: looks for a window, tries the first proposal, keeps it or takes it back. First takes back what a lost process has
   * left. Errors: TUNING_TRIAL_OPEN, TUNING_TRIAL_LOST, PERMISSION_DENIED, ABORTED before a trial has begun.
   */
  runOnce(options?: RoundOptions): Promise<TuningRound>
  /** Trials, the newest first. Errors: INPUT_INVALID, PERMISSION_DENIED. */
  trials(options?: { readonly knob?: string; readonly after?: string; readonly limit?: number }): Promise<Trial[]>
  /** Errors: TUNING_TRIAL_UNKNOWN, INPUT_INVALID. */
  trial(id: string): Promise<Trial>
  /** Takes back what a trial has kept. Errors: TUNING_NOT_UNDONE, TUNING_TRIAL_UNKNOWN, PERMISSION_DENIED. */
  undo(id: string): Promise<Trial>
}

const uuid = z.uuid()
const listing = z.strictObject({
  knob: z.string().optional(),
  after: z.uuid().optional(),
  limit: z.int().min(1).max(10_000).default(20),
})

/** A tuner of the fleet's database, its process and its pooler. Needs a server. Errors: INPUT_INVALID, OPTIONS_INVALID. */
export function createTuner(fleet: Fleet, options: TunerOptions = {}): Tuner {
  const resolved = resolveTunerOptions(options)
  if (fleet.isEmbedded) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'the embedded database has one session and no statistics of others: there is nothing to tune',
      field: 'url',
      hint: 'Give the url of a server.',
    })
  }
  const { windowMs, settleMs, holdMs, coolDownMs, gainMin, callsMin } = resolved
  const knobs = KNOBS.filter(({ id }) => resolved.knobs.includes(id))
  const records = new TrialRecords(fleet.database, `${hostname()} ${process.pid}`, holdMs)
  const withBench = async <T>(work: (bench: Bench) => Promise<T>): Promise<T> => {
    const { bench, close } = openBench(fleet, records, resolved)
    try {
      return await work(bench)
    } finally {
      await close()
    }
  }

  const look = async (bench: Bench, signal: AbortSignal) => {
    const since = new Map<Knob, unknown>()
    for (const knob of knobs) since.set(knob, await knob.look(bench))
    await rest(windowMs, signal)
    const found: { knob: Knob; candidate: Candidate }[] = []
    const left: LeftAlone[] = []
    for (const knob of knobs) {
      const findings = await knob.find(bench, since.get(knob))
      left.push(...findings.left.map((one) => ({ knob: knob.id, ...one })))
      for (const candidate of findings.candidates) {
        const last = coolDownMs > 0 ? await records.lately(knob.id, candidate.scope, coolDownMs) : undefined
        if (last === undefined) found.push({ knob, candidate })
        else {
          const reason = `it was tried at ${last.endedAt.toISOString()} (${last.decision}): left alone for a while`
          left.push({ knob: knob.id, scope: candidate.scope, reason })
        }
      }
    }
    return { found: found.sort((a, b) => b.candidate.weight - a.candidate.weight), left }
  }

  const recover = async (bench: Bench): Promise<Trial | undefined> => {
    const claimed = await records.claim()
    if (claimed === undefined) return undefined
    const { held, trial } = claimed
    const knob = KNOBS.find(({ id }) => id === trial.knob)
    // What lay in the process that was lost went with it.
    const note =
      knob === undefined || trial.place === 'process'
        ? undefined
        : await kept(held, new AbortController(), async (ledger) => await takeBack(knob, bench, trial, ledger))
    const explanation = `its process was lost${note === undefined ? '' : `; ${note}`}`
    const { windows } = trial
    await records.end(held, { state: 'rolled-back', decision: 'interrupted', explanation, windows, effect: undefined })
    return await records.find(held.id)
  }

  /** Holds the trial while the work goes on, also in long waits; ends the work when another has it. */
  const kept = async <T>(
    held: HeldTrial,
    lost: AbortController,
    work: (ledger: Parameters<typeof experiment>[3]) => Promise<T>,
  ): Promise<T> => {
    const timer = setInterval(() => {
      records.hold(held).catch((error) => {
        // Where the database cannot be reached at present, the next statement of the work tells.
        if (isFleetError(error, 'TUNING_TRIAL_LOST')) lost.abort(error)
      })
    }, holdMs / 3)
    timer.unref()
    try {
      return await work({
        hold: (state) => records.hold(held, state),
        change: (change) => records.change(held, change),
      })
    } finally {
      clearInterval(timer)
    }
  }

  return {
    plan: async ({ signal = new AbortController().signal } = {}) =>
      await withBench(async (bench) => {
        const { found, left } = await look(bench, signal)
        return { proposals: found.map(proposalOf), left }
      }),
    runOnce: async ({ signal = new AbortController().signal, onStep, onTrial } = {}) =>
      await withBench(async (bench) => {
        const recovered = await recover(bench)
        const { found, left } = await look(bench, signal)
        const proposals = found.map(proposalOf)
        const [first] = found
        if (first === undefined) return { recovered, proposals, left, trial: undefined }
        const { knob, candidate } = first
        const held = await records.begin(newId(), knob, candidate, windowMs)
        onTrial?.(proposals[0] as Proposal)
        const lost = new AbortController()
        const measuring = {
          ...{ windowMs, settleMs, gainMin, callsMin, life: () => lifeOf(bench) },
          ...(onStep === undefined ? {} : { onStep }),
        }
        const ends = AbortSignal.any([signal, lost.signal])
        const ending = await kept(held, lost, (ledger) => experiment(knob, bench, candidate, ledger, measuring, ends))
        await records.end(held, ending)
        return { recovered, proposals, left, trial: await records.find(held.id) }
      }),
    async trials(given = {}) {
      const { knob, after, limit } = check('options', listing, given)
      return await records.list(knob, after, limit)
    },
    trial: async (id) => await records.find(check('id', uuid, id)),
    async undo(id) {
      const trial = await records.find(check('id', uuid, id))
      const knob = KNOBS.find((one) => one.id === trial.knob)
      const refuse = (message: string): never => {
        throw new FleetError('TUNING_NOT_UNDONE', {
          message: `${message}: ${trial.undo}`,
          details: { undo: trial.undo },
        })
      }
      if (trial.state !== 'kept' || knob === undefined)
        return refuse(`the trial is ${trial.state}, nothing of it is there to be undone`)
      return await withBench(async (bench) => {
        await records.undo(trial.id, async (run) => {
          const now = await knob.current({ ...bench, query: run }, trial.target)
          if (now !== trial.newValue)
            refuse(`${trial.setting} of ${trial.scope} is ${now ?? 'not set'}, no more ${trial.newValue}`)
          await knob.set(bench, run, trial.target, trial.oldValue)
        })
        return await records.find(trial.id)
      })
    },
  }
}

function proposalOf({
  knob,
  candidate: { reference: _, ...candidate },
}: {
  knob: Knob
  candidate: Candidate
}): Proposal {
  return { knob: knob.id, ...candidate }
}

/** Waits, unless it is interrupted. Errors: ABORTED. */
async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal })
  } catch (cause) {
    throw new FleetError('ABORTED', { message: 'interrupted before anything was tried', cause })
  }
}
