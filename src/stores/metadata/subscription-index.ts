import type { LoggedChange } from './change.js'

/** What an index needs to know of who follows a group. */
export interface Follower {
  readonly channel: string | undefined
  readonly entities: ReadonlySet<string> | undefined
  readonly keys: ReadonlySet<string> | undefined
}

/** Entities times keys of one follower, up to which each pair is looked up by itself. */
const PAIRS_MAX = 1000

/**
 * Finds who wants a change, without asking all: each follower stands under the narrowest of what it asks for, and only
 * those found there are asked for the rest.
 */
export class SubscriptionIndex<F extends Follower> {
  readonly #byPair = new Map<string, Set<F>>()
  readonly #byEntity = new Map<string, Set<F>>()
  readonly #byKey = new Map<string, Set<F>>()
  readonly #byChannel = new Map<string, Set<F>>()
  readonly #others = new Set<F>()
  readonly #all = new Set<F>()

  get size(): number {
    return this.#all.size
  }

  [Symbol.iterator](): IterableIterator<F> {
    return this.#all.values()
  }

  add(follower: F): void {
    this.#all.add(follower)
    for (const [map, name] of this.#placesOf(follower)) {
      const there = map.get(name)
      if (there === undefined) map.set(name, new Set([follower]))
      else there.add(follower)
    }
    if (this.#isOther(follower)) this.#others.add(follower)
  }

  delete(follower: F): void {
    if (!this.#all.delete(follower)) return
    this.#others.delete(follower)
    for (const [map, name] of this.#placesOf(follower)) {
      const there = map.get(name)
      there?.delete(follower)
      if (there?.size === 0) map.delete(name)
    }
  }

  /** Those who want the change. */
  *find({ change, isHere }: LoggedChange): Generator<F, void, undefined> {
    if (change.kind === 'left') {
      // Whatever the keys that are followed. An entity that is still in the group has left its channel alone.
      for (const follower of this.#all) {
        if (isHere && follower.channel === undefined) continue
        if (follower.channel !== undefined && follower.channel !== change.channel) continue
        if (follower.entities === undefined || follower.entities.has(change.entity)) yield follower
      }
      return
    }
    const { entity, key, channel } = change
    // In every place it is the only condition that was not looked at yet.
    for (const follower of this.#byPair.get(pair(entity, key)) ?? []) if (isIn(follower, channel)) yield follower
    for (const follower of this.#byEntity.get(entity) ?? []) {
      if (isIn(follower, channel) && (follower.keys === undefined || follower.keys.has(key))) yield follower
    }
    for (const follower of this.#byKey.get(key) ?? []) if (isIn(follower, channel)) yield follower
    if (channel !== null) yield* this.#byChannel.get(channel) ?? []
    yield* this.#others
  }

  *#placesOf(follower: F): Generator<[Map<string, Set<F>>, string], void, undefined> {
    const { entities, keys, channel } = follower
    if (entities !== undefined && keys !== undefined && entities.size * keys.size <= PAIRS_MAX) {
      for (const entity of entities) for (const key of keys) yield [this.#byPair, pair(entity, key)]
    } else if (entities !== undefined) {
      for (const entity of entities) yield [this.#byEntity, entity]
    } else if (keys !== undefined) {
      for (const key of keys) yield [this.#byKey, key]
    } else if (channel !== undefined) {
      yield [this.#byChannel, channel]
    }
  }

  #isOther({ entities, keys, channel }: F): boolean {
    return entities === undefined && keys === undefined && channel === undefined
  }
}

const pair = (entity: string, key: string) => `${entity}\0${key}`

const isIn = (follower: Follower, channel: string | null) =>
  follower.channel === undefined || follower.channel === channel
