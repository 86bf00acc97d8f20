import { performance } from 'node:perf_hooks'
import type { Connection } from '../../database/connections.js'
import { FleetError } from '../../errors.js'
import type { Document } from '../document.js'
import { alone } from '../sql/alone.js'
import type { Statement } from '../sql/statement.js'

/** What running a statement showed. */
export interface TraceProblem {
  readonly kind: 'failed' | 'rewrite' | 'scan' | 'lock'
  readonly statement: Statement
  /** Offset in the source, where the server tells one. */
  readonly at: number | undefined
  readonly message: string
}

/** Runs the statements of a file, in its order. */
export type Trace = (document: Document, signal?: AbortSignal) => Promise<TraceProblem[]>

/** Relations that were there before, whom others may use. */
const EXISTING = `
  select c.oid::text as oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as name,
    pg_catalog.pg_relation_filenode(c.oid)::text as file, c.reltuples::float8 as rows,
    pg_catalog.pg_stat_get_xact_tuples_returned(c.oid)::float8 as read
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and n.nspname !~ '^pg_(toast_)?temp_'
  limit 50001`

const HELD = `
  select l.relation::text as oid, pg_catalog.array_agg(l.mode) as modes,
    pg_catalog.pg_relation_filenode(l.relation)::text as file,
    pg_catalog.pg_stat_get_xact_tuples_returned(l.relation)::float8 as read
  from pg_catalog.pg_locks l
  where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted
  group by l.relation`

interface Relation {
  readonly name: string
  readonly rows: number
  file: string | null
  read: number
  /** The place in BLOCKS of the strongest lock that was ever taken: a transaction gives none back. */
  strongest: number
  /** That of this file, and since when it is held. */
  held: { readonly mode: string; readonly since: number; readonly statement: Statement } | undefined
}

interface Held {
  readonly oid: string
  readonly modes: readonly string[]
  readonly file: string | null
  readonly read: number
}

/** The locks that others notice, the strongest first, and what they keep them from. */
const BLOCKS: readonly (readonly [mode: string, effect: string])[] = [
  ['AccessExclusiveLock', 'nobody else can read or write it'],
  ['ExclusiveLock', 'nobody else can write it'],
  ['ShareRowExclusiveLock', 'nobody else can write it'],
  ['ShareLock', 'nobody else can write it'],
]
const effectOf = (mode: string) => BLOCKS.find(([each]) => each === mode)?.[1] ?? ''
const RELATIONS_MAX = 50_000

/**
 * Runs files in the transaction of the connection, which somebody rolls back: what locks their statements take on
 * relations that were there before, what they rewrite, and what they read meanwhile. Statements that need to run outside
 * a transaction, and COPY from the client, are passed over. A lock is told of where it is taken first.
 */
export async function tracing(connection: Connection): Promise<Trace> {
  await connection.query("set local lock_timeout = '2s'")
  await connection.query("set local statement_timeout = '10min'")
  const { rows } = await connection.query<{
    oid: string
    name: string
    file: string | null
    rows: number
    read: number
  }>(EXISTING)
  if (rows.length > RELATIONS_MAX) {
    throw new FleetError('OPTIONS_INVALID', { message: 'the database holds more than 50,000 tables', field: 'url' })
  }
  const relations = new Map<string, Relation>(
    rows.map(({ oid, ...rest }) => [oid, { ...rest, strongest: BLOCKS.length, held: undefined }]),
  )
  return async (document, signal) => {
    const problems: TraceProblem[] = []
    if (document.source.kind !== 'sql') return problems
    for (const statement of document.statements) {
      signal?.throwIfAborted()
      if (!runs(statement)) continue
      const begun = performance.now()
      const failure = await attempt(connection, statement)
      const ms = performance.now() - begun
      if (failure !== undefined) {
        // What comes behind it in the file meets another database than it is meant for.
        problems.push(failure)
        break
      }
      const held = await connection.query<Held>(HELD)
      for (const each of held.rows) {
        const relation = relations.get(each.oid)
        if (relation !== undefined) problems.push(...changes(relation, each, statement, begun, ms))
      }
    }
    const end = performance.now()
    for (const relation of relations.values()) {
      if (relation.held === undefined) continue
      const { mode, since, statement } = relation.held
      relation.held = undefined
      const message = `${mode} on ${relation.name} is held for ${duration(end - since)}, to the end of the file: ${effectOf(mode)}`
      problems.push({ kind: 'lock', statement, at: undefined, message })
    }
    return problems
  }
}

/** True for statements of the file itself that a transaction takes, and that leave it open. */
function runs(statement: Statement): boolean {
  const copy = statement.is('CopyStmt')
  return (
    statement.routine === undefined &&
    statement.kind !== 'TransactionStmt' &&
    alone(statement) === undefined &&
    (copy === undefined || copy.filename !== undefined)
  )
}

async function attempt(connection: Connection, statement: Statement): Promise<TraceProblem | undefined> {
  await connection.query('savepoint pgfleet_trace')
  try {
    await connection.query(statement.sql)
    await connection.query('release savepoint pgfleet_trace')
    return undefined
  } catch (error) {
    const { message, code = '', position } = error as Error & { code?: string; position?: string }
    // Without a code it was the connection that failed.
    if (code === '') throw error
    await connection.query('rollback to savepoint pgfleet_trace')
    // The server counts characters.
    const before = position === undefined ? '' : [...statement.sql].slice(0, Number(position) - 1).join('')
    const at = position === undefined ? undefined : statement.start + before.length
    return { kind: 'failed', statement, at, message: `${message} (${code})` }
  }
}

function changes(relation: Relation, now: Held, statement: Statement, begun: number, ms: number): TraceProblem[] {
  const problems: TraceProblem[] = []
  const say = (kind: TraceProblem['kind'], message: string) =>
    problems.push({ kind, statement, at: undefined, message })
  const strongest = BLOCKS.find(([mode]) => now.modes.includes(mode))
  if (strongest !== undefined && BLOCKS.indexOf(strongest) < relation.strongest) {
    relation.strongest = BLOCKS.indexOf(strongest)
    relation.held = { mode: strongest[0], since: begun, statement }
  }
  const isRewritten = now.file !== null && now.file !== relation.file && statement.kind !== 'TruncateStmt'
  const read = now.read - relation.read
  relation.file = now.file
  relation.read = now.read
  if (strongest === undefined) return problems
  const during = `in ${duration(ms)}, while ${strongest[1]}`
  if (isRewritten) {
    const rows = relation.rows < 0 ? '' : ` (about ${count(relation.rows)})`
    say('rewrite', `${relation.name}${rows} is written anew ${during}`)
  } else if (read > 0) say('scan', `${count(read)} of ${relation.name} are read ${during}`)
  return problems
}

const count = (rows: number) => `${Math.round(rows).toLocaleString('en-US')} ${Math.round(rows) === 1 ? 'row' : 'rows'}`
const duration = (ms: number) =>
  ms < 9950 ? `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`
