import fc from 'fast-check'
import type { Transition } from 'pgfleet/memory'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../learning/support.js'

const fleet = useFleet()
const procedures = async () => (await newTenant(fleet())).memory.procedures

test('counts a transition by where it comes from', async () => {
  const { recordTransition, frequency } = await procedures()
  const plan: Transition = { scope: 's', key: 'step', from: 'plan', to: 'code' }
  expect(await recordTransition(plan)).toBe(1)
  expect(await recordTransition([plan, { ...plan, from: 'test' }, plan])).toEqual([2, 1, 3])
  expect(await recordTransition({ scope: 's', key: 'step', to: 'code' })).toBe(1)
  expect(await recordTransition({ ...plan, from: '' })).toBe(1)
  expect(
    await frequency([
      plan,
      { ...plan, from: 'test' },
      { ...plan, scope: 't' },
      { scope: 's', key: 'step', to: 'code' },
    ]),
  ).toEqual([3, 1, 0, 1])
  expect(await frequency({ ...plan, to: 'rest' })).toBe(0)
})

test('concurrent callers lose none, and their answers are the running counts', async () => {
  const { recordTransition, frequency } = await procedures()
  const pairs = Array.from(
    { length: 6 },
    (_, i): Transition => ({ scope: 's', key: 'k', from: `${i % 2}`, to: `${i % 3}` }),
  )
  const answers = new Map<string, number[]>()
  await Promise.all(
    Array.from({ length: 18 }, async (_, caller) => {
      for (let i = 0; i < 10; i++) {
        // In opposite orders: batches that share keys must not deadlock.
        const given = caller % 2 ? pairs : pairs.toReversed()
        const counts = await recordTransition(given)
        for (const [place, { from, to }] of given.entries()) {
          const name = `${from} ${to}`
          answers.set(name, [...(answers.get(name) ?? []), counts[place] as number])
        }
      }
    }),
  )
  for (const [, counts] of answers) {
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 180 }, (_, i) => i + 1))
  }
  expect(await frequency(pairs)).toEqual(pairs.map(() => 180))
})

test('against a model: frequencies, next steps and what was learned', async () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const transition = fc.record({
    scope: fc.constantFrom('s', 't'),
    key: fc.constantFrom('k', 'l'),
    from: fc.option(name, { nil: undefined }),
    to: name,
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(transition, { minLength: 1, maxLength: 80 }),
      fc.integer({ min: 1, max: 4 }),
      async (all, min) => {
        const { recordTransition, next, learned } = await procedures()
        const given = all.map(({ from, ...rest }) => (from === undefined ? rest : { ...rest, from }))
        await recordTransition(given)
        const counts = new Map<string, number>()
        for (const one of given) counts.set(JSON.stringify(one), (counts.get(JSON.stringify(one)) ?? 0) + 1)
        for (const key of ['k', 'l']) {
          const steps = await next({ scope: 's', key, from: 'a' })
          const followed = [...counts].filter(
            ([text]) => text.startsWith(`{"scope":"s","key":"${key}","to"`) && JSON.parse(text).from === 'a',
          )
          const total = followed.reduce((sum, [, n]) => sum + n, 0)
          expect(new Map(steps.map(({ to, frequency }) => [to, frequency]))).toEqual(
            new Map(followed.map(([text, n]) => [JSON.parse(text).to as string, n])),
          )
          expect(steps.map(({ frequency }) => frequency)).toEqual(
            steps.map(({ frequency }) => frequency).toSorted((a, b) => b - a),
          )
          for (const { frequency, probability } of steps) expect(probability).toBeCloseTo(frequency / total)
        }
        for (const scope of [undefined, 's']) {
          // In pages of two, by the cursor.
          const found: Awaited<ReturnType<typeof learned>> = []
          for (let after: string | undefined; ; ) {
            const page = await learned({ min, limit: 2, ...(scope && { scope }), ...(after && { after }) })
            found.push(...page)
            after = page.at(-1)?.cursor
            if (page.length < 2) break
          }
          const expected = [...counts].filter(
            ([text, n]) => n >= min && (scope === undefined || text.startsWith('{"scope":"s"')),
          )
          expect(found).toHaveLength(expected.length)
          const parts = ({ scope, key, from, to }: (typeof found)[number]) =>
            JSON.stringify({ scope, key, to, ...(from === null ? {} : { from }) })
          expect(new Map(found.map((one) => [parts(one), one.frequency]))).toEqual(
            new Map(expected.map(([text, n]) => [JSON.stringify(sorted(JSON.parse(text))), n])),
          )
          expect(found.map(({ frequency }) => frequency)).toEqual(
            found.map(({ frequency }) => frequency).toSorted((a, b) => b - a),
          )
        }
      },
    ),
    { numRuns: 15 },
  )
})

