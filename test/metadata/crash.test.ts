import { setTimeout as sleep } from 'node:timers/promises'
import { isFleetError, type Tenant } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import { crash, crashing, mayCrash, patiently } from '../setup/crash.js'
import { newTenant, useFleet } from '../setup/tenant.js'

/*
 * Ends the server under all who use it, so it runs alone and when asked for:
 *   TEST_ENGINE=direct TEST_CRASH=1 npm run services -- exec -- npx vitest run test/metadata/crash.test.ts
 */

const WRITERS = 18

/** A settled write. */
interface Settled {
  readonly value: number
  readonly version: number
  readonly at: number
}

describe.skipIf(!mayCrash)(crashing('SIGKILL of the server'), () => {
  const fleet = useFleet()
  const keyOf = (writer: number) => ({ entity: `e${writer % 6}`, key: `w${writer}` })
  /** Writers that count upwards, each its own key, until the server goes; what each was told. */
  const writing = (tenant: Tenant) => {
    const settled: Settled[][] = Array.from({ length: WRITERS }, () => [])
    const done = Promise.all(
      settled.map(async (mine, writer) => {
        for (let value = 0; ; value++) {
          try {
            const version = await tenant.metadata.set({ ...keyOf(writer), value })
            mine.push({ value, version, at: Date.now() })
          } catch (error) {
            if (!isFleetError(error)) throw error
            expect(['OUTCOME_UNKNOWN', 'CONNECTION_FAILED']).toContain(error.code)
            return
          }
        }
      }),
    )
    return { settled, done }
  }
  const withGroup = async (durability: 'durable' | 'async' | 'volatile') => {
    const tenant = await newTenant(fleet())
    await tenant.metadata.groups.set({ name: 'G', durability })
    await tenant.metadata.entities.create(Array.from({ length: 6 }, (_, n) => ({ name: `e${n}`, syncGroup: 'G' })))
    return tenant
  }
  const read = (tenant: Tenant) =>
    patiently(() => tenant.metadata.getMany(Array.from({ length: WRITERS }, (_, writer) => keyOf(writer))))

  test('durable: all that has settled is there, and versions go on above it', { timeout: 180_000 }, async () => {
    const tenant = await withGroup('durable')
    const { settled, done } = writing(tenant)
    await sleep(1500)
    await crash(done)
    for (const [writer, entry] of (await read(tenant)).entries()) {
      const last = settled[writer]?.at(-1) as Settled
      expect(last.value).toBeGreaterThan(10)
      // One more may be there: its answer was lost.
      expect([last.value, last.value + 1]).toContain(entry?.value)
      expect(entry?.version).toBe(last.version + (entry?.value as number) - last.value)
      expect(await tenant.metadata.set({ ...keyOf(writer), value: 'after' })).toBe((entry?.version as number) + 1)
    }
  })

  test('async: at most the last moments are lost, and what is left is a state that was', {
    timeout: 180_000,
  }, async () => {
    const tenant = await withGroup('async')
    const { settled, done } = writing(tenant)
    await sleep(4000)
    const killedAt = await crash(done)
    for (const [writer, entry] of (await read(tenant)).entries()) {
      const mine = settled[writer] as Settled[]
      const old = mine.filter(({ at }) => at < killedAt - 2000)
      expect(old.length).toBeGreaterThan(10)
      expect(entry?.value as number, 'what settled two seconds before is kept').toBeGreaterThanOrEqual(
        old.at(-1)?.value as number,
      )
      // Value and version belong together: a suffix was lost, nothing in between.
      expect(entry?.version).toBe((entry?.value as number) + 1)
      expect(entry?.value as number).toBeLessThanOrEqual((mine.at(-1)?.value as number) + 1)
    }
  })

  test('volatile: what was merged is there, the rest is gone, and what asked for more stays', {
    timeout: 180_000,
  }, async () => {
    const tenant = await withGroup('volatile')
    const { metadata } = tenant
    const at = (key: string) => ({ entity: 'e0', key })
    await metadata.setMany(['merged', 'written over', 'not merged'].map((key) => ({ ...at(key), value: 1 })))
    await metadata.delete(at('not merged'))
    await metadata.mergeVolatile()
    const kept = await metadata.set({ ...at('written over'), value: 2 })
    expect(kept).toBe(2)
    await metadata.set({ ...at('not merged'), value: 3 })
    await metadata.set({ ...at('never merged'), value: 3 })
    await metadata.set({ ...at('asked for more'), value: 4, durability: 'durable' })
    const { done } = writing(tenant)
    await sleep(500)
    await crash(done)
    const keys = ['merged', 'written over', 'not merged', 'never merged', 'asked for more']
    const found = await patiently(() => metadata.getMany(keys.map(at)))
    expect(found.map((entry) => entry && [entry.value, entry.version])).toEqual([
      [1, 1],
      [1, 1],
      undefined,
      undefined,
      [4, 1],
    ])
    // What the writers had was never merged: their keys are not there, and begin anew.
    expect((await read(tenant)).every((entry) => entry === undefined)).toBe(true)
    expect(await metadata.set({ ...at('never merged'), value: 5 })).toBe(1)
    expect(await metadata.set({ ...at('not merged'), value: 5 })).toBe(3)
  })
})
