import { z } from 'zod'
import { Batcher, type Durability } from './database/batch.js'
import type { BatchMetrics } from './database/batch-metrics.js'
import { Changes } from './database/cache/changes.js'
import { type CacheReport, ReadCache } from './database/cache/read-cache.js'
import { valkeyLink } from './database/cache/valkey-notices.js'
import type { ConnectionOptions } from './database/connections.js'
import { Database, ENTER, SET_ASYNC } from './database/database.js'
import { startEmbedded } from './database/embedded.js'
import { migrate, schemaStatus } from './database/migrate.js'
import { Primary } from './database/primary/primary.js'
import { serverUrls } from './database/primary/server-urls.js'
import { type Consistency, Replicas, type ReplicasReport } from './database/replicas/replicas.js'
import { createSession, createTransactionSession } from './database/session.js'
import { createFleetTuning, type FleetTuning } from './database/tuning.js'
import { FleetError } from './errors.js'
import { type Identity, toIdentity } from './identity.js'
import { check } from './input.js'
import { createMaintenance, type Maintenance } from './maintenance/index.js'
import { type FleetOptions, type ResolvedOptions, resolveOptions } from './options.js'
import { createDeliveryStore, type DeliveryStore } from './stores/delivery/index.js'
import { createLearningStore, type LearningStore } from './stores/learning/index.js'
import { createMemoryStore, type MemoryServices, type MemoryStore, type Principal } from './stores/memory/index.js'
import { ApiKeyUsage, COUNT_USES } from './stores/memory/keys/api-key-usage.js'
import { tenantOfKey, unknownKey } from './stores/memory/keys/api-keys.js'
import { DataKeys } from './stores/memory/secrets/data-keys.js'
import { createVectorDimensions, type VectorDimensions } from './stores/memory/vectors/vector-dimensions.js'
import { TransactionSignal } from './stores/metadata/change-signal.js'
import { createMetadataServices, createMetadataStore, type MetadataStore } from './stores/metadata/index.js'
import { assertTenantId } from './tenants/tenant-id.js'
import { createTenants, type Tenants } from './tenants.js'

/** The stores of one tenant, inside one transaction. */
export interface Transaction {
  readonly learning: LearningStore
  readonly memory: MemoryStore
  readonly delivery: DeliveryStore
  readonly metadata: MetadataStore
}

/** How a transaction runs. */
export interface TransactionOptions {
  /** @default 'read committed' */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  /** @default false */
  readonly readOnly?: boolean
  readonly durability?: Durability
}

const consistencies = z.enum(['latest', 'cached', 'own-writes', 'stale'])
const transactionOptions = z.strictObject({
  isolation: z.enum(['read committed', 'repeatable read', 'serializable']).default('read committed'),
  readOnly: z.boolean().default(false),
  durability: z.enum(['durable', 'async']).default('durable'),
})

