import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Tenant } from 'pgfleet'
import { HOOK_RETENTIONS, type HookRetention, type NewHookExecution } from 'pgfleet/memory'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { dayOffset, failure, newTenant, sql, useFleet } from '../learning/support.js'

const fleet = useFleet()
const DAY = 86_400_000

const execution = (given: Partial<NewHookExecution> = {}): NewHookExecution => ({
  id: uuidv7(),
  hookId: 'audit',
  hookType: 'before_tool',
  ...given,
})
/** So many days ago, the later ones of a day with greater ids. */
const aged = (days: number, given: Partial<NewHookExecution> = {}, place = 0) =>
  execution({ id: uuidv7({ msecs: dayOffset(-days) + place }), ...given })
const idsOf = async (of: Tenant) =>
  (
    await sql<{ id: string }>(
      fleet(),
      'select execution_id as id from memory.hook_executions where tenant_id = $1 order by execution_id',
      [of.id],
    )
  ).map(({ id }) => id)

describe('recording', () => {
  test('keeps all of an execution, and gives it back', async () => {
    const { hooks } = (await newTenant(fleet())).memory
    const full: Required<NewHookExecution> = {
      id: uuidv7(),
      hookId: 'guard',
      hookType: 'after_tool',
      correlationId: 'request 7',
      occurredAt: new Date('2024-02-29T12:00:00.123Z'),
      durationMs: 1.25,
      outcome: 'modified',
      triggeredBy: 'tool:shell',
      componentId: 'runner',
      context: { files: ['a', 'ä'], nested: { deep: [null, true, 1e300] } },
      result: [1, { allowed: false }],
      tags: ['security', 'x'],
      metadata: { trace: '1' },
      isModified: true,
      isSensitive: true,
      priority: 7,
    }
    expect(await hooks.record(full)).toEqual({ replayed: false })
    const contextBytes = Buffer.byteLength(JSON.stringify(full.context))
    expect(await hooks.get(full.id)).toEqual({ ...full, contextBytes })
    const { context: _, ...info } = full
    expect(await hooks.list()).toEqual([{ ...info, contextBytes }])
    const least = execution()
    await hooks.record(least)
    expect(await hooks.get([least.id, uuidv7(), full.id])).toMatchObject([
      { outcome: 'continue', correlationId: null, result: null, tags: [], context: undefined, contextBytes: 0 },
      undefined,
      { id: full.id },
    ])
    expect((await hooks.get(least.id))?.occurredAt.getTime()).toBe(
      Number.parseInt(least.id.replace('-', '').slice(0, 12), 16),
    )
  })

  test('an id is kept once, however often it is sent, and keeps what came first', async () => {
    const of = await newTenant(fleet())
    const { hooks } = of.memory
    const one = execution({ context: 'first' })
    const sent = await Promise.all([
      hooks.record([one, { ...one, context: 'second' }]),
      hooks.record({ ...one, context: 'third' }),
    ])
    expect(sent.flat().filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(await hooks.record({ ...one, context: 'later' })).toEqual({ replayed: true })
    expect(await hooks.get(one.id)).toMatchObject({ context: 'first' })
    expect(await idsOf(of)).toEqual([one.id])
  })

  test('contexts are compressed from 1 KiB, where that helps, and their codec is recorded', async () => {
    const of = await newTenant(fleet())
    const { hooks } = of.memory
    const noise = Array.from({ length: 400 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * 7919) % 20_000))).join('')
    const contexts = ['short', 'long '.repeat(1000), noise, { big: 'x'.repeat(1024 * 1024 - 20) }]
    const given = contexts.map((context) => execution({ context }))
    await hooks.record(given)
    const stored = await sql<{ codec: string; raw: number; bytes: number }>(
      fleet(),
      `select context_codec as codec, context_bytes as raw, octet_length(context) as bytes from memory.hook_executions
      where tenant_id = $1 order by execution_id`,
      [of.id],
    )
    expect(stored.map(({ codec }) => codec)).toEqual(['identity', 'deflate', expect.any(String), 'deflate'])
    expect(stored.every(({ raw, bytes }) => bytes <= raw)).toBe(true)
    expect(stored[1]?.bytes).toBeLessThan(100)
    expect((await hooks.get(given.map(({ id }) => id))).map((one) => one?.context)).toEqual(contexts)
  })

  test('a context that was damaged is not given as one', async () => {
    const of = await newTenant(fleet())
    const one = execution({ context: 'long '.repeat(1000) })
    await of.memory.hooks.record(one)
    await sql(fleet(), 'update memory.hook_executions set context = set_byte(context, 8, 1) where tenant_id = $1', [
      of.id,
    ])
    await failure(of.memory.hooks.get(one.id), 'CHECKSUM_MISMATCH')
    await sql(
      fleet(),
      `update memory.hook_executions set context = '\\x31', context_codec = 'identity' where tenant_id = $1`,
      [of.id],
    )
    await failure(of.memory.hooks.get(one.id), 'CHECKSUM_MISMATCH')
  })

  test('an id outside the window is refused by name, and its neighbours in the batch are kept', async () => {
    const of = await newTenant(fleet())
    const { hooks } = of.memory
    const settled = await Promise.allSettled([
      hooks.record(execution()),
      hooks.record(aged(500)),
      hooks.record(aged(-40)),
      hooks.record(aged(300)),
    ])
    expect(settled.map((one) => (one.status === 'rejected' ? one.reason.code : one.value.replayed))).toEqual([
      false,
      'ID_OUT_OF_WINDOW',
      'ID_OUT_OF_WINDOW',
      false,
    ])
    const both = await failure(hooks.record([execution(), aged(500)]), 'ID_OUT_OF_WINDOW')
    expect(both.field).toBe('executions[1].id')
    expect(await idsOf(of)).toHaveLength(2)
  })
})

