import { LRUCache } from 'lru-cache'
import type { Operation } from '../batch.js'
import { CACHE_DEFAULTS, type CacheOptions } from './cache-options.js'
import { type CachedRead, storeOf } from './cached-read.js'
import type { Changes } from './changes.js'
import { type Moment, systemClock } from './moment.js'
import { type Notices, type NoticesLink, plainNotices } from './notices.js'

/** What a cache did since opening, in items of calls that may be answered by it. */
export interface CacheReport {
  /** `none`: the fleet has no cache. */
  readonly kind: 'none' | CacheOptions['kind']
  /** False while it is not used: it has no connection to the server that tells of others' writes. */
  readonly isReady: boolean
  /** Answered by it. */
  readonly hits: number
  /** Answered by the database, and kept where possible. */
  readonly misses: number
  /** Answered by the database because the cache was not ready. */
  readonly bypassed: number
  /** Dropped because of a write, of this process or another. */
  readonly dropped: number
  /** Times that everything was dropped: the connection was lost, or the server asked for it. */
  readonly emptied: number
  /** Subjects kept at present, stale ones too. */
  readonly items: number
  /** What they take, estimated. */
  readonly bytes: number
  /** Why it was last not ready; null when it always was. */
  readonly lastError: string | null
}

/** The subjects of one tenant's store; replaced by a new one when all of them are dropped. */
interface Space {
  isDropped: boolean
}

/** One answer. */
interface Kept {
  readonly text: string
  /** Before it was asked for. */
  readonly askedAt: Moment
}

/** The answers about one subject, by reader. */
interface Subject {
  readonly space: Space
  readonly byReader: Map<string, Kept>
  bytes: number
}

/** Loads of one subject that are under way; none of them is kept once the subject has changed. */
interface Load {
  readonly space: Space
  count: number
  hasChanged: boolean
}

/** Tenants' stores that are told apart; beyond it everything is dropped once. */
const SPACES_MAX = 10_000
/** Readers of one subject that are told apart; beyond it those of the subject are dropped. */
const READERS_MAX = 1000
/** Calls that are answered within one turn of the event loop. */
const TURN_ANSWERS_MAX = 1000
/** Taken by a subject, and by an answer, beside their texts: a rough estimate. */
const SUBJECT_BYTES = 300
const ANSWER_BYTES = 150

/**
 * Answers of hot reads, kept in this process for `staleMs` from the moment before they were asked for, by a clock that is
 * never put back. Dropped when a write of this process settles, before its caller hears of it, and when another process tells
 * of one. A read that was under way then is not kept: it may have seen the state before.
 */
export class ReadCache {
  readonly #options: CacheOptions
  readonly #clock: () => Moment
  readonly #notices: Notices
  readonly #subjects: LRUCache<string, Subject>
  readonly #loads = new Map<string, Load>()
  readonly #spaces = new Map<string, Space>()
  readonly #counts = { hits: 0, misses: 0, bypassed: 0, dropped: 0, emptied: 0 }
  #answeredThisTurn = 0
  #isClosed = false

