import type { Footprint, Store } from './footprint.js'
import { footprintsOf } from './footprints/index.js'
import type { MeasuredTable } from './measured-tables.js'
import type { TableShape } from './table-shape.js'
import { type RowCost, rowCost } from './table-size.js'
import { walSize } from './wal-size.js'
import type { Workload } from './workload.js'

/** A partition of a month is dropped when its last row may go. */
const MONTH_DAYS = 31
/** What pg_dump's compressed archive takes of a table's bytes. */
const DUMP_SHARE = 0.3

/** What a table takes at the horizon. */
export interface TablePlan {
  readonly store: Store
  readonly table: string
  readonly rows: number
  readonly rowsPerDay: number
  /** Days that a row may be there; null for good. */
  readonly keptDays: number | null
  readonly heapBytes: number
  readonly indexBytes: number
  readonly toastBytes: number
  readonly bytes: number
  readonly bytesPerRow: number
  readonly walBytesPerDay: number
  /** Whether its bytes a row are from the catalogue and typical widths, or those of a running installation. */
  readonly from: 'catalogue' | 'measured'
}

/** What a database takes at the horizon. */
export interface StoragePlan {
  readonly workload: Workload
  readonly tables: readonly TablePlan[]
  readonly stores: readonly { readonly store: Store; readonly bytes: number }[]
  readonly heapBytes: number
  readonly indexBytes: number
  readonly toastBytes: number
  readonly bytes: number
  readonly walBytesPerDay: number
  /** A backup by pg_dump, compressed; indexes are not in it. */
  readonly backupBytes: number
}

/**
 * What a workload makes of a database: each table by its shape in the catalogue, or by what was measured of it. Tables without
 * a shape are left out.
 */
export function planStorage(
  workload: Workload,
  shapes: ReadonlyMap<string, TableShape>,
  measured: ReadonlyMap<string, MeasuredTable> = new Map(),
): StoragePlan {
  const planned = footprintsOf(workload).flatMap((footprint) => {
    const shape = shapes.get(footprint.table)
    return shape === undefined ? [] : [{ footprint, plan: planTable(footprint, shape, workload, measured) }]
  })
  const tables = planned.map(({ plan }) => plan)
  const sum = (of: (table: TablePlan) => number) => tables.reduce((total, table) => total + of(table), 0)
  const stores = [...new Set(tables.map(({ store }) => store))]
  return {
    workload,
    tables,
    stores: stores.map((store) => ({ store, bytes: sum((table) => (table.store === store ? table.bytes : 0)) })),
    heapBytes: sum(({ heapBytes }) => heapBytes),
    indexBytes: sum(({ indexBytes }) => indexBytes),
    toastBytes: sum(({ toastBytes }) => toastBytes),
    bytes: sum(({ bytes }) => bytes),
    walBytesPerDay: sum(({ walBytesPerDay }) => walBytesPerDay),
    backupBytes: planned.reduce(
      (total, { footprint, plan }) => total + (plan.heapBytes + plan.toastBytes) * (footprint.dumpShare ?? DUMP_SHARE),
      0,
    ),
  }
}

function planTable(
  footprint: Footprint,
  shape: TableShape,
  workload: Workload,
  measured: ReadonlyMap<string, MeasuredTable>,
): TablePlan {
  const { store, table } = footprint
  const { horizonDays } = workload
  const found = measured.get(table)
  const daily = found?.rowsPerDay ?? footprint.daily?.(workload) ?? 0
  const retention = workload.retentionDays[table] ?? shape.retentionDays
  const keptDays = retention === undefined ? undefined : retention + (shape.monthly ? MONTH_DAYS : 0)
  const standing = footprint.standing === undefined ? 0 : Math.max(footprint.standing(workload), found?.rows ?? 0)
  const rows = standing + daily * Math.min(horizonDays, keptDays ?? horizonDays)
  const computed = rowCost(shape, footprint, workload, rows)
  const cost = found === undefined ? computed : measuredCost(found.cost, computed)
  const heapBytes = rows * cost.heapBytes
  const toastBytes = rows * cost.toastBytes
  const indexBytes = rows * cost.indexes.reduce((total, { bytesPerRow }) => total + bytesPerRow, 0)
  const bytes = heapBytes + toastBytes + indexBytes
  return {
    store,
    table,
    rows,
    rowsPerDay: daily,
    keptDays: keptDays ?? null,
    heapBytes,
    indexBytes,
    toastBytes,
    bytes,
    bytesPerRow: rows === 0 ? 0 : bytes / rows,
    walBytesPerDay: walSize(cost, {
      rows,
      inserted: daily + standing / Math.max(1, horizonDays),
      updated: footprint.updated?.(workload) ?? 0,
      checkpointS: workload.checkpointS,
    }),
    from: found === undefined ? 'catalogue' : 'measured',
  }
}

/** What was measured, with what only the catalogue tells: to which pages new keys go. */
function measuredCost(measured: RowCost, computed: RowCost): RowCost {
  const indexes = measured.indexes.map((index) => ({
    ...index,
    ordered: computed.indexes.find(({ name }) => name === index.name)?.ordered ?? index.ordered,
  }))
  return { ...measured, indexes }
}
