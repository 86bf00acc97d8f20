import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TickSchedule } from '../../dist/stores/metadata/tick-schedule.js'

/** A clock that is moved by hand. */
function clock() {
  let time = 1000
  return {
    now: () => time,
    pass: (milliseconds: number) => {
      time += milliseconds
    },
  }
}

describe('a schedule of ticks', () => {
  test('delays do not add up: after any delays the ticks still are whole ticks from the beginning', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 500 }),
        fc.array(fc.record({ work: fc.integer({ min: 0, max: 2000 }), late: fc.integer({ min: 0, max: 50 }) }), {
          maxLength: 50,
        }),
        (tickMs, rounds) => {
          const { now, pass } = clock()
          const beginning = now()
          const schedule = new TickSchedule(tickMs, now)
          let last = -1
          for (const { work, late } of rounds) {
            pass(schedule.waitMs() + late)
            const before = Math.floor((now() - beginning) / tickMs)
            const delay = schedule.take()
            // Late by the time since the first tick that was due and not taken; never early.
            expect(delay).toBe(now() - beginning - (last + 1) * tickMs)
            expect(delay).toBeGreaterThanOrEqual(0)
            // One at most in each tick.
            expect(before).toBeGreaterThan(last)
            last = before
            pass(work)
            const wait = schedule.waitMs()
            if (wait > 0) expect((now() + wait - beginning) % tickMs).toBe(0)
            expect(wait).toBeLessThanOrEqual(tickMs)
          }
        },
      ),
    )
  })

  test('goes on in larger steps, and comes back to the next tick', () => {
    const { now, pass } = clock()
    const schedule = new TickSchedule(20, now)
    expect(schedule.waitMs()).toBe(0)
    expect(schedule.take()).toBe(0)
    expect(schedule.waitMs(10)).toBe(200)
    pass(45)
    // The ticks at 20 and 40 are over: the one at 40 can be taken at once.
    expect(schedule.waitMs(1)).toBe(0)
    schedule.take(1)
    expect(schedule.waitMs(1)).toBe(15)
  })

  test('another length begins a new count', () => {
    const { now, pass } = clock()
    const schedule = new TickSchedule(1000, now)
    schedule.take()
    pass(10)
    schedule.tickMs = 1000
    expect(schedule.waitMs()).toBe(990)
    schedule.tickMs = 50
    expect(schedule.waitMs()).toBe(0)
    schedule.take()
    expect(schedule.waitMs()).toBe(50)
  })
})
