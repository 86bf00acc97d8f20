import type { MetricGroup } from '../metrics/family.js'
import type { Sample } from '../snapshot.js'

/** Something besides the server's statements that a snapshot tells of: a pooler, a folder of backups, a measurement. */
export interface Reader {
  /** Kebab-case: the label `source`. */
  readonly id: string
  readonly groups: readonly MetricGroup[]
  /** Read so often, in milliseconds; between two reads its last samples are told. 0 for every collection. */
  readonly everyMs: number
  /** What it sees now. Rejects when it cannot look; the message is told as the reason. Undefined where it does not apply. */
  read(signal: AbortSignal): Promise<readonly Sample[] | undefined>
  /** Gives back what it holds. */
  close(): Promise<void>
}
