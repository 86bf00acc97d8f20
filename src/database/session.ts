import { FleetError } from '../errors.js'
import { attached } from './attachment.js'
import type { Batcher, CallOptions, Operation } from './batch.js'
import type { Database } from './database.js'
import type { Consistency, Replicas } from './replicas/replicas.js'
import type { Statement } from './statement.js'

/** Where a read is answered. */
export interface Reading {
  /** `latest`: by the primary, whatever the tenant was given for its reads: for what a decision or a write depends on. */
  readonly consistency?: 'latest'
}

/** How a store reaches the rows of one tenant: through the queues, or directly inside a transaction. */
export interface Session {
  readonly tenant: string
  /** A hot operation on many items: gathered with others' into one statement. */
  submit<Item, Row, Result>(
    operation: Operation<Item, Row, Result>,
    items: readonly Item[],
    options?: CallOptions & Reading,
  ): Promise<Result[]>
  /** Any other statement, inside the tenant. */
  query<Row>(
    statement: Statement<Row>,
    values: readonly unknown[],
    options?: CallOptions & Reading & { idempotent?: boolean },
  ): Promise<Row[]>
}

/** The session of plain calls: each is a transaction of its own. Reads are answered with this consistency. */
export function createSession(
  database: Database,
  batcher: Batcher,
  tenant: string,
  replicas?: Replicas,
  consistency: Consistency = 'latest',
): Session {
  return {
    tenant,
    submit(operation, items, options = {}) {
      try {
        database.assertNotNested()
      } catch (error) {
        return Promise.reject(error)
      }
      const wanted = operation.writes || operation.primaryOnly ? 'latest' : (options.consistency ?? consistency)
      return batcher.submit(operation, tenant, items, {
        durability: options.durability ?? 'durable',
        consistency: wanted,
        signal: options.signal,
      })
    },
    async query(statement, values, options = {}) {
      database.assertNotNested()
      assertNotAborted(statement.name, options.signal)
      const reads = statement.reads ?? false
      const how = {
        durability: options.durability ?? 'durable',
        idempotent: options.idempotent ?? false,
        reads,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }
      const wanted = options.consistency ?? consistency
      if (replicas === undefined || !reads || wanted === 'latest') {
        return await database.runAs(tenant, statement, values, how)
      }
      return await replicas.read(wanted, (at) => at.runAs(tenant, statement, values, how), options.signal)
    },
  }
}

/**
 * The session inside a transaction: calls go to it directly, one after the other, and commit with it. On a replica it
 * refuses what a replica cannot answer. Errors: PRIMARY_REQUIRED.
 */
export function createTransactionSession(
  run: <Row>(statement: Statement<Row>, values: readonly unknown[]) => Promise<Row[]>,
  tenant: string,
  isOnReplica = false,
): Session {
  const assertAnswered = (name: string, isRead: boolean) => {
    if (!isOnReplica || isRead) return
    throw new FleetError('PRIMARY_REQUIRED', { message: `${name} was called in a transaction that a replica answers` })
  }
  return {
    tenant,
    async submit(operation, items, options = {}) {
      assertAnswered(operation.name, !operation.writes && !operation.primaryOnly)
      assertNotAborted(operation.name, options.signal)
      if (items.length === 0) return []
      if (items.length > operation.itemsMax) {
        throw new FleetError('INPUT_INVALID', {
          message: `${operation.name} takes at most ${operation.itemsMax} items a call, got ${items.length}`,
          field: 'items',
        })
      }
      const bytes = attached(operation, items)
      const rows = await run(operation.statement, [
        tenant,
        `[${items.map((item) => operation.encode(item)).join()}]`,
        ...(bytes === undefined ? [] : [bytes]),
      ])
      const byOrdinal = new Map(rows.map((row) => [row.ordinal, row]))
      return items.map((item, i) => operation.decode(byOrdinal.get(i + 1), item))
    },
    async query(statement, values, options = {}) {
      assertAnswered(statement.name, statement.reads ?? false)
      assertNotAborted(statement.name, options.signal)
      return await run(statement, values)
    },
  }
}

function assertNotAborted(name: string, signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return
  throw new FleetError('ABORTED', { message: `${name} was aborted before it was sent`, cause: signal.reason })
}
