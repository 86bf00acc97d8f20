import type { DirectConnection } from './connection.js'

/** What PostgreSQL lets `maintenance_work_mem` be, in bytes. */
const LEAST_BYTES = 1024 ** 2
const MOST_BYTES = 2 ** 31 - 1024

/**
 * Settings for connections that build indexes side by side: with `maintenance_work_mem` as it is when a server is fresh, 64 MB, an
 * HNSW index of some hundred thousand vectors is built on disk, several times as slowly. Unless told otherwise they take a quarter of
 * `shared_buffers` together, which is a sixteenth of the machine where those are a quarter of it; never less than the server's own.
 * Each build is one process: one of several would share this memory by /dev/shm, of which containers have little.
 */
export async function buildSettings(
  connection: DirectConnection,
  jobs: number,
  wanted: number | undefined,
): Promise<Readonly<Record<string, string>>> {
  const [server] = await connection.query<{ own: string; shared: string }>(
    `select pg_size_bytes(current_setting('maintenance_work_mem'))::text as own, pg_size_bytes(current_setting('shared_buffers'))::text as shared`,
  )
  const own = Number(server?.own ?? 0)
  const bytes = wanted ?? Math.max(own, Number(server?.shared ?? 0) / 4 / jobs)
  const kilobytes = Math.floor(Math.min(Math.max(bytes, LEAST_BYTES), MOST_BYTES) / 1024)
  return { maintenance_work_mem: `${kilobytes}kB`, max_parallel_maintenance_workers: '0' }
}
