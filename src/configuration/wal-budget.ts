import type { Machine } from './machine.js'
import { neat } from './memory-budget.js'

const MB = 1024 ** 2
const GB = 1024 ** 3

/** How much WAL may lie between checkpoints, and how far apart they are. */
export interface WalBudget {
  readonly maxWalSize: number
  readonly minWalSize: number
  /** Whole minutes. */
  readonly checkpointSeconds: number
}

/** Unless it was measured. */
const UNMEASURED = { oltp: 8 * GB, mixed: 4 * GB, analytics: 16 * GB, vectors: 8 * GB } as const
const COMPLETION_TARGET = 0.9
/** What a measured peak may be exceeded by. */
const RESERVE = 1.2
/** Share of the disk that WAL may take. */
const DISK_SHARE = 0.6
const CHECKPOINT_SECONDS = 900
/** At so much WAL a second checkpoints have to come by time. */
const RATE_LEAST = 1e6

/** Works out the sizes. */
export function walBudget({ workload, walBytesPerSecond, walDiskBytes }: Machine): WalBudget {
  const wanted =
    walBytesPerSecond === undefined
      ? UNMEASURED[workload]
      : walBytesPerSecond * CHECKPOINT_SECONDS * (1 + COMPLETION_TARGET) * RESERVE
  const guard = walDiskBytes === undefined ? Number.POSITIVE_INFINITY : DISK_SHARE * walDiskBytes
  // Whole segments of 16 MB.
  const maxWalSize = Math.floor(neat(Math.min(Math.max(wanted, 2 * GB), 256 * GB, guard)) / (16 * MB)) * 16 * MB
  const seconds = maxWalSize / ((1 + COMPLETION_TARGET) * RATE_LEAST)
  return {
    maxWalSize,
    minWalSize: Math.floor(maxWalSize / 4 / (16 * MB)) * 16 * MB,
    checkpointSeconds: Math.min(CHECKPOINT_SECONDS, Math.floor(seconds / 60) * 60),
  }
}
