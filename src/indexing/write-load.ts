import type { Catalog, ExistingIndex, Table } from './catalog.js'
import { columnsOf, type IndexDefinition } from './definition.js'
import type { StatementDemand } from './demand.js'
import type { WorkloadStatement } from './workload.js'

/** What one more index costs those who write, in the time that the workload was counted. */
export interface WriteCost {
  /** Entries that are made in it. */
  readonly entries: number
  /** Updates that were HOT and no longer are. */
  readonly hotLost: number
  /** The columns of it that updates of the workload change. */
  readonly changed: readonly string[]
  /** How much more work writing is than with the indexes that there are: 0.5 for half as much again. */
  readonly increase: number
  /** All of it in units of the planner. */
  readonly cost: number
}

/** An index that keeps updates from being HOT. */
export interface HotBreak {
  readonly index: string
  readonly table: string
  /** The columns of it that updates of the workload change. */
  readonly columns: readonly string[]
  readonly updates: number
  /** The share of the table's updates that are HOT. */
  readonly hotShare: number
}

/** What a page that is written is taken to cost, in units of the planner. */
const ENTRY_COST = 1
/** A table of fewer updates, or with a larger share of HOT ones, has no problem with them. */
const HOT_UPDATES_MIN = 1000
const HOT_SHARE_MAX = 0.5

/** Which columns the workload changes, and how often; and what the tables count. */
export class WriteLoad {
  readonly #catalog: Catalog
  readonly #scale: number
  /** Calls of updates by table and column, and by table. */
  readonly #changes = new Map<string, number>()
  readonly #updates = new Map<number, number>()

  /** `scale` is the time in which the workload was counted, as a share of that in which the tables' writes were. */
  constructor(
    catalog: Catalog,
    statements: readonly { readonly statement: WorkloadStatement; readonly demand: StatementDemand }[],
    scale: number,
  ) {
    this.#catalog = catalog
    this.#scale = scale
    for (const { statement, demand } of statements) {
      for (const { table, columns } of demand.sets) {
        const calls = statement.calls ?? 1
        this.#updates.set(table.oid, (this.#updates.get(table.oid) ?? 0) + calls)
        for (const column of columns) {
          const name = `${table.oid} ${column}`
          this.#changes.set(name, (this.#changes.get(name) ?? 0) + calls)
        }
      }
    }
  }

  /** The columns of a set that updates of the workload change, the one that changes most often first. */
  changed(table: Table, columns: Iterable<string>): string[] {
    const calls = (column: string) => this.#changes.get(`${table.oid} ${column}`) ?? 0
    return [...columns].filter((column) => calls(column) > 0).sort((a, b) => calls(b) - calls(a))
  }

  /** What an index would cost beside those that there are and those chosen. */
  costOf(definition: IndexDefinition, table: Table, chosen: readonly IndexDefinition[]): WriteCost {
    const beside =
      this.#indexesOf(table).length +
      chosen.filter((each) => each.schema === table.schema && each.table === table.name).length
    const changed = this.changed(table, columnsOf(definition))
    const share = this.#shareOf(table, changed)
    const { inserts, updates, hotUpdates, deletes } = table
    const cold = updates - hotUpdates
    const part = definition.method === 'brin' ? 0.01 : 1
    const hotLost = definition.method === 'brin' ? 0 : hotUpdates * share
    const entries = (inserts + cold + hotLost) * part
    const before = (inserts + cold) * (1 + beside) + hotUpdates + deletes
    // An update that is no longer HOT makes an entry in each of the others too.
    const added = entries + hotLost * beside
    return {
      entries: entries * this.#scale,
      hotLost: hotLost * this.#scale,
      changed,
      increase: before === 0 ? 0 : added / before,
      cost: added * ENTRY_COST * this.#scale,
    }
  }

  /** Existing indexes that updates of the workload pay for with HOT. */
  hotBreaks(): HotBreak[] {
    return this.#catalog.tables.flatMap((table) => {
      const hotShare = table.updates === 0 ? 1 : table.hotUpdates / table.updates
      if (table.updates < HOT_UPDATES_MIN || hotShare >= HOT_SHARE_MAX) return []
      return this.#indexesOf(table).flatMap(({ name, columns }) => {
        const changed = this.changed(table, columns)
        if (changed.length === 0) return []
        return [
          { index: name, table: `${table.schema}.${table.name}`, columns: changed, updates: table.updates, hotShare },
        ]
      })
    })
  }

  /** The share of a table's updates that change one of the columns, by the calls of the workload's. */
  #shareOf(table: Table, columns: readonly string[]): number {
    const all = this.#updates.get(table.oid) ?? 0
    const most = Math.max(0, ...columns.map((column) => this.#changes.get(`${table.oid} ${column}`) ?? 0))
    return all === 0 ? 0 : most / all
  }

  /** BRIN takes part in HOT updates from PostgreSQL 16 on, and is next to free before. */
  #indexesOf({ oid }: Table): ExistingIndex[] {
    return this.#catalog.indexes.filter(({ tableOid, method }) => tableOid === oid && method !== 'brin')
  }
}
