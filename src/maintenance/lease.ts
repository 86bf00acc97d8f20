import { type Statement, statement } from '../database/statement.js'
import { FleetError } from '../errors.js'
import type { Operator } from './operator.js'

const ACQUIRE = statement<{ token: number | null; holder: string; expires_at: Date; interrupted: number }>(
  'platform.acquire_maintenance_lease',
  `select a.token, a.holder, a.expires_at, a.interrupted
  from platform.acquire_maintenance_lease($1::text, $2::integer) a`,
)
const RENEW = statement<{ renewed: boolean }>(
  'platform.renew_maintenance_lease',
  'select platform.renew_maintenance_lease($1::bigint, $2::integer) as renewed',
)
const RELEASE = statement<{ released: boolean }>(
  'platform.release_maintenance_lease',
  'select platform.release_maintenance_lease($1::bigint) as released',
)

export const LEASE_STATEMENTS: readonly Statement<unknown>[] = [ACQUIRE, RENEW, RELEASE]

/** A renewal every so many parts of the lease: two may fail before it runs out. */
const RENEWALS = 3

/** Who leads, where it is another. */
export interface OtherLeader {
  readonly holder: string
  readonly until: Date
}

/** The right to lead maintenance, for a time, by the clock of the server; kept alive by a timer that holds no process. */
export class Lease {
  readonly #operator: Operator
  readonly #holder: string
  readonly #milliseconds: number
  #token: number | undefined
  #timer: NodeJS.Timeout | undefined
  #loss = new AbortController()

  /** @param holder what the record of runs calls this process */
  constructor(operator: Operator, holder: string, milliseconds: number) {
    this.#operator = operator
    this.#holder = holder
    this.#milliseconds = milliseconds
  }

  get isHeld(): boolean {
    return this.#token !== undefined
  }

  /** Fires when another leads. */
  get loss(): AbortSignal {
    return this.#loss.signal
  }

  /** What batches run under. Errors: MAINTENANCE_LEASE_LOST. */
  get token(): number {
    if (this.#token !== undefined) return this.#token
    throw new FleetError('MAINTENANCE_LEASE_LOST', { message: 'this process does not lead maintenance any more' })
  }

  /** Takes the lease; undefined when it is this process's now, else who leads. */
  async acquire(): Promise<OtherLeader | undefined> {
    const [row] = await this.#operator.run(ACQUIRE, [this.#holder, this.#milliseconds])
    if (row === undefined || row.token === null) {
      return { holder: row?.holder ?? '', until: row?.expires_at ?? new Date(0) }
    }
    this.#token = row.token
    this.#loss = new AbortController()
    this.#renewLater()
    return undefined
  }

  /** Forgets the lease: another has it. */
  lose(): void {
    clearTimeout(this.#timer)
    if (this.#token === undefined) return
    this.#token = undefined
    this.#loss.abort()
  }

  /** Gives the lease back, so that another need not wait for its end. Harmless to repeat. */
  async release(): Promise<void> {
    clearTimeout(this.#timer)
    const token = this.#token
    this.#token = undefined
    if (token !== undefined) await this.#operator.run(RELEASE, [token])
  }

  #renewLater(): void {
    const token = this.#token
    this.#timer = setTimeout(() => {
      const renewal = this.#operator.run(RENEW, [token, this.#milliseconds])
      renewal.then(
        ([row]) => {
          if (this.#token !== token) return
          if (row?.renewed) this.#renewLater()
          else this.lose()
        },
        () => {
          // The database cannot be reached at present: no batch can be done either, and each looks at the lease itself.
          if (this.#token === token) this.#renewLater()
        },
      )
    }, this.#milliseconds / RENEWALS)
    this.#timer.unref()
  }
}
