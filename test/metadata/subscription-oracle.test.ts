import fc from 'fast-check'
import type { Tenant, Transaction } from 'pgfleet'
import { isFleetError } from 'pgfleet'
import type { ChangeMessage, GroupDurability, MetadataStore, SubscriptionOptions } from 'pgfleet/metadata'
import { expect, test } from 'vitest'
import { engine, openTestFleet, sql } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'
import { pause } from './feed-support.js'

// What a reader has made of its messages has to be what is stored in the end: whatever was written, moved, renamed and
// deleted by how many at once, in whichever order transactions were committed, and however often the reader came and went.
const fleet = await openTestFleet()

const GROUPS = ['ONE', 'TWO']
const CHANNELS = ['red', 'blue', null]
const NAMES = ['a', 'b', 'c', 'd']
const KEYS = ['x', 'y', 'z']

type Step =
  | { do: 'set' | 'delete'; name: string; key: string }
  | { do: 'move'; name: string; group: string; channel: string | null }
  | { do: 'rename'; name: string; to: string }
  | { do: 'drop' | 'create'; name: string; group: string; channel: string | null }

const name = fc.constantFrom(...NAMES)
const key = fc.constantFrom(...KEYS)
const place = { group: fc.constantFrom(...GROUPS), channel: fc.constantFrom(...CHANNELS) }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('set' as const), name, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), name, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), name, ...place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const), name, to: name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('drop' as const, 'create' as const), name, ...place }) },
)
/** What one writer does: transactions of some steps, each kept open for a while, and some rolled back. */
const writer = fc.array(
  fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 3 }),
    openMs: fc.integer({ min: 0, max: 15 }),
    isPlain: fc.boolean(),
    isRolledBack: fc.nat(9).map((n) => n === 0),
  }),
  { minLength: 5, maxLength: 12 },
)
const reader = fc.record({
  group: place.group,
  channel: fc.option(fc.constantFrom('red', 'blue'), { nil: undefined }),
  entities: fc.option(fc.uniqueArray(name, { minLength: 1 }), { nil: undefined }),
  keys: fc.option(fc.uniqueArray(key, { minLength: 1 }), { nil: undefined }),
  /** After so many messages it leaves, and comes back with its cursor. */
  lives: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 }),
})
const durability = fc.constantFrom<GroupDurability>('durable', 'async', 'volatile')
type Reader = typeof reader extends fc.Arbitrary<infer T> ? T : never

let value = 0

async function write({ metadata }: { metadata: MetadataStore }, each: Step): Promise<void> {
  switch (each.do) {
    case 'set':
      value += 1
      await metadata.set({ entity: each.name, key: each.key, value })
      return
    case 'delete':
      await metadata.delete({ entity: each.name, key: each.key })
      return
    case 'move':
      await metadata.entities.update({ name: each.name, syncGroup: each.group, channel: each.channel })
      return
    case 'rename':
      await metadata.entities.update({ name: each.name, rename: each.to })
      return
    case 'drop':
      await metadata.entities.delete(each.name)
      return
    case 'create':
      await metadata.entities.create({ name: each.name, syncGroup: each.group, channel: each.channel })
  }
}

/** What a concurrent writer, or an entity that is not there, refuses. */
const isExpected = (error: unknown) =>
  isFleetError(error) &&
  ['METADATA_ENTITY_UNKNOWN', 'METADATA_ENTITY_EXISTS', 'CONFLICT', 'TRANSACTION_ENDED', 'INPUT_INVALID'].includes(
    error.code,
  )

async function run(tenant: Tenant, work: typeof writer extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  for (const { steps, openMs, isPlain, isRolledBack } of work) {
    try {
      if (isPlain || engine === 'embedded') {
        for (const each of steps) await write(tenant, each)
      } else {
        await tenant.transaction(async (tx: Transaction) => {
          for (const each of steps) {
            await write(tx, each)
            await pause(openMs)
          }
          if (isRolledBack) throw new Error('rolled back')
        })
      }
    } catch (error) {
      if (!isExpected(error) && (error as Error).message !== 'rolled back') throw error
    }
  }
}

