import { FleetError } from '../errors.js'
import type { AnyOperation, Durability, Send } from './batch.js'
import type { BatchMeter } from './batch-metrics.js'
import type { BatchOptions } from './batch-options.js'
import { BatchSender } from './batch-sender.js'
import { removeUnit, sizeOf, type Unit } from './batch-unit.js'
import { LinkedList } from './linked-list.js'
import { type OrderKey, OrderKeys } from './order-keys.js'
import type { ServerConsistency } from './replicas/replicas.js'
import { UnitList } from './unit-list.js'

/** What waits of one durability, and what is in flight. */
interface Lane {
  itemsToSend: number
  flights: number
  itemsInFlight: number
}
const newLane = (): Lane => ({ itemsToSend: 0, flights: 0, itemsInFlight: 0 })

/** Calls for each item, from which they count as gathering: it pays then to let more of them do so. */
const GATHERING = 1.25

/** Shares of what gathers that stay behind, beside one for each flight: each moment more calls gather there in one item. */
const SHARES_BEHIND = 3

/** How often what has gathered few calls lets others leave before it; then it is as ripe as they. */
const PASSES_MAX = 8

/**
 * The calls of one operation and tenant that wait, and those in flight. Statements of one durability leave together, in the
 * order of their calls; where keys order them, across durabilities too.
 */
export class BatchQueue {
  readonly operation: AnyOperation
  readonly tenant: string
  /** Of all its calls; undefined where it takes those of either. */
  readonly durability: Durability | undefined
  readonly consistency: ServerConsistency
  readonly #sender: BatchSender
  readonly #options: BatchOptions
  readonly #meter: BatchMeter
  readonly #onIdle: () => void
  /** What is sent next, in its order. */
  readonly #units = new UnitList()
  readonly #keys = new OrderKeys()
  /** Calls that found no room, in their order. */
  readonly #waiting: Unit[] = []
  readonly #flights = new LinkedList<readonly Unit[]>()
  readonly #drained: (() => void)[] = []
  /** Items of callers that wait, those that gave way included: the limit is theirs. */
  #items = 0
  readonly #lanes = { durable: newLane(), async: newLane() }
  #scheduled = false

  constructor(
    operation: AnyOperation,
    tenant: string,
    durability: Durability | undefined,
    consistency: ServerConsistency,
    send: Send,
    options: BatchOptions,
    meter: BatchMeter,
    onIdle: () => void,
  ) {
    this.operation = operation
    this.tenant = tenant
    this.durability = durability
    this.consistency = consistency
    this.#sender = new BatchSender(operation, tenant, consistency, send, options, meter)
    this.#options = options
    this.#meter = meter
    this.#onIdle = onIdle
  }

  /** Items that wait, those in flight not counted. */
  get length(): number {
    return this.#items
  }

  /** The results of the unit's items in order. Throws when it is aborted already, or full. */
  submit(unit: Unit, signal: AbortSignal | undefined): Promise<unknown[]> {
    if (signal?.aborted) throw aborted(signal)
    // Behind those who wait, so that a large call is not overtaken for ever.
    const mustWait = this.#waiting.length > 0 || !this.#fits(unit.size)
    if (mustWait && this.#waiting.length >= this.#options.waitersMax) {
      throw new FleetError('QUEUE_FULL', {
        message: `${this.#items} items and ${this.#waiting.length} calls wait for ${this.operation.name} already`,
      })
    }
    unit.abortOn(signal, () => this.#abort(unit, signal))
    if (mustWait) this.#waiting.push(unit)
    else this.#enter(unit)
    return unit.promise
  }

  #abort(unit: Unit, signal: AbortSignal | undefined): void {
    if (unit.isListed) {
      this.#leave(unit)
      unit.reject(aborted(signal))
      this.#release(unit.size)
    } else if (unit.heir !== undefined) {
      // It gave way to another: nothing of it was sent, and now never will be.
      let last = unit.heir
      while (last.heir !== undefined) last = last.heir
      last.gathered--
      unit.heir.forerunner = unit.forerunner
      if (unit.forerunner !== undefined) unit.forerunner.heir = unit.heir
      unit.reject(aborted(signal))
      if (last.isListed) this.#release(unit.size)
    } else if (removeUnit(this.#waiting, unit)) {
      unit.reject(aborted(signal))
      this.#admit()
    } else if (this.operation.writes) {
      unit.reject(
        new FleetError('OUTCOME_UNKNOWN', {
          message: `${this.operation.name} was aborted in flight; it may still be applied`,
          cause: signal?.reason,
        }),
      )
    } else {
      unit.reject(aborted(signal))
    }
    this.#settleIdle()
  }

  /** Takes a unit out of what is sent next; the one that gave way to it last takes its place. */
  #leave(unit: Unit): void {
    const { forerunner } = unit
    if (forerunner === undefined) {
      this.#units.remove(unit)
      this.#lanes[unit.durability].itemsToSend -= unit.size
    } else {
      forerunner.heir = undefined
      this.#lanes[unit.durability].itemsToSend--
      this.#lanes[forerunner.durability].itemsToSend++
      this.#units.replace(unit, forerunner)
    }
    for (const key of unit.orderKeys) if (key.last === unit) key.last = forerunner
  }