const sorted = ({ scope, key, from, to }: Transition) => ({ scope, key, to, ...(from === undefined ? {} : { from }) })

test('learned means three times, unless told otherwise; next takes a limit; forget forgets', async () => {
  const { recordTransition, learned, next, forget, frequency } = await procedures()
  for (let to = 1; to <= 5; to++) {
    await recordTransition(Array.from({ length: to }, () => ({ scope: 's', key: 'k', from: 'a', to: `${to}` })))
  }
  await recordTransition({ scope: 's', key: 'other', to: 'x' })
  expect((await learned()).map(({ frequency }) => frequency)).toEqual([5, 4, 3])
  expect(await next({ scope: 's', key: 'k', from: 'a' }, { limit: 2 })).toEqual([
    { to: '5', frequency: 5, probability: 5 / 15 },
    { to: '4', frequency: 4, probability: 4 / 15 },
  ])
  expect(await next({ scope: 's', key: 'k', from: 'unknown' })).toEqual([])
  expect(await forget({ scope: 's', key: 'k' })).toBe(5)
  expect(await learned({ min: 1 })).toMatchObject([{ key: 'other', from: null }])
  expect(await forget({ scope: 's' })).toBe(1)
  expect(await frequency({ scope: 's', key: 'other', to: 'x' })).toBe(0)
})

test('a higher frequency never has a lower class', async () => {
  const { procedures: of } = (await newTenant(fleet())).memory
  const frequencies = [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65]
  for (const n of frequencies) {
    await of.recordTransition(Array.from({ length: n }, () => ({ scope: 'classes', key: 'k', to: `${n}` })))
  }
  const rows = await sql<{ frequency: number; class: number }>(
    fleet(),
    `select frequency::integer, frequency_class as class from memory.transitions where scope = 'classes' order by frequency`,
  )
  expect(rows.map((row) => row.class)).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4])
  expect((await of.learned({ min: 1, scope: 'classes' })).map(({ frequency }) => frequency)).toEqual(
    frequencies.toReversed(),
  )
})

describe('bad input', () => {
  test('is refused by name, and counts nothing', async () => {
    const { recordTransition, frequency, next, learned, forget } = await procedures()
    const good: Transition = { scope: 's', key: 'k', from: 'a', to: 'b' }
    const bad: [Partial<Record<keyof Transition, unknown>>, string][] = [
      [{ scope: '' }, 'scope'],
      [{ scope: 'x'.repeat(501) }, 'scope'],
      [{ key: 7 }, 'key'],
      [{ from: null }, 'from'],
      [{ from: 'x'.repeat(2001) }, 'from'],
      [{ to: undefined }, 'to'],
      [{ to: 'a\0' }, 'to'],
      [{ to: '\udc00' }, 'to'],
      [{ value: 1 } as never, 'value'],
    ]
    for (const [change, member] of bad) {
      const item = { ...good, ...change } as Transition
      expect(await failure(recordTransition([good, item]))).toMatchObject({
        code: 'INPUT_INVALID',
        field: `transitions[1].${member}`,
      })
      expect(await failure(frequency(item))).toMatchObject({ code: 'INPUT_INVALID', field: `transitions[0].${member}` })
    }
    for (const [call, field] of [
      [next({ scope: 's', key: '' }), 'source.key'],
      [next({ scope: 's', key: 'k' }, { limit: 0 }), 'options.limit'],
      [learned({ min: 0 }), 'options.min'],
      [learned({ after: '1' }), 'options.after'],
      [learned({ limit: 1e6 }), 'options.limit'],
      [forget({ scope: '' }), 'of.scope'],
      [recordTransition(Array.from({ length: 1001 }, () => good)), 'items'],
    ] as [Promise<unknown>, string][]) {
      expect(await failure(call)).toMatchObject({ code: 'INPUT_INVALID', field })
    }
    expect(await learned({ min: 1 })).toEqual([])
  })

  test.each([`'; drop table memory.transitions; --`, '%_\\', '"', '\u2028', 'x'.repeat(500), '\u{1f3f3}'.repeat(250)])(
    'hostile but legal text comes back unchanged: %#',
    async (text) => {
      const { recordTransition, next, learned } = await procedures()
      const to = text.repeat(4).slice(0, 2000)
      await recordTransition({ scope: text, key: text, from: to, to })
      expect(await next({ scope: text, key: text, from: to })).toEqual([{ to, frequency: 1, probability: 1 }])
      expect(await learned({ min: 1, scope: text })).toMatchObject([{ scope: text, key: text, from: to, to }])
    },
  )
})
