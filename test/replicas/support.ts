import type pg from 'pg'
import { type Fleet, type FleetOptions, openFleet } from 'pgfleet'
import { type ScratchReplica, type ScratchServer, startReplica, startServer } from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'

/** How long a poll waits: a guard against a hang, no measure of speed. */
export const PATIENTLY = { timeout: 60_000 } as const

/** A primary and its replicas. */
export interface Cluster {
  readonly primary: ScratchServer
  readonly replicas: readonly ScratchReplica[]
  /** A superuser's connection to each replica, in their order. */
  readonly clients: readonly pg.Client[]
}

/** Starts a primary with so many streaming replicas, which cancel at once what stands in the way of replaying. */
export async function startCluster(count = 1): Promise<Cluster> {
  // What is acknowledged before it is on disk gets there, and to the replica, the sooner. Replaying what autovacuum did would
  // cancel reads at moments of its own.
  const primary = await startServer(17, { settings: { wal_writer_delay: '10ms', autovacuum: 'off' } })
  const replicas: ScratchReplica[] = []
  for (let i = 0; i < count; i++) replicas.push(await startReplica(primary, { max_standby_streaming_delay: '0' }))
  const clients: pg.Client[] = []
  for (const replica of replicas) clients.push(await replica.client())
  return { primary, replicas, clients }
}

/** A fleet on the cluster, which looks at the replicas often; closed after the file. */
export async function openReplicated(
  { primary, replicas }: Cluster,
  options: Omit<FleetOptions, 'url' | 'replicas' | 'dataDir'> = {},
): Promise<Fleet> {
  const fleet = await openFleet({
    url: primary.url,
    replicas: replicas.map(({ url }) => url),
    replicaPollMs: 20,
    ...options,
  })
  afterFile(() => fleet.close())
  return fleet
}

/** Waits until the replica has replayed all that the primary has written by now. */
export async function caughtUp(fleet: Fleet, replica: pg.Client): Promise<void> {
  const [row] = await fleet.database.lend(async (connection) => {
    // A commit that is on disk, and with it all before it.
    await connection.query(`select pg_logical_emit_message(true, 'test', '')`)
    return (await connection.query('select pg_current_wal_flush_lsn()::text as at')).rows
  })
  for (let i = 0; i < 6000; i++) {
    const { rows } = await replica.query('select pg_last_wal_replay_lsn() >= $1::pg_lsn as is_there', [row.at])
    if (rows[0].is_there) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('the replica does not catch up')
}
