import pg from 'pg'
import { FleetError } from '../errors.js'
import { toFleetError } from './failure.js'

/** Where a process hears of the writes of others. */
export interface ListenOptions {
  /**
   * A direct url of the server, not of a pooler: LISTEN is silently dead behind one in transaction mode. It is one more
   * connection, opened when the first subscription is made.
   */
  readonly url: string
  /** Told why there is no connection; it is tried again by itself, and subscriptions look by themselves meanwhile. */
  readonly onError?: ((error: FleetError) => void) | undefined
}

/** Where notifications come from. */
export interface ListenerOptions {
  /** A direct url of the server: a pooler in transaction mode delivers nothing. */
  readonly url: string
  readonly connectTimeoutMs: number
  /** Told of each notification; undefined after a time without a connection, in which some may have been missed. */
  readonly onNotification: (payload: string | undefined) => void
  /** Told why there is no connection; it is tried again by itself. */
  readonly onError: (error: FleetError) => void
}

/** Longest wait before the next attempt, in milliseconds. */
const RETRY_MS_MAX = 10_000

/**
 * Listens on one channel, on a connection of its own. It is made on first need, and made again when it is lost. Whoever
 * uses it must do without it, too: a notification is a hint to look earlier, never what tells of a change.
 */
export class Listener {
  readonly #channel: string
  readonly #options: ListenerOptions
  #client: pg.Client | undefined
  #retry: NodeJS.Timeout | undefined
  #retryMs = 50
  #state: 'idle' | 'open' | 'closed' = 'idle'
  #opening: Promise<void> = Promise.resolve()

  /** @param channel a name of small letters and underscores */
  constructor(channel: string, options: ListenerOptions) {
    this.#channel = channel
    this.#options = options
  }

  /** Begins to listen; harmless to repeat. */
  open(): void {
    if (this.#state !== 'idle') return
    this.#state = 'open'
    this.#opening = this.#connect()
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    clearTimeout(this.#retry)
    await this.#opening
    await this.#client?.end().catch(() => {})
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.url,
      connectionTimeoutMillis: this.#options.connectTimeoutMs,
      application_name: 'pgfleet listen',
      keepAlive: true,
    })
    let isLost = false
    const lose = (error: unknown) => {
      if (isLost) return
      isLost = true
      void client.end().catch(() => {})
      if (this.#client === client) this.#client = undefined
      if (this.#state === 'closed') return
      this.#options.onError(
        error instanceof FleetError ? error : toFleetError(error ?? new Error('Connection terminated'), false),
      )
      this.#retry = setTimeout(() => {
        this.#opening = this.#connect()
      }, this.#retryMs)
      // Whoever subscribes keeps the process alive, not this.
      this.#retry.unref()
      this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2)
    }
    client.on('error', lose)
    client.on('end', () => lose(undefined))
    client.on('notification', ({ payload }) => this.#options.onNotification(payload ?? ''))
    try {
      await client.connect()
      await client.query(`listen ${this.#channel}`)
    } catch (error) {
      lose(error)
      return
    }
    if (isLost) return
    this.#client = client
    this.#retryMs = 50
    this.#options.onNotification(undefined)
  }
}
