import { hash } from 'node:crypto'
import { FleetError } from '../../errors.js'
import { CACHE_DEFAULTS, type ValkeyCacheOptions } from './cache-options.js'
import type { Notices, NoticesLink, NoticesListener } from './notices.js'

/** The pause after the first connection that failed, in milliseconds; it doubles up to the greatest. */
const RETRY_MS = 100
const RETRY_MS_MAX = 5000
/** Longest wait for a connection, in milliseconds, if answers may not take longer. */
const CONNECT_MS = 1000
/** Names that wait to be told; beyond it the connection is given up rather than fall behind for ever. */
const NAMES_MAX = 100_000
/** Commands that wait for an answer. */
const COMMANDS_MAX = 100_000

/** The package of the client; only who uses this kind of cache needs it. */
type Package = typeof import('@redis/client')
type Client = ReturnType<typeof connection>

function connection({ createClient }: Package, { url, timeoutMs = CACHE_DEFAULTS.timeoutMs }: ValkeyCacheOptions) {
  return createClient({
    url,
    RESP: 3,
    // CLIENT TRACKING: whatever this connection has asked for, it is told of when it changes.
    emitInvalidate: true,
    disableOfflineQueue: true,
    commandsQueueMaxLength: COMMANDS_MAX,
    socket: { reconnectStrategy: false, connectTimeout: Math.max(timeoutMs, CONNECT_MS) },
  })
}

/**
 * Notices by way of a Valkey or Redis server. Who keeps an answer first asks for the key of its name, which need not exist: from
 * then on the server remembers it, and tells when the key is written. Who writes, writes that key and removes it. Both go
 * over one connection in their order; whatever it loses, is lost with the connection, and then everything is dropped.
 *
 * Errors of the link: OPTIONS_INVALID when the package of the client is missing.
 */
export async function valkeyLink(options: ValkeyCacheOptions): Promise<NoticesLink> {
  let client: Package
  try {
    client = await import('@redis/client')
  } catch (cause) {
    throw new FleetError('OPTIONS_INVALID', {
      message: `option cache.kind: 'valkey' needs the package @redis/client`,
      field: 'cache.kind',
      hint: 'npm install @redis/client',
      cause,
    })
  }
  return (listener) => new ValkeyNotices(client, options, listener)
}

class ValkeyNotices implements Notices {
  readonly #package: Package
  readonly #options: ValkeyCacheOptions
  readonly #prefix: string
  readonly #timeoutMs: number
  readonly #listener: NoticesListener
  /** The connection that is ready; none while notices may be missed. */
  #client: Client | undefined
  /** One that is being made. */
  #next: Client | undefined
  #retry: NodeJS.Timeout | undefined
  #retryMs = RETRY_MS
  /** When the commands left that wait for an answer, in their order. */
  readonly #sent = new Set<{ readonly at: number }>()
  #watchdog: NodeJS.Timeout | undefined
  /** Names to be asked for, and the answer to all of them. */
  readonly #wanted = new Set<string>()
  #asking: Promise<boolean> | undefined
  /** Names to be told. */
  readonly #names = new Set<string>()
  #isTelling = false
  #isClosed = false
  lastError: string | null = null

  constructor(client: Package, options: ValkeyCacheOptions, listener: NoticesListener) {
    this.#package = client
    this.#options = options
    this.#prefix = options.prefix ?? CACHE_DEFAULTS.prefix
    this.#timeoutMs = options.timeoutMs ?? CACHE_DEFAULTS.timeoutMs
    this.#listener = listener
  }

  get isReady(): boolean {
    return this.#client !== undefined
  }

  async open(): Promise<void> {
    await this.#connect()
  }

  nameOf(text: string): string {
    return hash('sha256', text, 'base64url')
  }

  watch(names: readonly string[]): Promise<boolean> | boolean {
    const client = this.#client
    if (client === undefined) return false
    for (const name of names) this.#wanted.add(this.#prefix + name)
    this.#asking ??= this.#ask(client)
    return this.#asking
  }