test('lists by hook, type and correlation, page by page across months', async () => {
  const { hooks } = (await newTenant(fleet())).memory
  const all = Array.from({ length: 24 }, (_, i) =>
    aged(90 - i * 4, { hookId: `h${i % 2}`, hookType: `t${i % 3}`, ...(i % 4 ? { correlationId: `c${i % 4}` } : {}) }),
  )
  await hooks.record(all.toReversed())
  const read = async (options: object) => {
    const seen: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await hooks.list({ ...options, limit: 3, ...(after && { after }) })
      seen.push(...page.map(({ id }) => id))
      after = page.at(-1)?.id
      if (page.length < 3) return seen
    }
  }
  const those = (test: (one: NewHookExecution) => boolean) => all.filter(test).map(({ id }) => id)
  expect(await read({})).toEqual(those(() => true).toReversed())
  expect(await read({ hookId: 'h1' })).toEqual(those(({ hookId }) => hookId === 'h1').toReversed())
  expect(await read({ hookType: 't2' })).toEqual(those(({ hookType }) => hookType === 't2').toReversed())
  expect(await read({ correlationId: 'c3' })).toEqual(those(({ correlationId }) => correlationId === 'c3'))
  expect(await read({ hookId: 'none' })).toEqual([])
})

test('statistics add up what is kept', async () => {
  const { hooks } = (await newTenant(fleet())).memory
  expect(await hooks.statistics()).toMatchObject({ executions: 0, meanDurationMs: null, byType: {}, oldestAt: null })
  await hooks.record([
    execution({ durationMs: 1, isSensitive: true, context: 'x'.repeat(5000) }),
    execution({ durationMs: 3, hookId: 'other', outcome: 'skipped', isModified: true }),
    execution({ durationMs: 5, hookType: 'after_tool' }),
  ])
  const found = await hooks.statistics()
  expect(found).toMatchObject({
    executions: 3,
    hooks: 2,
    modified: 1,
    sensitive: 1,
    meanDurationMs: 3,
    contextBytes: 5002,
    byType: { before_tool: 2, after_tool: 1 },
    byOutcome: { continue: 2, skipped: 1 },
  })
  expect(found.storedContextBytes).toBeLessThan(200)
})

