import type { Fleet } from '../../fleet.js'
import type { FleetOptions } from '../../options.js'

/** The database that the scenarios of this package are run against. */
export interface BenchSubject {
  /** The server's url, past any pooler; null for the embedded database, which pgbench cannot reach. */
  readonly url: string | null
  /** The url of a Valkey or Redis for the scenarios that compare with one; null where there is none. */
  readonly cacheUrl: string | null
  /** Opens a fleet on it; closed by the scenario, or after the run. */
  open(options?: FleetOptions): Promise<Fleet>
}