  /** @param link to the server that carries notices between processes. @param clock for tests */
  constructor(options: CacheOptions, link?: NoticesLink, clock: () => Moment = systemClock) {
    this.#options = options
    this.#clock = clock
    this.#subjects = new LRUCache<string, Subject>({
      max: options.itemsMax ?? CACHE_DEFAULTS.itemsMax,
      maxSize: options.bytesMax ?? CACHE_DEFAULTS.bytesMax,
      sizeCalculation: ({ bytes }) => bytes,
    })
    const told = { changed: (name: string) => this.#drop(name), lost: () => this.#dropAll() }
    this.#notices = link === undefined ? plainNotices : link(told)
  }

  /** Connects; resolves when it is ready, or is known not to be for now. */
  async open(): Promise<void> {
    await this.#notices.open()
  }

  /** The results in the order of the items: from the cache, and for the others from `load`, which is asked once. */
  read<Item, Row, Result>(
    operation: Operation<Item, Row, Result>,
    cached: CachedRead<Item, Result>,
    tenant: string,
    items: readonly Item[],
    load: (missing: readonly Item[]) => Promise<Result[]>,
  ): Promise<Result[]> {
    if (this.#isClosed || items.length > operation.itemsMax) return load(items)
    if (!this.#notices.isReady) {
      this.#counts.bypassed += items.length
      return load(items)
    }
    const store = storeOf(operation.name)
    const names = items.map((item) => this.#nameOf(tenant, store, cached.subject(item)))
    const now = this.#clock()
    const results: Result[] = []
    const missing: number[] = []
    for (const [place, item] of items.entries()) {
      const kept = this.#find(names[place] as string, `${operation.name}\n${cached.reader?.(item) ?? ''}`, now)
      if (kept === undefined) missing.push(place)
      else results[place] = cached.unpack(kept.text, item)
    }
    this.#counts.hits += items.length - missing.length
    this.#counts.misses += missing.length
    if (missing.length === 0) return this.#answer(results)
    return this.#load(operation, cached, this.#nameOf(tenant, store), { items, names, results, missing }, load)
  }

  /**
   * At once, but lets timers and sockets have a turn now and then: callers that go on as soon as they are answered would
   * starve them, and with them the notices.
   */
  #answer<Result>(results: Result[]): Promise<Result[]> {
    this.#answeredThisTurn++
    if (this.#answeredThisTurn === 1) {
      setImmediate(() => {
        this.#answeredThisTurn = 0
      })
    }
    if (this.#answeredThisTurn < TURN_ANSWERS_MAX) return Promise.resolve(results)
    return new Promise((resolve) => setImmediate(resolve, results))
  }

  async #load<Item, Row, Result>(
    operation: Operation<Item, Row, Result>,
    cached: CachedRead<Item, Result>,
    spaceName: string,
    call: {
      readonly items: readonly Item[]
      readonly names: readonly string[]
      readonly results: Result[]
      readonly missing: readonly number[]
    },
    load: (missing: readonly Item[]) => Promise<Result[]>,
  ): Promise<Result[]> {
    const { items, names, results, missing } = call
    const space = this.#spaceOf(spaceName)
    const wanted = missing.map((place) => names[place] as string)
    const loads = wanted.map((name) => this.#begin(name, space))
    try {
      const isWatched = await this.#notices.watch([...wanted, spaceName])
      const askedAt = this.#clock()
      const loaded = await load(missing.map((place) => items[place] as Item))
      for (const [index, place] of missing.entries()) {
        const result = loaded[index] as Result
        results[place] = result
        if (!isWatched || loads[index]?.hasChanged || space.isDropped || this.#isClosed) continue
        const text = cached.pack(result)
        const reader = `${operation.name}\n${cached.reader?.(items[place] as Item) ?? ''}`
        if (text !== undefined) this.#keep(names[place] as string, space, reader, { text, askedAt })
      }
      return results
    } finally {
      for (const [index, name] of wanted.entries()) this.#end(name, loads[index] as Load)
    }
  }

  /** Drops what was changed; other processes are told of it. */
  changed(tenant: string, changes: Changes): void {
    if (changes.isEmpty) return
    const names: string[] = []
    for (const store of changes.stores) names.push(this.#nameOf(tenant, store))
    for (const [store, subjects] of changes.subjects) {
      for (const subject of subjects) names.push(this.#nameOf(tenant, store, subject))
    }
    for (const name of names) this.#drop(name)
    this.#notices.tell(names)
  }

  report(): CacheReport {
    return {
      kind: this.#options.kind,
      isReady: this.#notices.isReady && !this.#isClosed,
      ...this.#counts,
      items: this.#subjects.size,
      bytes: this.#subjects.calculatedSize,
      lastError: this.#notices.lastError,
    }
  }

  /** Answers nothing any more. A second close is harmless. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#dropAll()
    await this.#notices.close()
  }

  #nameOf(tenant: string, store: string, subject?: string): string {
    return this.#notices.nameOf(subject === undefined ? `${tenant}\n${store}` : `${tenant}\n${store}\n${subject}`)
  }

  #find(name: string, reader: string, now: Moment): Kept | undefined {
    const subject = this.#subjects.get(name)
    if (subject === undefined || subject.space.isDropped) return undefined
    const kept = subject.byReader.get(reader)
    if (kept === undefined) return undefined
    // The older of the two ages counts: one clock stands still while the machine sleeps, the other may be put back.
    const { staleMs } = this.#options
    const isFresh = now.steadyMs - kept.askedAt.steadyMs <= staleMs && now.wallMs - kept.askedAt.wallMs <= staleMs
    return isFresh ? kept : undefined
  }

  #keep(name: string, space: Space, reader: string, kept: Kept): void {
    const there = this.#subjects.peek(name)
    const empty = () => SUBJECT_BYTES + 2 * name.length
    const subject = there?.space === space ? there : { space, byReader: new Map<string, Kept>(), bytes: empty() }
    const before = subject.byReader.get(reader)
    // Another that was asked for later has come first.
    if (before !== undefined && before.askedAt.steadyMs > kept.askedAt.steadyMs) return
    if (before === undefined && subject.byReader.size >= READERS_MAX) {
      subject.byReader.clear()
      subject.bytes = empty()
    }
    subject.byReader.set(reader, kept)
    subject.bytes += bytesOf(reader, kept) - (before === undefined ? 0 : bytesOf(reader, before))
    // Told anew how large it is.
    this.#subjects.delete(name)
    this.#subjects.set(name, subject)
  }

  #begin(name: string, space: Space): Load {
    const there = this.#loads.get(name)
    if (there !== undefined && there.space === space) {
      there.count++
      return there
    }
    const load = { space, count: 1, hasChanged: false }
    this.#loads.set(name, load)
    return load
  }

  #end(name: string, load: Load): void {
    load.count--
    if (load.count === 0 && this.#loads.get(name) === load) this.#loads.delete(name)
  }

  #spaceOf(name: string): Space {
    const there = this.#spaces.get(name)
    if (there !== undefined) return there
    if (this.#spaces.size >= SPACES_MAX) this.#dropAll()
    const space = { isDropped: false }
    this.#spaces.set(name, space)
    return space
  }

  /** Drops a subject, or all of a tenant's store, whichever bears the name. */
  #drop(name: string): void {
    const load = this.#loads.get(name)
    if (load !== undefined) {
      load.hasChanged = true
      // Whoever asks from now on sees the change.
      this.#loads.delete(name)
    }
    const space = this.#spaces.get(name)
    if (space !== undefined) {
      space.isDropped = true
      this.#spaces.delete(name)
    }
    if (this.#subjects.delete(name) || space !== undefined) this.#counts.dropped++
  }

  #dropAll(): void {
    for (const space of this.#spaces.values()) space.isDropped = true
    this.#spaces.clear()
    this.#loads.clear()
    this.#subjects.clear()
    this.#counts.emptied++
  }
}

function bytesOf(reader: string, { text }: Kept): number {
  return ANSWER_BYTES + 2 * (reader.length + text.length)
}
