import type { Connection } from '../doctor/connection.js'
import { assertSupported, FACTS, MEMORY, memoryOf, type ServerFacts, SIZE, VERSION } from '../doctor/server.js'
import { listOf } from './acceptance.js'
import type { Version } from './machine.js'
import { type ServiceName, serviceOf } from './managed-service.js'
import { type MeasuredWorkload, measureWorkload } from './measured-workload.js'
import { type Queryable, readServerSettings, type ServerSetting } from './server-settings.js'

/** A server that a configuration is advised for. */
export interface ExaminedServer {
  readonly major: Version
  /** Like `17.6`. */
  readonly version: string
  readonly service: ServiceName | undefined
  /** Of its machine or control group, in bytes; undefined where the login may not read the server's files. */
  readonly memoryBytes: number | undefined
  readonly databaseBytes: number | undefined
  readonly preloadedLibraries: readonly string[]
  readonly maxConnections: number
  readonly settings: ReadonlyMap<string, ServerSetting>
  readonly workload: MeasuredWorkload
}

/** Reads settings, size, memory and workload of a server. Changes nothing. Errors: DATABASE_UNEXAMINED, ABORTED. */
export async function examineServer(
  connection: Connection,
  options: { readonly sampleMs: number; readonly signal: AbortSignal },
): Promise<ExaminedServer> {
  assertSupported(await connection.query(VERSION))
  const [facts] = await connection.query<Pick<ServerFacts, 'major' | 'version' | 'provider'>>(FACTS)
  const { major, version, provider } = facts as Pick<ServerFacts, 'major' | 'version' | 'provider'>
  // What the login may not ask stays unknown.
  const [files] = await connection.query<Parameters<typeof memoryOf>[0]>(MEMORY).catch(() => [])
  const [size] = await connection.query<{ bytes: number | null }>(SIZE).catch(() => [])
  const queryable = queryableOf(connection)
  const settings = await readServerSettings(queryable)
  return {
    major: major as Version,
    version,
    service: serviceOf(provider),
    memoryBytes: files === undefined ? undefined : memoryOf(files),
    databaseBytes: size?.bytes ?? undefined,
    preloadedLibraries: listOf(settings.get('shared_preload_libraries')?.value ?? ''),
    maxConnections: Number(settings.get('max_connections')?.value ?? 100),
    settings,
    workload: await measureWorkload(queryable, options),
  }
}

/** The doctor's connection in the shape of a client. */
export function queryableOf(connection: Connection): Queryable {
  return {
    query: async <Row>(text: string, values?: unknown[]) => ({ rows: await connection.query<Row>(text, values) }),
  }
}
