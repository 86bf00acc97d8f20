import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError } from '../../errors.js'
import { Server, type ServerState } from './server.js'

/** How the primary is looked for. */
export interface PrimaryOptions {
  /** How often every server is asked what it is, in milliseconds. */
  readonly pollMs: number
  /** Longest wait for a primary, in milliseconds. */
  readonly waitMs: number
}

/** Longest time for the answer of one server, in milliseconds: one that hangs does not hide the others. */
const ANSWER_MS_MAX = 2000
/** Pause between two looks while there is no primary, in milliseconds. */
const PAUSE_MS = 200

/**
 * Which of several servers is the primary. Connections are made to it alone; and never to a server on an older timeline
 * than one that was seen before, for that is an old primary which came back after another was promoted. While two of the
 * newest timeline take writes, neither is chosen anew.
 */
export class Primary {
  readonly #servers: readonly Server[]
  readonly #options: PrimaryOptions
  readonly #followers = new Set<() => void>()
  #current: Server | undefined
  /** The last one that was chosen, also while it is in doubt. */
  #last: Server
  /** The newest that was seen. */
  #timeline = 0
  #system: string | null = null
  #looking: Promise<void> | undefined
  #findings = 'nobody was asked yet'
  #timer: NodeJS.Timeout | undefined

  /** @param urls of the servers, one at least */
  constructor(urls: readonly string[], options: PrimaryOptions) {
    this.#servers = urls.map((url) => new Server(url))
    this.#last = this.#servers[0] as Server
    this.#options = options
  }

  /** The server that new connections go to. */
  get target(): Server {
    return this.#current ?? this.#last
  }

  /** Longest time for the answer of one server, in milliseconds. */
  get answerMs(): number {
    return Math.min(ANSWER_MS_MAX, this.#options.waitMs)
  }

  /** Watches the servers for as long as somebody follows; `moved` is told when another is the primary. Returns how to stop. */
  follow(moved: () => void): () => void {
    this.#followers.add(moved)
    if (this.#followers.size === 1) this.#later()
    return () => {
      this.#followers.delete(moved)
      if (this.#followers.size > 0) return
      clearTimeout(this.#timer)
      for (const server of this.#servers) server.close()
    }
  }

  /** The primary, as soon as there is one. Errors: PRIMARY_UNAVAILABLE at `end`, by performance.now(). */
  async find(end: number): Promise<Server> {
    for (;;) {
      if (this.#current !== undefined) return this.#current
      await this.#look()
      if (this.#current !== undefined) return this.#current
      if (performance.now() + PAUSE_MS > end) {
        throw new FleetError('PRIMARY_UNAVAILABLE', { message: `no server takes writes: ${this.#findings}` })
      }
      await sleep(PAUSE_MS)
    }
  }

  /** Something failed there: all are asked before it is used again. */
  suspect(server: Server): void {
    if (this.#current === server) this.#current = undefined
  }

  /** Why a connection to that server must not be used, which is in this state; undefined when it may be. */
  refusal(state: ServerState): string | undefined {
    if (state.recovering || state.timeline === null) return 'a standby'
    if (this.#system !== null && state.system !== null && state.system !== this.#system) return 'of another cluster'
    if (state.timeline < this.#timeline) {
      return `an old primary on timeline ${state.timeline}, the newest is ${this.#timeline}`
    }
    this.#timeline = state.timeline
    return undefined
  }

  /** Asks all servers, once for all who want to know. */
  async #look(): Promise<void> {
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  async #lookNow(): Promise<void> {
    const answers = await Promise.all(
      this.#servers.map(async (server) => ({ server, state: await server.ask(this.answerMs) })),
    )
    const known = answers.flatMap(({ server, state }) => (state instanceof Error ? [] : [{ server, state }]))
    // The newest first, so that it is what the others are measured by.
    known.sort((a, b) => (b.state.timeline ?? 0) - (a.state.timeline ?? 0))
    const able = known.filter(({ state }) => this.refusal(state) === undefined)
    this.#findings = answers
      .map(({ server, state }) => {
        if (state instanceof Error) return `${server.name} does not answer (${state.message || 'no reason given'})`
        return `${server.name} is ${this.refusal(state) ?? `a primary on timeline ${state.timeline}`}`
      })
      .join(', ')
    const chosen = able.find(({ server }) => server === this.#current) ?? able[0]
    if (chosen === undefined) {
      // Who does not answer may come back; who is a standby, or old, is left.
      const now = known.find(({ server }) => server === this.#current)
      if (now !== undefined) this.#current = undefined
      return
    }
    // Two that both take writes: rows are in one that are not in the other, and nobody here knows which counts.
    if (chosen.server !== this.#current && able.some(({ state }) => state.started !== chosen.state.started)) {
      this.#current = undefined
      return
    }
    this.#system ??= chosen.state.system
    const moved = this.#last !== chosen.server
    this.#current = chosen.server
    this.#last = chosen.server
    if (moved) for (const tell of this.#followers) tell()
  }

  #later(): void {
    this.#timer = setTimeout(async () => {
      await this.#look()
      if (this.#followers.size > 0) this.#later()
    }, this.#options.pollMs)
    // Whoever calls keeps the process alive, not this.
    this.#timer.unref()
  }
}
