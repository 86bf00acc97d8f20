import type pg from 'pg'
import { type Fleet, type FleetOptions, openFleet } from 'pgfleet'
import { type ScratchServer, startReplica, startServer } from '../doctor/scratch-server.js'
import { afterFile } from '../setup/index.js'

/** How long a poll waits: a guard against a hang, no measure of speed. */
export const PATIENTLY = { timeout: 60_000 } as const

/** Three servers: a primary, and two standbys of which one has to have what is committed. */
export interface Cluster {
  readonly primary: ScratchServer
  readonly standbys: readonly [ScratchServer, ScratchServer]
  /** One url that names all three. */
  readonly url: string
}

const NAMES = ['a', 'b', 'c'] as const

/** Starts a primary and two standbys, synchronous by quorum unless told otherwise. */
export async function startCluster({ quorum = true } = {}): Promise<Cluster> {
  const settings = (name: string) => ({
    cluster_name: name,
    ...(quorum ? { synchronous_standby_names: `ANY 1 (${NAMES.join(', ')})` } : {}),
    wal_retrieve_retry_interval: '200ms',
  })
  const primary = await startServer(17, { settings: settings('a') })
  // In the file, where pg_rewind finds it too: a standby that was away, or is rewound, needs the log from before.
  await (await primary.client()).query(`alter system set wal_keep_size = '256MB'`)
  await (await primary.client()).query('select pg_reload_conf()')
  const standbys = [await startReplica(primary, settings('b')), await startReplica(primary, settings('c'))] as const
  const servers = [primary, ...standbys]
  for (const standby of standbys) await follow(standby, servers)
  return { primary, standbys: [...standbys], url: urlOfAll(servers) }
}

/** A url that names several servers. */
export function urlOfAll(servers: readonly ScratchServer[], more = ''): string {
  const [first] = servers
  return (first?.url ?? '').replace(/@[^/]+/, `@${servers.map(({ url }) => new URL(url).host).join()}`) + more
}

/** Has a standby follow whichever of the servers is the primary, also after another was promoted. */
export async function follow(standby: ScratchServer, servers: readonly ScratchServer[]): Promise<void> {
  const client = await standby.client()
  await client.query(`alter system set primary_conninfo = '${conninfo(servers)}'`)
  await client.query('select pg_reload_conf()')
}

/** How a standby finds the primary among them. */
export function conninfo(servers: readonly ScratchServer[]): string {
  const urls = servers.map(({ url }) => new URL(url))
  return [
    `host=${urls.map(({ hostname }) => hostname).join()}`,
    `port=${urls.map(({ port }) => port).join()}`,
    `user=postgres password=${urls[0]?.password}`,
    'target_session_attrs=primary load_balance_hosts=random connect_timeout=2',
  ].join(' ')
}

/** A fleet over all three, which looks often; closed after the file. */
export async function openOver(url: string, options: FleetOptions = {}): Promise<Fleet> {
  const fleet = await openFleet({ url, replicaPollMs: 100, ...options })
  afterFile(() => fleet.close())
  return fleet
}

/** One value of a server. */
export async function ask<T>(client: pg.Client, text: string): Promise<T> {
  const { rows } = await client.query({ text, rowMode: 'array' })
  return rows[0]?.[0] as T
}