describe('retention', () => {
  /** What a policy keeps, by its words, one hook at a time. */
  const kept = (all: readonly NewHookExecution[], policy: HookRetention) =>
    [...new Set(all.map(({ hookId }) => hookId))].flatMap((hookId) => {
      const own = all.filter((one) => one.hookId === hookId).toSorted((a, b) => (a.id < b.id ? 1 : -1))
      const matters = (one: NewHookExecution) => (one.priority ?? 0) >= policy.priorityFrom
      const ranked = [...own.filter(matters), ...own.filter((one) => !matters(one))]
      const ageOf = (one: NewHookExecution) =>
        (Date.now() - Number.parseInt(one.id.replace('-', '').slice(0, 12), 16)) / DAY
      return own.filter(
        (one, newest) =>
          newest < policy.executionsMin ||
          (ranked.indexOf(one) < policy.executionsMax &&
            ageOf(one) < policy.days + (matters(one) ? policy.extraDays : 0)),
      )
    })

  test.each<[string, HookRetention]>([
    ['by age', { days: 7, extraDays: 7, priorityFrom: 5, executionsMin: 0, executionsMax: 1000 }],
    ['with a least count', { days: 3, extraDays: 7, priorityFrom: 5, executionsMin: 6, executionsMax: 1000 }],
    ['with a greatest count', { days: 100, extraDays: 0, priorityFrom: 5, executionsMin: 2, executionsMax: 7 }],
    ['of nothing', { days: 1, extraDays: 0, priorityFrom: 10, executionsMin: 0, executionsMax: 0 }],
  ])('%s keeps what its words say', async (_, policy) => {
    const of = await newTenant(fleet())
    const all = Array.from({ length: 40 }, (_, i) =>
      aged(i * 0.5 + 0.1, { hookId: `h${i % 3}`, priority: (i * 7) % 11 }),
    )
    await of.memory.hooks.record(all)
    const expected = kept(all, policy)
      .map(({ id }) => id)
      .toSorted()
    expect(await of.memory.hooks.applyRetention(policy, { rowsMax: 7 })).toBe(40 - expected.length)
    expect(await idsOf(of)).toEqual(expected)
    expect(await of.memory.hooks.applyRetention(policy)).toBe(0)
  })

  test('has three by name, the default for a week', async () => {
    const of = await newTenant(fleet())
    const all = Array.from({ length: 120 }, (_, i) => aged(8 + i * 0.01))
    const young = [aged(6), aged(13, { priority: 5 }), aged(13, { priority: 4 })]
    await of.memory.hooks.record([...all, ...young])
    expect(HOOK_RETENTIONS.default).toMatchObject({ days: 7, executionsMin: 100, executionsMax: 10_000 })
    expect(await of.memory.hooks.applyRetention('long')).toBe(0)
    expect(await of.memory.hooks.applyRetention()).toBe(22)
    expect(await of.memory.hooks.get(young.map(({ id }) => id))).toMatchObject(
      [{}, {}, undefined].map((one) => one && expect.any(Object)),
    )
    expect(await of.memory.hooks.applyRetention('short', { signal: new AbortController().signal })).toBe(91)
    await failure(of.memory.hooks.applyRetention('short', { signal: AbortSignal.abort() }), 'ABORTED')
  })
})

