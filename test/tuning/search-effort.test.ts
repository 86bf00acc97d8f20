// Which candidates are tried next, and what is held against the window before.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseEffort, EFFORTS } from '../../dist/tuning/search-effort.js'
import { comparedWith, type Window } from '../../dist/tuning/verdict.js'

/** A recall that grows with the candidates, and reaches what is wanted with so many. */
const reaching = (enough: number) => async (effort: number) => Math.min(1, 0.9 * (effort / enough) ** 0.2)

test('one step more than was enough, and never more than twice as many', async () => {
  expect(await chooseEffort(200, EFFORTS, 0.9, reaching(40))).toMatchObject({ effort: 60, isRaise: false })
  expect(await chooseEffort(40, EFFORTS, 0.9, reaching(55))).toMatchObject({ effort: 80, isRaise: true })
  expect(await chooseEffort(40, EFFORTS, 0.9, reaching(500))).toMatchObject({ effort: 80, isRaise: true })
  expect(await chooseEffort(40, EFFORTS, 0.9, reaching(35))).toContain('nothing less than 40')
  expect(await chooseEffort(1000, EFFORTS, 0.9, reaching(5000))).toContain('more are not tried')
  expect(await chooseEffort(40, EFFORTS, 0.9, async () => 0.5)).toContain('find no more')
  await expect(chooseEffort(40, EFFORTS, 0.9, async () => undefined)).rejects.toThrow('no stored vector')
})

test('whatever the recall, down is what still finds enough, up is at most twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...EFFORTS),
      fc.integer({ min: 1, max: 5000 }),
      fc.double({ min: 0.5, max: 0.99, noNaN: true }),
      async (now, enough, wanted) => {
        const recallOf = async (effort: number) => Math.min(1, wanted * (effort / enough) ** 0.2)
        const chosen = await chooseEffort(now, EFFORTS, wanted, recallOf)
        if (typeof chosen === 'string') return
        expect(chosen.isRaise).toBe((await recallOf(now)) < wanted)
        if (!chosen.isRaise) {
          expect(chosen.effort).toBeLessThan(now)
          expect(await recallOf(chosen.effort)).toBeGreaterThanOrEqual(wanted)
        } else {
          const next = EFFORTS.find((effort) => effort > now) as number
          expect(chosen.effort).toBeGreaterThan(now)
          expect(chosen.effort).toBeLessThanOrEqual(Math.max(2 * now, next))
        }
      },
    ),
  )
})

test('a relative guard is held against the last window without the change, not the first look', () => {
  const guard = { name: 'time', limit: 3, isFloor: false, isRelative: true }
  const windowOf = (changed: boolean, value: number): Window => ({
    changed,
    startedAt: new Date(),
    samples: [{ calls: 1, value: null, guards: [{ ...guard, value }] }],
  })
  const before = [windowOf(false, 1), windowOf(true, 9), windowOf(false, 4)]
  const certain = { name: 'recall', value: 0.8, limit: 0.9, isFloor: true }
  expect(comparedWith(before, [{ ...guard, value: 8 }, certain])).toEqual([{ ...guard, value: 2 }, certain])
  // What was not measured without it tells nothing.
  expect(comparedWith([], [{ ...guard, value: 8 }])).toEqual([])
})