  /** Resolves when nothing waits and nothing is in flight. */
  drained(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  /** Rejects whatever has not settled; how many items that was. */
  abandon(): { queued: number; inFlight: number } {
    const whole = ({ line }: Unit) => line
    const waiting = [...this.#units].flatMap(whole).concat(this.#waiting)
    const flying = [...this.#flights].flatMap((units) => units.flatMap(whole)).filter(({ settled }) => !settled)
    const held = { queued: sizeOf(waiting), inFlight: sizeOf(flying) }
    for (const unit of [...this.#units]) this.#units.remove(unit)
    this.#keys.keep([])
    this.#waiting.length = 0
    this.#items = 0
    for (const lane of Object.values(this.#lanes)) lane.itemsToSend = 0
    for (const unit of waiting) {
      unit.reject(new FleetError('CLOSED', { message: 'the fleet was closed before the call could be sent' }))
    }
    for (const unit of flying) {
      unit.reject(
        this.operation.writes
          ? new FleetError('OUTCOME_UNKNOWN', {
              message: `${this.operation.name} was in flight when the fleet was closed; it may still be applied`,
            })
          : new FleetError('CLOSED', { message: 'the fleet was closed' }),
      )
    }
    return held
  }

  #isIdle(): boolean {
    return this.#units.size === 0 && this.#flights.size === 0 && this.#waiting.length === 0 && !this.#scheduled
  }

  #settleIdle(): void {
    if (!this.#isIdle()) return
    this.#onIdle()
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  /** True when there is room; an empty queue takes any one call. */
  #fits(items: number): boolean {
    return this.#items === 0 || this.#items + items <= this.#options.queueMax
  }

  #enter(unit: Unit): void {
    this.#items += unit.size
    this.#lanes[unit.durability].itemsToSend += unit.size
    const forerunner = this.operation.orderKey === undefined ? undefined : this.#order(unit)
    if (forerunner === undefined) this.#units.append(unit)
    else this.#takePlace(forerunner, unit)
    this.#schedule()
  }

  /** Puts the unit behind what is about the same; returns the one of that which gives way to it. */
  #order(unit: Unit): Unit | undefined {
    if (this.#keys.areMany) this.#keys.keep([...this.#flights, [...this.#units]].flat())
    const { orderKey, givesWay } = this.operation
    unit.orderKeys =
      unit.size === 1
        ? this.#keys.of(orderKey?.(unit.item) as string).alone
        : unit.items.map((item) => this.#keys.of(orderKey?.(item) as string))
    const before = unit.size === 1 ? unit.orderKeys[0]?.last : undefined
    for (const key of unit.orderKeys) key.last = unit
    return before?.size === 1 && givesWay?.(before.item, unit.item) ? before : undefined
  }

  /**
   * Sends the unit where the one that gives way to it was to be sent: nothing else about the same stands behind that. Its turn comes
   * as if it had been the first, so that a key which is written all the time leaves, too, with all that has gathered until then.
   */
  #takePlace(forerunner: Unit, unit: Unit): void {
    this.#lanes[forerunner.durability].itemsToSend--
    this.#units.replace(forerunner, unit)
    forerunner.heir = unit
    unit.forerunner = forerunner
    unit.gathered = forerunner.gathered + 1
    unit.passes = forerunner.passes
  }

  #release(items: number): void {
    this.#items -= items
    this.#admit()
  }

  /** Lets those who wait in, in their order, while there is room. */
  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#enter(next)
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#units.size === 0) return
    if (!this.#mayLeave(this.#lanes.durable) && !this.#mayLeave(this.#lanes.async)) return
    this.#scheduled = true
    // At the end of the event loop's turn: whoever was resumed by the last flight has asked again by then.
    setImmediate(() => {
      this.#scheduled = false
      void this.#fly(this.#take())
    })
  }

  #mayLeave({ itemsToSend, flights }: Lane): boolean {
    return (
      itemsToSend > 0 &&
      flights < this.#options.flightsMax &&
      (flights === 0 || itemsToSend >= (this.operation.itemsMin ?? 1) || this.#isWhole(this.#units.first))
    )
  }

  #isWhole(unit: Unit | undefined): boolean {
    return unit !== undefined && this.operation.isWhole?.(unit.item) === true
  }

  /** Calls for each item, of what waits. */
  #gathered(): number {
    const { durable, async } = this.#lanes
    return this.#items / (durable.itemsToSend + async.itemsToSend)
  }

  /** How many items of a lane have gathered so many calls, or let others pass often enough. */
  #ripe(lane: Lane, gathered: number): number {
    let items = 0
    for (const unit of this.#units) {
      if (isRipe(unit, gathered) && this.#lanes[unit.durability] === lane && !unit.orderKeys[0]?.isFlying)
        items += unit.size
    }
    return items
  }

  /**
   * What leaves next, of one lane: in the order in which it came, an equal share for each flight, as two of half the size keep the
   * cores of the server and of this process busy. Where calls give way to each other some shares stay behind, and what has gathered
   * more than others leaves first: so fewer items settle as many calls. Not so when nothing could leave then.
   */
  #take(ripeFirst = true): Unit[] {
    let items = 0
    let bytes = 0
    const taken: Unit[] = []
    /** Keys of what has to stay behind what is in flight; nothing of the same key overtakes it. */
    const blocked = this.#keys.newBlock()
    const isBlocked = (key: OrderKey) => key.isFlying || key.block === blocked
    let lane: Lane | undefined
    let itemsMax = 0
    let ripeness = 0
    let room = Number.POSITIVE_INFINITY
    for (const unit of this.#units) {
      const own = this.#lanes[unit.durability]
      if (unit.orderKeys.some(isBlocked) || (lane === undefined ? !this.#mayLeave(own) : own !== lane)) {
        for (const key of unit.orderKeys) key.block = blocked
        continue
      }
      if (lane === undefined) {
        lane = own
        const gathered = this.#gathered()
        const shares = this.#options.flightsMax + (gathered >= GATHERING ? SHARES_BEHIND : 0)
        const share = Math.ceil((lane.itemsToSend + lane.itemsInFlight) / shares)
        const least = this.operation.itemsMin ?? 1
        itemsMax = this.#isWhole(unit) ? unit.size : Math.min(this.operation.itemsMax, Math.max(share, least))
        if (ripeFirst && gathered >= GATHERING) {
          ripeness = GATHERING * gathered
          room = itemsMax - this.#ripe(lane, ripeness)
        }
      }
      if (!isRipe(unit, ripeness)) {
        if (room <= 0) {
          unit.passes++
          for (const key of unit.orderKeys) key.block = blocked
          continue
        }
        room -= unit.size
      }
      items += unit.size
      bytes += unit.bytes
      if (taken.length > 0 && (items > itemsMax || bytes > this.#options.bytesMax)) break
      taken.push(unit)
      // Should it be refused, its forerunners are sent, before anything that came later.
      if (unit.forerunner !== undefined) (unit.orderKeys[0] as OrderKey).block = blocked
    }
    if (taken.length === 0 && ripeFirst) return this.#take(false)
    for (const unit of taken) {
      this.#units.remove(unit)
      this.#lanes[unit.durability].itemsToSend -= unit.size
      for (const key of unit.orderKeys) if (key.last === unit) key.last = undefined
    }
    return taken
  }

  async #fly(units: Unit[]): Promise<void> {
    const [first] = units
    if (first === undefined) return this.#settleIdle()
    const lane = this.#lanes[first.durability]
    const items = sizeOf(units)
    lane.flights++
    lane.itemsInFlight += items
    const land = this.#flights.add(units)
    let forerunners = 0
    for (const unit of units) {
      for (const key of unit.orderKeys) key.isFlying = true
      for (let each = unit.forerunner; each !== undefined; each = each.forerunner) forerunners++
    }
    this.#meter.coalesced += forerunners
    this.#release(items + forerunners)
    this.#schedule()
    const startedAt = performance.now()
    // Where calls gather this process has as much to do as the server has. A statement that follows the one before on its connection
    // is there when that ends, whatever this process does then; on a connection of its own it would want a core for itself.
    await this.#sender.send(units, items + forerunners >= GATHERING * items)
    this.#meter.record(units, startedAt, performance.now())
    land()
    for (const unit of units) for (const key of unit.orderKeys) key.isFlying = false
    // Should the array have grown old, it holds nobody beyond this.
    // pgfleet-lint ignore buffer-cleared-after-await: what flies is this flight's own; nothing is added to it
    units.length = 0
    lane.flights--
    lane.itemsInFlight -= items
    this.#schedule()
    this.#settleIdle()
  }
}

/** Whether so many calls have gathered in the unit, or others were let pass so often, that it leaves before those of which neither is so. */
function isRipe(unit: Unit, gathered: number): boolean {
  return unit.gathered >= gathered || unit.passes >= PASSES_MAX
}

function aborted(signal: AbortSignal | undefined): FleetError {
  return new FleetError('ABORTED', { message: 'the call was aborted before it took effect', cause: signal?.reason })
}