describe('archiving', () => {
  const filled = async () => {
    const of = await newTenant(fleet())
    const all = Array.from({ length: 23 }, (_, i) => aged(10 - (i * 8) / 23, { priority: i % 11, context: { i } }))
    await of.memory.hooks.record(all)
    return { of, all, hooks: of.memory.hooks }
  }
  const yesterday = () => new Date(dayOffset(-1))

  test('streams out, then deletes what was confirmed, and only that', async () => {
    const { of, all, hooks } = await filled()
    const young = execution()
    await hooks.record(young)
    const archive = hooks.archive(yesterday(), { pageSize: 5 })
    const got = []
    for await (const one of archive) {
      // Recorded while it is read, behind and before where the reading is: neither is given, or only one of them.
      if (got.length === 7) await hooks.record([aged(9.99, { hookId: 'late' })])
      got.push(one)
    }
    expect(got.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    expect(got.map(({ context }) => context)).toEqual(all.map(({ context }) => context))
    expect(await hooks.archives()).toMatchObject([
      { id: archive.id, executionCount: 23, deletedCount: 0, confirmedAt: null },
    ])
    expect(await idsOf(of)).toHaveLength(25)
    expect(await archive.confirm()).toBe(23)
    expect((await hooks.list()).map(({ hookId }) => hookId)).toEqual(['audit', 'late'])
    expect(await hooks.confirmArchive(archive.id)).toBe(23)
    expect(await hooks.archives()).toMatchObject([
      { deletedCount: 23, completedAt: expect.any(Date), confirmedAt: expect.any(Date) },
    ])
  })

  test('as lines of JSON into a file, up to a priority', async () => {
    const { all, hooks } = await filled()
    const folder = await mkdtemp(join(tmpdir(), 'pgfleet-archive-'))
    try {
      const file = join(folder, 'hooks.jsonl')
      const archive = hooks.archive(yesterday(), { priorityMax: 4, pageSize: 4 })
      await pipeline(Readable.from(archive.jsonLines()), createWriteStream(file))
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
      const low = all.filter(({ priority = 0 }) => priority <= 4)
      expect(lines.map((line) => JSON.parse(line))).toMatchObject(low.map(({ id, context }) => ({ id, context })))
      expect(await archive.confirm()).toBe(low.length)
      expect(await hooks.list()).toHaveLength(all.length - low.length)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('what breaks off cannot be confirmed, loses nothing, and is given again', async () => {
    const { of, all, hooks } = await filled()
    const broken = hooks.archive(yesterday(), { pageSize: 5 })
    expect(await failure(broken.confirm(), 'ARCHIVE_UNKNOWN')).toMatchObject({ field: 'id' })
    await expect(
      (async () => {
        let count = 0
        for await (const _ of broken) if (++count === 12) throw new Error('the disk is full')
      })(),
    ).rejects.toThrow('the disk is full')
    await failure(broken.confirm(), 'ARCHIVE_INCOMPLETE')
    const stop = new AbortController()
    const aborted = hooks.archive(yesterday(), { pageSize: 5, signal: stop.signal })
    const reading = (async () => {
      for await (const _ of aborted) stop.abort()
    })()
    await failure(reading, 'ABORTED')
    await failure(hooks.confirmArchive(aborted.id), 'ARCHIVE_INCOMPLETE')
    expect(await idsOf(of)).toHaveLength(all.length)
    const whole = hooks.archive(yesterday())
    const got = []
    for await (const { id } of whole) got.push(id)
    expect(got).toEqual(all.map(({ id }) => id))
    expect(await whole.confirm()).toBe(all.length)
    expect(await idsOf(of)).toEqual([])
  })

  test('of two at once, each deletes what it gave last, and nothing is deleted that neither confirmed', async () => {
    const { of, all, hooks } = await filled()
    const [first, second] = [hooks.archive(yesterday(), { pageSize: 4 }), hooks.archive(yesterday(), { pageSize: 6 })]
    const drain = async (archive: typeof first) => {
      const got: string[] = []
      for await (const { id } of archive) got.push(id)
      return got
    }
    const [one, two] = await Promise.all([drain(first), drain(second)])
    expect(new Set([...one, ...two]).size).toBe(all.length)
    const left = all.length - (await first.confirm())
    expect(await idsOf(of)).toHaveLength(left)
    expect(await second.confirm()).toBe(left)
    expect(await idsOf(of)).toEqual([])
  })
})

describe('bad input', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  const BAD: [string, string, unknown][] = [
    ['id', 'missing', undefined],
    ['id', 'a UUIDv4', 'f47ac10b-58cc-4372-a567-0e02b2c3d479'],
    ['hookId', 'empty', ''],
    ['hookId', '201 characters', 'x'.repeat(201)],
    ['hookType', 'a NUL character', 'a\0'],
    ['correlationId', 'a number', 7],
    ['occurredAt', 'an invalid Date', new Date(Number.NaN)],
    ['occurredAt', 'a text', '2024-01-01'],
    ['durationMs', 'below 0', -1],
    ['durationMs', 'NaN', Number.NaN],
    ['outcome', 'another word', 'maybe'],
    ['context', 'a cycle', cycle],
    ['context', '1 MiB and more', 'x'.repeat(1024 * 1024)],
    ['context', 'half of a surrogate pair', ['\ud800']],
    ['result', 'NaN', { a: Number.NaN }],
    ['result', 'too long', 'x'.repeat(65_536)],
    ['tags', 'too many', Array.from({ length: 51 }, () => 'x')],
    ['metadata', 'an array', []],
    ['metadata', 'a function in it', { f: () => 1 }],
    ['isSensitive', 'a text', 'yes'],
    ['priority', '11', 11],
    ['priority', 'half', 0.5],
    ['more', 'an unknown member', 1],
  ]
  test.each(BAD)('%s that is %s is refused, by name', async (member, _, value) => {
    const of = await newTenant(fleet())
    const error = await failure(of.memory.hooks.record([execution(), { ...execution(), [member]: value }]))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', field: `executions[1].${member}` })
    expect(error.message.length).toBeLessThan(400)
    expect(await idsOf(of)).toEqual([])
  })

  test('elsewhere it is refused by name too', async () => {
    const { hooks } = (await newTenant(fleet())).memory
    const refused: [Promise<unknown>, string][] = [
      [hooks.record([execution({ tags: ['a', ''] })]), 'executions[0].tags[1]'],
      [hooks.record(Array.from({ length: 1001 }, () => execution())), 'items'],
      [hooks.get('x'), 'id'],
      [hooks.get([uuidv7(), 'x']), 'ids[1]'],
      [hooks.list({ hookId: 'a', correlationId: 'b' }), 'options.correlationId'],
      [hooks.list({ after: 'x' }), 'options.after'],
      [hooks.list({ limit: 0 }), 'options.limit'],
      [hooks.applyRetention('medium' as never), 'retention'],
      [hooks.applyRetention('short', { rowsMax: 0 }), 'options.rowsMax'],
      [hooks.confirmArchive('x'), 'id'],
      [hooks.archives({ limit: -1 }), 'options.limit'],
    ]
    for (const [call, field] of refused) expect(await failure(call)).toMatchObject({ code: 'INPUT_INVALID', field })
    expect(() => hooks.archive('yesterday' as never)).toThrow(/before/)
    expect(() => hooks.archive(new Date(), { priorityMax: 11 })).toThrow(/options\.priorityMax/)
    await failure(hooks.confirmArchive(uuidv7()), 'ARCHIVE_UNKNOWN')
  })
})
