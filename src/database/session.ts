import { FleetError } from '../errors.js'
import { answerOf } from './answer.js'
import { attached } from './attachment.js'
import type { AnyOperation, Batcher, CallOptions, Operation } from './batch.js'
import { storeOf } from './cache/cached-read.js'
import { Changes } from './cache/changes.js'
import type { ReadCache } from './cache/read-cache.js'
import type { Database } from './database.js'
import { encodeItems } from './encoding.js'
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
  cache?: ReadCache,
): Session {
  const isCached = consistency === 'cached'
  const plain = isCached ? 'latest' : consistency
  return {
    tenant,
    submit(operation, items, options = {}) {
      try {
        database.assertNotNested()
      } catch (error) {
        return Promise.reject(error)
      }
      const wanted = operation.writes || operation.primaryOnly ? 'latest' : (options.consistency ?? plain)
      const { durability = 'durable', signal } = options
      const how = { durability, consistency: wanted, signal }
      if (cache === undefined) return batcher.submit(operation, tenant, items, how)
      const send = (some: typeof items) => batcher.submit(operation, tenant, some, how)
      if (operation.writes) return withChanges(send(items), cache, tenant, operation, items)
      const { cached } = operation
      if (!isCached || cached === undefined || options.consistency === 'latest' || signal?.aborted) return send(items)
      return cache.read(operation, cached, tenant, items, send)
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
      const wanted = options.consistency ?? plain
      if (replicas === undefined || !reads || wanted === 'latest') {
        const rows = database.runAs(tenant, statement, values, how)
        return await (cache !== undefined && statement.changesStore
          ? withChanges(rows, cache, tenant, statement)
          : rows)
      }
      return await replicas.read(wanted, (at) => at.runAs(tenant, statement, values, how), options.signal)
    },
  }
}

/** The result, once what was written is dropped from the cache; also where it is not known whether it was written. */
function withChanges<Result>(
  result: Promise<Result>,
  cache: ReadCache,
  tenant: string,
  of: Changing,
  items: readonly unknown[] = [],
): Promise<Result> {
  const changes = new Changes()
  note(changes, of, items)
  if (changes.isEmpty) return result
  const drop = () => cache.changed(tenant, changes)
  return result.then(
    (value) => {
      drop()
      return value
    },
    (error) => {
      drop()
      throw error
    },
  )
}

/** An operation or a statement, as far as it changes what may be cached. */
type Changing = Pick<AnyOperation, 'name' | 'changes'> & {
  readonly changesStore?: boolean
  readonly statement?: Statement<unknown>
}

function note(changes: Changes, of: Changing, items: readonly unknown[]): void {
  if (of.changesStore || of.statement?.changesStore) changes.addAll(storeOf(of.name))
  if (of.changes === undefined) return
  const store = storeOf(of.name)
  for (const item of items) changes.add(store, of.changes(item))
}

/**
 * The session inside a transaction: calls go to it directly, one after the other, and commit with it. On a replica it
 * refuses what a replica cannot answer. What it may have changed is added to `changes`. Errors: PRIMARY_REQUIRED.
 */
export function createTransactionSession(
  run: <Row>(statement: Statement<Row>, values: readonly unknown[]) => Promise<Row[]>,
  tenant: string,
  isOnReplica = false,
  changes = new Changes(),
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
      if (operation.writes) note(changes, operation, items)
      const bytes = attached(operation, () => items)
      const rows = await run(operation.statement, [
        tenant,
        `[${encodeItems(operation, items)}]`,
        ...(bytes === undefined ? [] : [bytes]),
      ])
      const answer = answerOf(operation, rows)
      return items.map((item, i) => operation.decode(answer[i], item))
    },
    async query(statement, values, options = {}) {
      assertAnswered(statement.name, statement.reads ?? false)
      assertNotAborted(statement.name, options.signal)
      note(changes, statement, [])
      return await run(statement, values)
    },
  }
}

function assertNotAborted(name: string, signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return
  throw new FleetError('ABORTED', { message: `${name} was aborted before it was sent`, cause: signal.reason })
}