/** The stores of one tenant. */
export interface Tenant {
  readonly id: string
  readonly learning: LearningStore
  readonly memory: MemoryStore
  readonly delivery: DeliveryStore
  readonly metadata: MetadataStore
  /**
   * The same tenant, for calls on somebody's behalf: the audit log records who, and what it belongs to. The identity
   * travels with each item, so calls of many identities still share a statement. Errors: INPUT_INVALID.
   */
  as(identity: Identity): Tenant
  /**
   * The same tenant, for reads that need not see the latest: they go to the fleet's replicas, or are answered by its cache;
   * writes go to the primary as ever. What no replica can answer, or none in time, and what is not in the cache, the primary
   * answers. Without replicas, or a cache, it changes nothing.
   */
  reading(consistency: Consistency): Tenant
  /**
   * Runs the callback in one transaction: everything it does through `tx` commits together when it resolves, and
   * nothing when it throws. Calls go to the database one by one, not through the queues. It is not repeated by itself:
   * on CONFLICT (`retryable`) the caller may. Errors: the callback's own; OUTCOME_UNKNOWN when the connection is lost
   * during the commit.
   * With `readOnly`, on a tenant whose reads need not be the latest, it may run on a replica, unless it is serializable;
   * then PRIMARY_REQUIRED for calls that only the primary answers, and nothing is repeated once the callback has begun.
   */
  transaction<T>(callback: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
}

/** What the stores of all tenants share. */
type Services = MemoryServices & ReturnType<typeof createMetadataServices>

/** An open database. */
export interface Fleet extends AsyncDisposable {
  readonly tenants: Tenants
  /** The dimensions that vectors may have, and their indexes. */
  readonly vectorDimensions: VectorDimensions
  /** What the database needs done now and then: partitions, retention, expiry, statistics. */
  readonly maintenance: Maintenance
  /** The stores of a tenant; no call is made, so an unknown tenant shows at the first use. Errors: TENANT_INVALID. */
  tenant(id: string): Tenant
  /**
   * Who presents an API key, of whichever tenant: `tenant.memory.keys.verify` for callers whose tenant is not known
   * beforehand. Errors: KEY_UNKNOWN, KEY_EXPIRED, KEY_REVOKED, KEY_SCOPE_MISSING.
   */
  verifyKey(key: string, options?: { scope?: string; signal?: AbortSignal }): Promise<Principal>
  /** What the gathered operations did since opening. */
  metrics(): BatchMetrics[]
  /** Its limits, which can be changed while it works. */
  readonly tuning: FleetTuning
  /** How far the replicas are, and which reads they answered since opening. */
  replicas(): ReplicasReport
  /** What the cache did since opening. */
  cache(): CacheReport
  /** True when the database runs in this process. */
  readonly isEmbedded: boolean
  /** The database under the stores, for migrations, benchmarks and tests. */
  readonly database: Database
  /**
   * Refuses new calls, waits for the queued ones, and closes. Harmless to repeat. Errors: CLOSE_INCOMPLETE when they have
   * not settled after `closeTimeoutMs`; then each of them rejects, and the connections are cut.
   */
  close(): Promise<void>
}

/**
 * Opens a fleet: the server behind `url`, or without one the embedded database. Brings the schema up to date unless told
 * not to. Errors: OPTIONS_INVALID, CONNECTION_FAILED, DATABASE_LOCKED, DATABASE_UNSUITABLE, SCHEMA_MISSING,
 * SCHEMA_TOO_NEW, and those of `migrate`.
 */
export async function openFleet(options: FleetOptions = {}): Promise<Fleet> {
  const resolved = resolveOptions(options)
  const database = await openDatabase(options)
  try {
    const status = await schemaStatus(database)
    if (!status.upToDate) {
      if (!resolved.migrate) {
        throw new FleetError('SCHEMA_MISSING', {
          message: `the schema is at migration ${status.version} of ${status.target}, with ${status.changed.length} functions to apply`,
        })
      }
      await migrate(database)
    }
  } catch (error) {
    await database.close()
    throw error
  }
  const replicas = openReplicas(database, resolved)
  await replicas?.open()
  const batcher = new Batcher(
    (operation, tenant, items, { durability, consistency, idempotent, attached, pipeline }) => {
      const values = attached === undefined ? [tenant, items] : [tenant, items, attached]
      const how = { durability, idempotent: idempotent || !operation.writes, reads: !operation.writes, pipeline }
      const send = (to: Database) => to.run(operation.statement, values, how)
      return replicas === undefined || consistency === 'latest' ? send(database) : replicas.read(consistency, send)
    },
    resolved.batch,
  )
  const cache = await openCache(resolved).catch(async (error) => {
    await replicas?.close()
    await database.close()
    throw error
  })
  const shared: Omit<Shared, 'services'> = { database, replicas, cache, batcher }
  const services: Services = {
    ...createMetadataServices(resolved.listen, resolved.connectTimeoutMs),
    usage: new ApiKeyUsage((tenant, uses) => batcher.submit(COUNT_USES, tenant, uses, {})),
    dataKeys: new DataKeys(resolved.keyProvider),
  }
  const maintenance = createMaintenance(database)
  const close = async () => {
    const isFlushed = await inTime(resolved.closeTimeoutMs, async () => {
      // A batch that does not end in time is cut off with its connection.
      await maintenance.stop().catch(() => {})
      await services.signal.close()
      await services.usage.flush()
      await batcher.close()
    })
    await cache?.close()
    if (isFlushed) {
      await replicas?.close()
      return await database.close()
    }
    const held = batcher.abandon()
    await replicas?.abandon()
    await database.abandon()
    throw new FleetError('CLOSE_INCOMPLETE', {
      message: `the queues were not empty after ${resolved.closeTimeoutMs} ms; they held ${Object.entries(held)
        .map(([operation, { queued, inFlight }]) => `${operation}: ${queued} not sent, ${inFlight} in flight`)
        .join('; ')}`,
      details: { held },
    })
  }
  return {
    tenants: createTenants(database),
    vectorDimensions: createVectorDimensions(database),
    maintenance,
    tenant: (id) => createTenant({ ...shared, services }, id),
    async verifyKey(key, options) {
      const id = tenantOfKey(key)
      if (id === undefined) throw unknownKey()
      return await createTenant({ ...shared, services }, id).memory.keys.verify(key, options)
    },
    metrics: () => batcher.metrics(),
    tuning: createFleetTuning(database, batcher),
    replicas: () =>
      replicas?.report() ?? { onReplicas: 0, onPrimary: { unavailable: 0, behind: 0, failed: 0 }, replicas: [] },
    cache: () => cache?.report() ?? NO_CACHE,
    isEmbedded: database.isEmbedded,
    database,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** False when the work takes longer; it goes on. */
async function inTime(limitMs: number, work: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs)
  })
  try {
    return await Promise.race([work().then(() => true), limit])
  } finally {
    clearTimeout(timer)
  }
}