  /** Asks for all that is wanted in this turn of the event loop at once. */
  async #ask(client: Client): Promise<boolean> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#asking = undefined
    const wanted = [...this.#wanted]
    this.#wanted.clear()
    if (this.#client !== client) return false
    // Before: what is told makes the server forget who has asked.
    this.#flush()
    return await this.#answered(client, client.mGet(wanted))
  }

  tell(names: readonly string[]): void {
    if (this.#client === undefined) return
    for (const name of names) this.#names.add(this.#prefix + name)
    if (this.#names.size > NAMES_MAX) this.#lose(this.#client, new Error('too many names wait to be told'))
    if (this.#isTelling) return
    this.#isTelling = true
    // What a batch has written settles together, and is told together.
    setImmediate(() => {
      this.#isTelling = false
      this.#flush()
    })
  }

  #flush(): void {
    const told = [...this.#names]
    this.#names.clear()
    const client = this.#client
    if (client === undefined || told.length === 0) return
    void this.#answered(client, client.mSet(told.flatMap((name) => [name, ''])))
    void this.#answered(client, client.unlink(told))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    const client = this.#client
    if (client !== undefined) {
      // What the last writes changed is still told: it leaves before this, and is answered before it.
      this.#flush()
      await this.#answered(client, client.ping())
    }
    this.#client = undefined
    clearTimeout(this.#watchdog)
    for (const each of [client, this.#next]) each?.destroy()
  }

  /** Makes a connection, or tries again later. */
  async #connect(): Promise<void> {
    const client = connection(this.#package, this.#options)
    this.#next = client
    client.on('error', (error: Error) => this.#lose(client, error))
    client.on('end', () => this.#lose(client, new Error('the connection was closed')))
    client.on('invalidate', (key: unknown) => {
      if (key === null) this.#listener.lost()
      else this.#listener.changed(String(key).slice(this.#prefix.length))
    })
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<never>((_, reject) => {
      const limitMs = Math.max(this.#timeoutMs, CONNECT_MS)
      timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs)
    })
    try {
      const ready = (async () => {
        await client.connect()
        // Own changes are dropped here already; their names are told before they are asked for again, so none is missed.
        await client.clientTracking(true, { NOLOOP: true })
        const { flags } = await client.clientTrackingInfo()
        if (!flags.includes('noloop')) throw new Error('the server does not track keys')
      })()
      await Promise.race([ready, limit])
      if (this.#isClosed) throw new Error('closed')
      this.#client = client
      this.#retryMs = RETRY_MS
    } catch (error) {
      this.#lose(client, error as Error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** True when the answer came, over the connection that is still the one. */
  async #answered(client: Client, answer: Promise<unknown>): Promise<boolean> {
    const sent = { at: performance.now() }
    this.#sent.add(sent)
    this.#arm(this.#timeoutMs)
    try {
      await answer
      return this.#client === client
    } catch (error) {
      this.#lose(client, error as Error)
      return false
    } finally {
      this.#sent.delete(sent)
    }
  }

  #arm(delayMs: number): void {
    if (this.#watchdog !== undefined) return
    this.#watchdog = setTimeout(() => {
      // An answer that has come while this process was busy is read first.
      setImmediate(() => {
        this.#watchdog = undefined
        const [oldest] = this.#sent
        if (oldest === undefined || this.#client === undefined) return
        const leftMs = oldest.at + this.#timeoutMs - performance.now()
        if (leftMs > 0) this.#arm(leftMs)
        else this.#lose(this.#client, new Error(`no answer within ${this.#timeoutMs} ms`))
      })
    }, delayMs)
    this.#watchdog.unref()
  }

  /** Gives a connection up, whether it was ready or not, and tries again later. */
  #lose(client: Client, error: Error): void {
    if (client !== this.#client && client !== this.#next) return
    const wasReady = client === this.#client
    this.#client = undefined
    this.#next = undefined
    this.#names.clear()
    this.#wanted.clear()
    if (!this.#isClosed) this.lastError = error.message || (error as { code?: string }).code || error.name
    if (wasReady) this.#listener.lost()
    client.destroy()
    if (this.#isClosed) return
    this.#retry = setTimeout(() => void this.#connect(), this.#retryMs)
    this.#retry.unref()
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX)
  }
}
