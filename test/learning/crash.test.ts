import { setTimeout as sleep } from 'node:timers/promises'
import { type FleetError, isFleetError } from 'pgfleet'
import type { Learned } from 'pgfleet/learning'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { crash, crashing, mayCrash, patiently } from '../setup/crash.js'
import { isClose, replay } from './reference.js'
import { newTenant, sql, useFleet } from './support.js'

/*
 * Ends the server under all who use it, so it runs alone and when asked for:
 *   TEST_ENGINE=direct TEST_CRASH=1 npm run services -- exec -- npx vitest run test/learning/crash.test.ts
 */

const agentType = 'test-generator'
const WRITERS = 18

describe.skipIf(!mayCrash)(crashing('SIGKILL of the server'), () => {
  const fleet = useFleet()
  const stored = async (tenant: string) => {
    const rows = await patiently(() =>
      sql<{ state: string; action: string; q: number; visits: number }>(
        fleet(),
        'select state, action, q, visits from learning.q_values where tenant_id = $1',
        [tenant],
      ),
    )
    return new Map(rows.map((row) => [`${row.state} ${row.action}`, row]))
  }

  test('callers with ids: every experience counts exactly once, whatever the crash did to its answer', {
    timeout: 180_000,
  }, async () => {
    const tenant = await newTenant(fleet())
    let crashed = false
    const sent = Array.from({ length: WRITERS }, () => 0)
    const last: (Learned | undefined)[] = []
    const writers = sent.map(async (_, writer) => {
      for (let afterwards = 0; afterwards < 20; ) {
        const experience = { agentType, state: `w${writer}`, action: 'a', reward: sent[writer] as number, id: uuidv7() }
        // Repeated with the same id, as an application would.
        last[writer] = await patiently(() => tenant.learning.learn(experience))
        sent[writer] = (sent[writer] as number) + 1
        if (crashed) afterwards++
      }
    })
    await sleep(1500)
    await crash()
    crashed = true
    await Promise.all(writers)
    const rows = await stored(tenant.id)
    for (const [writer, many] of sent.entries()) {
      const row = rows.get(`w${writer} a`)
      expect(row?.visits).toBe(many)
      expect(last[writer]?.visits).toBe(many)
      const rewards = Array.from({ length: many }, (_, i) => i)
      expect(isClose(row?.q ?? Number.NaN, replay(rewards, 0.1).at(-1) ?? Number.NaN)).toBe(true)
    }
  })

  test('callers without ids: what has settled is there, what is unknown is there once or not at all', {
    timeout: 180_000,
  }, async () => {
    const tenant = await newTenant(fleet())
    const counts = Array.from({ length: WRITERS }, () => ({ settled: 0, unknown: 0 }))
    const ends: FleetError[] = []
    const writers = counts.map(async (count, writer) => {
      for (;;) {
        try {
          await tenant.learning.learn({ agentType, state: `w${writer}`, action: 'a', reward: 1 })
          count.settled++
        } catch (error) {
          if (!isFleetError(error)) throw error
          if (error.code === 'OUTCOME_UNKNOWN') count.unknown++
          ends.push(error)
          return
        }
      }
    })
    await sleep(1500)
    await crash(Promise.all(writers))
    expect(ends.map(({ code }) => code).every((code) => ['OUTCOME_UNKNOWN', 'CONNECTION_FAILED'].includes(code))).toBe(
      true,
    )
    const rows = await stored(tenant.id)
    for (const [writer, { settled, unknown }] of counts.entries()) {
      const visits = rows.get(`w${writer} a`)?.visits ?? 0
      expect(settled).toBeGreaterThan(10)
      expect(visits).toBeGreaterThanOrEqual(settled)
      expect(visits).toBeLessThanOrEqual(settled + unknown)
    }
  })

  test('async callers: at most the last moments are lost, and never a part of a batch', {
    timeout: 180_000,
  }, async () => {
    const tenant = await newTenant(fleet())
    const KEYS = 20
    const settledAt: number[][] = Array.from({ length: WRITERS }, () => [])
    const writers = settledAt.map(async (times, writer) => {
      const batch = Array.from({ length: KEYS }, (_, key) => ({
        agentType,
        state: `w${writer}`,
        action: `a${key}`,
        reward: 1,
      }))
      for (;;) {
        try {
          await tenant.learning.learn(batch, { durability: 'async' })
          times.push(Date.now())
        } catch (error) {
          if (!isFleetError(error)) throw error
          return
        }
      }
    })
    await sleep(4000)
    const killedAt = await crash(Promise.all(writers))
    const rows = await stored(tenant.id)
    for (const [writer, times] of settledAt.entries()) {
      const visits = Array.from({ length: KEYS }, (_, key) => rows.get(`w${writer} a${key}`)?.visits ?? 0)
      expect(new Set(visits).size, `writer ${writer} has a part of a batch: ${visits}`).toBe(1)
      const [kept = 0] = visits
      // One more than settled may be there: its answer was lost.
      expect(kept).toBeLessThanOrEqual(times.length + 1)
      const old = times.filter((time) => time < killedAt - 2000).length
      expect(old).toBeGreaterThan(10)
      expect(kept, 'what settled two seconds before is kept').toBeGreaterThanOrEqual(old)
    }
  })
})
