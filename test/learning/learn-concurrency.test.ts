import type { Experience, Learned } from 'pgfleet/learning'
import { expect, test } from 'vitest'
import { onEngines } from '../setup/index.js'
import { isClose, ReferenceModel } from './reference.js'
import { newTenant, pick, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
const WRITERS = 18

interface Applied {
  readonly experience: Experience
  readonly learned: Learned
}

/** Replays what was applied, each key in the order of the visits returned, and compares every answer on the way. */
function expectReplay(applied: readonly Applied[]) {
  const byKey = new Map<string, Applied[]>()
  for (const one of applied) {
    const key = JSON.stringify([one.experience.state, one.experience.action])
    const all = byKey.get(key)
    if (all === undefined) byKey.set(key, [one])
    else all.push(one)
  }
  const ends = new Map<string, Learned>()
  for (const [key, all] of byKey) {
    const ordered = all.toSorted((a, b) => a.learned.visits - b.learned.visits)
    expect(
      ordered.map(({ learned }) => learned.visits),
      'each visit exactly once',
    ).toEqual(ordered.map((_, i) => i + 1))
    const model = new ReferenceModel()
    for (const { experience, learned } of ordered) {
      const [want] = model.learn([experience])
      if (!isClose(learned.q, want?.q ?? Number.NaN)) {
        expect.fail(`${key} at visit ${learned.visits}: ${learned.q} instead of ${want?.q}`)
      }
      ends.set(key, learned)
    }
  }
  return ends
}

async function expectStored(tenantId: string, ends: ReadonlyMap<string, Learned>) {
  const rows = await sql<{ state: string; action: string; q: number; visits: number }>(
    fleet(),
    'select state, action, q, visits from learning.q_values where tenant_id = $1',
    [tenantId],
  )
  expect(rows.length).toBe(ends.size)
  for (const { state, action, q, visits } of rows) {
    expect({ q, visits }).toEqual({
      q: ends.get(JSON.stringify([state, action]))?.q,
      visits: ends.get(JSON.stringify([state, action]))?.visits,
    })
  }
}

test('18 writers of 1,000 updates on one key lose none', async () => {
  const tenant = await newTenant(fleet())
  const applied: Applied[] = []
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let i = 0; i < 1000; i++) {
        const experience = { agentType, state: 's', action: 'a', reward: (writer * 31 + i * 7) % 11 }
        applied.push({ experience, learned: await tenant.learning.learn(experience) })
      }
    }),
  )
  const ends = expectReplay(applied)
  expect(ends.get('["s","a"]')?.visits).toBe(WRITERS * 1000)
  await expectStored(tenant.id, ends)
})

test('18 writers of overlapping batches, with keys twice in a batch, lose none', async () => {
  const tenant = await newTenant(fleet())
  const applied: Applied[] = []
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const next = pick(writer)
      for (let done = 0; done < 1000; done += 20) {
        const batch = Array.from({ length: 20 }, () => ({
          agentType,
          state: `s${next(5)}`,
          action: `a${next(2)}`,
          reward: next(11),
          learningRate: [0.1, 0.5, 'visits' as const][next(3)] ?? 0.1,
        }))
        const learned = await tenant.learning.learn(batch)
        for (const [i, experience] of batch.entries()) applied.push({ experience, learned: learned[i] as Learned })
      }
    }),
  )
  expect(applied.length).toBe(WRITERS * 1000)
  await expectStored(tenant.id, expectReplay(applied))
})

onEngines(['direct', 'pooled'], 'it has one connection')('transactions on several connections lose none', async () => {
  const tenant = await newTenant(fleet())
  const applied: Applied[] = []
  // Inside transactions the calls do not share statements: each is one of the server's own concurrent ones.
  await Promise.all(
    Array.from({ length: 8 }, async (_, writer) => {
      const next = pick(writer)
      for (let i = 0; i < 25; i++) {
        const keys = [next(4), next(4), next(4)]
        const batch = keys.map((key) => ({ agentType, state: `s${key}`, action: 'a', reward: next(11) }))
        const learned = await tenant.transaction(async (tx) => tx.learning.learn(batch))
        for (const [j, experience] of batch.entries()) applied.push({ experience, learned: learned[j] as Learned })
      }
    }),
  )
  await expectStored(tenant.id, expectReplay(applied))
})

test('an update that reads the next state under load is one of the possible orders', async () => {
  const tenant = await newTenant(fleet())
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      for (let i = 0; i < 50; i++) {
        await tenant.learning.learn({
          agentType,
          state: 's',
          action: 'a',
          reward: 1,
          nextState: 's',
          learningRate: 1,
          discountFactor: 1,
        })
      }
    }),
  )
  // Each adds 1 to what it read of itself: a lost or stale read would leave less.
  expect(await tenant.learning.best(agentType, 's')).toEqual({ action: 'a', q: WRITERS * 50, visits: WRITERS * 50 })
})