const transactionOf = (cursor: string | undefined) => BigInt(cursor?.split(':')[1] ?? 0)

/** Follows a group until everything up to a transaction has come; what it knows then. */
async function follow(
  { metadata }: Tenant,
  { lives, channel, entities, keys, group }: Reader,
  begin: string,
  last: () => bigint | undefined,
): Promise<Map<string, unknown>> {
  const known = new Map<string, { id: string; version: number; value: unknown }>()
  const apply = (message: ChangeMessage) => {
    if (message.kind === 'left') {
      for (const at of [...known.keys()]) if (at.startsWith(`${message.entity}.`)) known.delete(at)
      return
    }
    const at = `${message.entity}.${message.key}`
    const before = known.get(at)
    if (before?.id === message.entityId) expect(message.version).toBeGreaterThanOrEqual(before.version)
    if (message.kind === 'deleted') known.delete(at)
    else known.set(at, { id: message.entityId, version: message.version, value: message.value })
  }
  const options: SubscriptionOptions = {
    group,
    ...(channel === undefined ? {} : { channel }),
    ...(entities && { entities }),
    ...(keys && { keys }),
  }
  let cursor = begin
  for (const life of [...lives, Number.POSITIVE_INFINITY]) {
    const subscription = metadata.subscribe({ ...options, cursor })
    const reached = async () => {
      for (let i = 0; i < 3000; i++) {
        const end = last()
        if (end !== undefined && transactionOf(subscription.cursor) > end) return
        await pause(10)
      }
      throw new Error('the end of the log was not reached')
    }
    const end = reached().finally(() => subscription.return())
    let count = 0
    for await (const message of subscription) {
      apply(message)
      cursor = message.cursor
      count += 1
      if (count >= life) break
    }
    if (count < life) {
      await end
      break
    }
    end.catch(() => {})
  }
  return new Map([...known].map(([at, { value }]) => [at, value]))
}

/** What is stored, by the same conditions. */
async function stored({ metadata }: Tenant, { group, channel, entities, keys }: Reader): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>()
  for (const entity of await metadata.list({ group, ...(channel === undefined ? {} : { channel }) })) {
    if (entities !== undefined && !entities.includes(entity.name)) continue
    for (const entry of entity.entries) {
      if (keys === undefined || keys.includes(entry.key)) found.set(`${entity.name}.${entry.key}`, entry.value)
    }
  }
  return found
}

test('every reader ends with what is stored', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(writer, { minLength: 2, maxLength: 5 }),
      fc.array(reader, { minLength: 2, maxLength: 5 }),
      fc.tuple(durability, durability),
      async (writers, readers, durabilities) => {
        const tenant = await newTenant(fleet)
        for (const [n, group] of GROUPS.entries()) {
          await tenant.metadata.groups.set({ name: group, tickMs: 5, durability: durabilities[n] as GroupDurability })
        }
        const begin = (await tenant.metadata.changesSince('now', { group: 'ONE' })).cursor
        await tenant.metadata.entities.create(NAMES.slice(0, 3).map((each) => ({ name: each, syncGroup: 'ONE' })))
        let last: bigint | undefined
        const following = readers.map((each) => follow(tenant, each, begin, () => last))
        const ended = Promise.all(following)
        ended.catch(() => {})
        let isWriting = true
        const upkeep = (async () => {
          while (isWriting) {
            await tenant.metadata.mergeVolatile({ rowsMax: 3 })
            await pause(7)
          }
        })()
        await Promise.all(writers.map((work) => run(tenant, work)))
        isWriting = false
        await upkeep
        // Written, so that its commit waits for the disk: positions go on where all is there.
        const [row] = await sql<{ id: string }>(
          fleet,
          `select pg_current_xact_id()::text as id from pg_logical_emit_message(true, 'test', '')`,
        )
        last = BigInt(row?.id ?? 0)
        for (const [n, known] of (await ended).entries()) {
          expect(known).toEqual(await stored(tenant, readers[n] as Reader))
        }
      },
    ),
    { numRuns: engine === 'embedded' ? 10 : 40, endOnFailure: true },
  )
})
