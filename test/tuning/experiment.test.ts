// The course of a trial, whatever happens in it: a knob in memory whose server fails, resets and is changed by others at any call.
import fc from 'fast-check'
import { FleetError } from 'pgfleet'
import { expect, test } from 'vitest'
import { experiment, type Ledger } from '../../dist/tuning/experiment.js'
import type { Bench, Candidate, Knob } from '../../dist/tuning/knob.js'

type Trouble = 'none' | 'connection' | 'lost' | 'abort' | 'somebody' | 'restart'

const CANDIDATE: Candidate = {
  ...{ target: {}, scope: 'world', setting: 'speed', oldValue: 'old', newValue: 'new', reason: '' },
  ...{ apply: '', undo: '', weight: 1, reference: {} },
}

/** Runs a trial in which that trouble comes with that call; what was set in the end, and every value on the way. */
async function run(trouble: Trouble, at: number, factor: number, rounds: 1 | 2, place: Knob['place']) {
  let value: string | null = 'old'
  let life = 'first'
  let calls = 0
  let isLost = false
  let said: string | null = 'measuring'
  const history: (string | null)[] = [value]
  const changedUnsaid: string[] = []
  const abort = new AbortController()
  const step = () => {
    if (++calls !== at) return
    if (trouble === 'connection') throw new FleetError('CONNECTION_FAILED', { message: 'gone' })
    if (trouble === 'lost') isLost = true
    if (trouble === 'abort') abort.abort()
    if (trouble === 'somebody') value = 'theirs'
    if (trouble === 'restart') life = 'second'
  }
  const assertHeld = () => {
    if (isLost) throw new FleetError('TUNING_TRIAL_LOST', { message: 'taken over' })
  }
  let total = 0
  const knob: Knob = {
    ...{ id: 'speed', title: '', place, metric: '', guard: '', rounds, bounds: '' },
    look: async () => undefined,
    find: async () => ({ candidates: [], left: [] }),
    read: async () => {
      step()
      total += value === 'new' ? factor : 1
      return { total }
    },
    sample: (_, from, to) => ({ calls: 10, value: (to.total ?? 0) - (from.total ?? 0), guards: [] }),
    current: async () => value,
    set: async (_bench, _run, _target, to) => {
      if (to === 'new' && said !== 'applied') changedUnsaid.push(to)
      value = to
      history.push(to)
    },
  }
  const ledger: Ledger = {
    async hold(state) {
      step()
      assertHeld()
      said = state ?? said
    },
    async change(work) {
      step()
      assertHeld()
      await work(async () => [])
      return new Date()
    },
  }
  const measuring = { windowMs: 6, settleMs: 1000, gainMin: 0.05, callsMin: 1, life: async () => life }
  const ending = await experiment(knob, {} as Bench, CANDIDATE, ledger, measuring, abort.signal).catch(
    (error: FleetError) => error,
  )
  return { value: value as string | null, ending, history, changedUnsaid, calls }
}

test('a trial without trouble keeps what is better, and nothing else', async () => {
  for (const rounds of [1, 2] as const) {
    const good = await run('none', 0, 0.5, rounds, 'server')
    expect(good).toMatchObject({ value: 'new', ending: { state: 'kept', decision: 'better' } })
    expect(good.history).toEqual(rounds === 1 ? ['old', 'new'] : ['old', 'new', 'old', 'new'])
    expect(await run('none', 0, 1, rounds, 'server')).toMatchObject({ value: 'old', ending: { decision: 'no-better' } })
    const harmful = await run('none', 0, 3, rounds, 'server')
    expect(harmful).toMatchObject({ value: 'old', ending: { state: 'rolled-back', decision: 'harmful' } })
    // At the first sign, not after all windows.
    expect(harmful.history).toEqual(['old', 'new', 'old'])
  }
})

test('whatever happens, what is not kept is taken back, and what others set stays', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Trouble>('none', 'connection', 'lost', 'abort', 'somebody', 'restart'),
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom(0.5, 1, 2),
      fc.constantFrom<1 | 2>(1, 2),
      fc.constantFrom<Knob['place']>('server', 'process'),
      async (trouble, at, factor, rounds, place) => {
        const { value, ending, changedUnsaid, calls } = await run(trouble, at, factor, rounds, place)
        // The way back is said to be needed before it is.
        expect(changedUnsaid).toEqual([])
        if (ending instanceof Error) {
          expect(ending).toMatchObject({ code: 'TUNING_TRIAL_LOST' })
          // Of another process' doing now; of its own process it has to see to itself.
          if (place === 'process') expect(value).toBe('old')
          return
        }
        const happened = trouble !== 'none' && calls >= at
        if (trouble === 'somebody' && happened) {
          expect(value).toBe('theirs')
          expect(ending.decision).not.toBe('better')
        } else if (ending.state === 'kept') {
          expect(value).toBe('new')
          expect(ending.decision).toBe('better')
          expect(factor).toBe(0.5)
        } else expect(value).toBe('old')
        if (!happened) expect(ending.decision).toBe({ 0.5: 'better', 1: 'no-better', 2: 'harmful' }[String(factor)])
      },
    ),
    // Lost with the call that takes the change back.
    { numRuns: 60, examples: [['lost', 22, 2, 1, 'process']] },
  )
}, 60_000)
