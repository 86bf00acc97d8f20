import { z } from 'zod'
import type { CallOptions } from '../../database/batch.js'
import type { Session } from '../../database/session.js'
import type { Statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { check } from '../../input.js'
import type { DurabilityHints } from './durability-hints.js'
import {
  COMPARE_AND_SET,
  type EncodedWrite,
  type EntryDeletion,
  type EntryKey,
  type EntryWrite,
  encodeDeletion,
  encodeWrite,
  entryDeletion,
  entryKey,
  entryWrite,
  GET_ENTRIES,
  type MetadataEntry,
  SET_ENTRIES,
  usualKey,
  usualWrite,
  type Written,
} from './entry.js'

/** Options of reads and writes of entries; how durable a write is, says its group or the write itself. */
export type EntryOptions = Pick<CallOptions, 'signal'>

/** The metadata of entities: one typed value a key. Each call needs a role of the agent in the entity's sync group. */
export interface Entries {
  /**
   * Sets a value and returns its version: 1 for a new key, one more with each write. One that changes nothing writes
   * nothing. Calls for one key that wait at the same time are written as one, the last, and settle with its version.
   * Errors: INPUT_INVALID, METADATA_ENTITY_UNKNOWN, PERMISSION_DENIED, QUOTA_EXCEEDED, VERSION_CONFLICT.
   */
  set(write: EntryWrite, options?: EntryOptions): Promise<number>
  /** Sets values, all or none: at most 1000, each key once. Their versions in order. Errors: as `set`. */
  setMany(writes: readonly EntryWrite[], options?: EntryOptions): Promise<number[]>
  /** True when the key was there. Errors: INPUT_INVALID, METADATA_ENTITY_UNKNOWN, PERMISSION_DENIED, VERSION_CONFLICT. */
  delete(deletion: EntryDeletion, options?: EntryOptions): Promise<boolean>
  /** Deletes keys, all or none: at most 1000, each key once. Errors: as `delete`. */
  deleteMany(deletions: readonly EntryDeletion[], options?: EntryOptions): Promise<boolean[]>
  /** The entry; undefined when the entity or the key is not there. Errors: INPUT_INVALID, PERMISSION_DENIED. */
  get(key: EntryKey, options?: EntryOptions): Promise<MetadataEntry | undefined>
  /** The entries in the order of the keys, at most 1000. */
  getMany(keys: readonly EntryKey[], options?: EntryOptions): Promise<(MetadataEntry | undefined)[]>
}

export const ENTRY_STATEMENTS: readonly Statement<unknown>[] = [SET_ENTRIES, COMPARE_AND_SET, GET_ENTRIES].map(
  (each) => each.statement as Statement<unknown>,
)

const CALL_LENGTH_MAX = 32 * 1024 * 1024

const writes = each(entryWrite)
const deletions = each(entryDeletion)
const keys = z.array(entryKey)

/** Many items, each key once. */
function each<Item extends z.ZodType<EntryKey>>(item: Item) {
  return z.array(item).superRefine((all, { addIssue }) => {
    const seen = new Set<string>()
    for (const [place, { entity, key }] of all.entries()) {
      const name = `${entity}\n${key}`
      if (seen.has(name)) addIssue({ code: 'custom', path: [place, 'key'], message: 'stands twice in one call' })
      seen.add(name)
    }
  })
}

let calls = 0

/** A number for the items of one call, which are written all or none though others travel with them. */
function nextCall(): number {
  calls = (calls + 1) % Number.MAX_SAFE_INTEGER
  return calls
}

export function createEntries(session: Session, agent: string | undefined, hints: DurabilityHints): Entries {
  const relaxed = ({ entity, durability }: EncodedWrite) =>
    durability !== 'durable' && hints.laneOf(session.tenant, entity) === 'async'
  const learn = ({ entity, durability }: EncodedWrite, written: Written) => {
    if (durability === undefined) hints.learn(session.tenant, entity, written.durability)
  }
  const writeOne = (item: EncodedWrite, { signal }: EntryOptions): Promise<Written[]> => {
    const operation = item.expected === undefined ? SET_ENTRIES : COMPARE_AND_SET
    const durability = relaxed(item) ? 'async' : 'durable'
    return session.submit(operation, [item], signal === undefined ? { durability } : { durability, signal })
  }
  const writeAll = async (items: readonly EncodedWrite[], { signal }: EntryOptions): Promise<Written[]> => {
    const length = items.reduce(
      (sum, { entity, key, value }) => sum + entity.length + key.length + (value?.length ?? 0),
      0,
    )
    if (length > CALL_LENGTH_MAX) {
      throw new FleetError('INPUT_INVALID', {
        message: `the items have ${length} characters, at most ${CALL_LENGTH_MAX} are allowed`,
        field: 'items',
      })
    }
    const operation = items.some(({ expected }) => expected !== undefined) ? COMPARE_AND_SET : SET_ENTRIES
    const durability = items.every(relaxed) ? 'async' : 'durable'
    const written = await session.submit(operation, items, { durability, ...(signal && { signal }) })
    for (const [place, item] of items.entries()) learn(item, written[place] as Written)
    return written
  }
  const get = (input: readonly EntryKey[], field: (place: number) => string, { signal }: EntryOptions) =>
    session.submit(
      GET_ENTRIES,
      input.map(({ entity, key }, place) => ({
        json: JSON.stringify({ entity, key, agent }),
        entity,
        key,
        agent,
        field: field(place),
      })),
      { ...(signal && { signal }) },
    )
  return {
    // Not an async function: what those keep of a call while it waits is a tenth of all that a hot key's write allocates.
    set(input, options = {}) {
      try {
        const item = encodeWrite(check('write', entryWrite, input, usualWrite), 'write', agent)
        return writeOne(item, options).then(([written]) => {
          learn(item, written as Written)
          return (written as Written).version
        })
      } catch (error) {
        return Promise.reject(error)
      }
    },
    async setMany(input, options = {}) {
      const call = nextCall()
      const items = check('writes', writes, input).map((write, place) =>
        encodeWrite(write, `writes[${place}]`, agent, call),
      )
      return (await writeAll(items, options)).map(({ version }) => version)
    },
    async delete(input, options = {}) {
      const item = encodeDeletion(check('deletion', entryDeletion, input), 'deletion', agent)
      const [written] = (await writeOne(item, options)) as [Written]
      learn(item, written)
      return written.wasThere
    },
    async deleteMany(input, options = {}) {
      const call = nextCall()
      const items = check('deletions', deletions, input).map((deletion, place) =>
        encodeDeletion(deletion, `deletions[${place}]`, agent, call),
      )
      return (await writeAll(items, options)).map(({ wasThere }) => wasThere)
    },
    async get(input, options = {}) {
      return (await get([check('key', entryKey, input, usualKey)], () => 'key', options))[0]
    },
    async getMany(input, options = {}) {
      return await get(check('keys', keys, input), (place) => `keys[${place}]`, options)
    },
  }
}