/** Opens the database alone, whatever its schema: for migrations. */
export async function openDatabase(options: FleetOptions = {}): Promise<Database> {
  const { url, dataDir, poolMax, connectTimeoutMs, callTimeoutMs, prepare, replicaPollMs } = resolveOptions(options)
  const limits = { poolMax, connectTimeoutMs, callTimeoutMs, prepare }
  if (url !== undefined) return new Database({ ...serverOf(url, limits.connectTimeoutMs, replicaPollMs), ...limits })
  const embedded = await startEmbedded(dataDir)
  return new Database({ embedded, host: embedded.host, port: embedded.port, ...limits })
}

/** The one server of a url, or what finds the primary among several. */
function serverOf(
  url: string,
  waitMs: number,
  pollMs: number,
): Pick<ConnectionOptions, 'connectionString' | 'primary'> {
  const { urls, wantsPrimary } = serverUrls(url)
  return wantsPrimary ? { primary: new Primary(urls, { pollMs, waitMs }) } : { connectionString: url }
}

function openReplicas(
  database: Database,
  { url, replicas, replicaWaitMs, replicaLagMsMax, replicaPollMs, ...limits }: ResolvedOptions,
): Replicas | undefined {
  if (url === undefined || replicas.length === 0) return undefined
  const { poolMax, connectTimeoutMs, callTimeoutMs, prepare } = limits
  return new Replicas(
    database,
    replicas,
    { poolMax, connectTimeoutMs, callTimeoutMs, prepare },
    { waitMs: replicaWaitMs, lagMsMax: replicaLagMsMax, pollMs: replicaPollMs },
  )
}

/** The report of a fleet without a cache. */
const NO_CACHE: CacheReport = Object.freeze({
  kind: 'none',
  isReady: false,
  hits: 0,
  misses: 0,
  bypassed: 0,
  dropped: 0,
  emptied: 0,
  items: 0,
  bytes: 0,
  lastError: null,
})

async function openCache({ cache: options }: ResolvedOptions): Promise<ReadCache | undefined> {
  if (options === undefined) return undefined
  const cache = new ReadCache(options, options.kind === 'valkey' ? await valkeyLink(options) : undefined)
  await cache.open()
  return cache
}

/** What the tenants of a fleet share. */
interface Shared {
  readonly database: Database
  readonly replicas: Replicas | undefined
  readonly cache: ReadCache | undefined
  readonly batcher: Batcher
  readonly services: Services
}

function createTenant(
  shared: Shared,
  id: string,
  identity: Identity = {},
  consistency: Consistency = 'latest',
): Tenant {
  const { database, replicas, cache, batcher, services } = shared
  assertTenantId(id)
  const session = createSession(database, batcher, id, replicas, consistency, cache)
  return {
    id,
    learning: createLearningStore(session),
    memory: createMemoryStore(session, services),
    delivery: createDeliveryStore(session, identity),
    metadata: createMetadataStore(session, services, identity),
    as: (other) => createTenant(shared, id, toIdentity(other), consistency),
    reading: (wanted) => createTenant(shared, id, identity, check('consistency', consistencies, wanted)),
    async transaction(callback, options = {}) {
      const { isolation, readOnly, durability } = check('options', transactionOptions, options)
      const begin = `begin isolation level ${isolation}${readOnly ? ' read only' : ''}`
      const enter = [
        { statement: ENTER, values: [id] },
        ...(durability === 'async' ? [{ statement: SET_ASYNC, values: [] }] : []),
      ]
      const signal = new TransactionSignal()
      const changes = new Changes()
      const on = (at: Database, begun: () => void) =>
        at.transaction(
          begin,
          enter,
          async (run) => {
            begun()
            const session = createTransactionSession(run, id, at !== database, changes)
            return await callback({
              learning: createLearningStore(session),
              memory: createMemoryStore(session, services),
              delivery: createDeliveryStore(session, identity),
              metadata: createMetadataStore(session, { ...services, signal }, identity),
            })
          },
          { durability, readOnly },
        )
      try {
        // A standby knows no serializable transactions.
        const mayBeOld =
          readOnly && isolation !== 'serializable' && consistency !== 'latest' && consistency !== 'cached'
        return mayBeOld && replicas !== undefined
          ? await replicas.transaction(consistency, on)
          : await on(database, () => {})
      } finally {
        cache?.changed(id, changes)
        await signal.hubs.close()
        if (signal.hasWritten) services.signal.wrote(session)
      }
    },
  }
}
