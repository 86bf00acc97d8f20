import { answerOf } from './answer.js'
import { attached } from './attachment.js'
import type { AnyOperation, Send } from './batch.js'
import type { BatchMeter } from './batch-metrics.js'
import type { BatchOptions } from './batch-options.js'
import type { Unit } from './batch-unit.js'
import { isConnectionLoss, isRefusal, toFleetError } from './failure.js'
import type { ServerConsistency } from './replicas/replicas.js'

/** Sends the units of a queue that leave together, and settles them, and those that gave way to them, with what came of it. */
export class BatchSender {
  readonly #operation: AnyOperation
  readonly #tenant: string
  readonly #consistency: ServerConsistency
  readonly #send: Send
  readonly #options: BatchOptions
  readonly #meter: BatchMeter

  constructor(
    operation: AnyOperation,
    tenant: string,
    consistency: ServerConsistency,
    send: Send,
    options: BatchOptions,
    meter: BatchMeter,
  ) {
    this.#operation = operation
    this.#tenant = tenant
    this.#consistency = consistency
    this.#send = send
    this.#options = options
    this.#meter = meter
  }

  /**
   * Sends the units as one statement; never rejects. When the database refuses it, halves find the one at fault. What follows another
   * statement of the queue goes over its connection.
   */
  async send(units: readonly Unit[], follows = false): Promise<void> {
    const idempotent = units.every((unit) => unit.idempotent)
    let rows: readonly object[]
    try {
      rows = await this.#send(this.#operation, this.#tenant, `[${units.map((unit) => unit.encoded).join()}]`, {
        durability: (units[0] as Unit).durability,
        consistency: this.#consistency,
        idempotent,
        attached: attached(this.#operation, () => units.flatMap((unit) => unit.items)),
        pipeline: follows ? this : undefined,
      })
    } catch (error) {
      if (units.length > 1 && isRefusal(error)) {
        this.#meter.splits++
        const half = units.length >> 1
        await this.send(units.slice(0, half))
        await this.send(units.slice(half))
      } else if (
        !idempotent &&
        this.#operation.writes &&
        units.some((unit) => unit.idempotent) &&
        isConnectionLoss(error)
      ) {
        for (const unit of units) if (!unit.idempotent) this.#fail(unit, error)
        await this.send(units.filter((unit) => unit.idempotent))
      } else if (isRefusal(error)) {
        const [unit] = units as [Unit]
        this.#reject(unit, error)
        await this.#sendAfterAll([unit])
      } else {
        for (const unit of units) this.#fail(unit, error)
      }
      return
    }
    const refused = this.#land(units, rows)
    if (refused.length > 0) await this.#sendAfterAll(refused)
  }

  /** Settles what was sent, and what gave way to it; returns what was refused though others gave way to it. */
  #land(units: readonly Unit[], returned: readonly object[]): Unit[] {
    const answer = answerOf(this.#operation, returned)
    const refused: Unit[] = []
    let first = 0
    for (const unit of units) {
      const start = first
      first += unit.size
      try {
        unit.resolve(this.#decode(unit, answer, start))
        for (let each = unit.forerunner; each !== undefined; each = each.forerunner) {
          // What has ended must not lead to those that came later: they would live as long as it does.
          each.heir = undefined
          each.resolve(this.#decode(each, answer, start))
        }
      } catch (error) {
        unit.reject(error)
        refused.push(unit)
      }
    }
    return refused
  }

  #decode(unit: Unit, answer: readonly unknown[], start: number): unknown[] {
    if (unit.size === 1) return [this.#operation.decode(answer[start], unit.item)]
    return unit.items.map((item, i) => this.#operation.decode(answer[start + i], item))
  }

  /** Sends those that gave way to what was refused: the fault may have been its own. The database tells who is last. */
  async #sendAfterAll(refused: readonly Unit[]): Promise<void> {
    const units = refused.flatMap((unit) => unit.line.slice(0, -1))
    for (const unit of [...refused, ...units]) {
      unit.forerunner = undefined
      unit.heir = undefined
    }
    while (units.length > 0) {
      let bytes = 0
      const many = units.findIndex((unit, i) => {
        bytes += unit.bytes
        return i > 0 && (i >= this.#operation.itemsMax || bytes > this.#options.bytesMax)
      })
      await this.send(units.splice(0, many < 0 ? units.length : many))
    }
  }

  #fail(unit: Unit, error: unknown): void {
    for (const each of unit.line) this.#reject(each, error)
  }

  #reject(unit: Unit, error: unknown): void {
    this.#meter.failures++
    unit.reject(toFleetError(error, this.#operation.writes))
  }
}
