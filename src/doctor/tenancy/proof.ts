import { FleetError } from '../../errors.js'
import type { Connection } from '../connection.js'
import type { Overhead } from './overhead.js'
import type { Target } from './target.js'

/** How tenants are tried. */
export interface ProofOptions {
  /** Two tenants that have rows. */
  readonly tenants: readonly [string, string]
  /** Statement that enters a tenant for the transaction, `$1`. @default set_config of the policies' settings */
  readonly enter?: string
  /** How many transactions, of both clients together. */
  readonly transactions: number
  readonly signal?: AbortSignal
}

/** What the two clients saw of a target. */
export interface TargetProof extends Target {
  /** Rows that each tenant saw at its first look, of its own. */
  readonly rows: readonly [number, number]
  readonly foreign: number
  /** Rows that were seen without a tenant. */
  readonly unset: number
  readonly looks: number
  /** `closed`: the login may not read it at all. */
  readonly outcome: 'isolated' | 'closed' | 'leaks' | 'empty'
}

/** What came of it. */
export interface Proof {
  readonly tenants: readonly [string, string]
  readonly login: string
  readonly transactions: number
  /** Of them: committed, rolled back, failed on purpose, without a tenant. */
  readonly kinds: Readonly<Record<Kind, number>>
  /** Connections of the server that were used, and how often one went from one client to the other. */
  readonly backends: number
  readonly handovers: number
  readonly targets: readonly TargetProof[]
  readonly outcome: 'isolated' | 'leaks' | 'inconclusive'
  /** Why it is inconclusive. */
  readonly reason?: string
  /** What row-level security costs; or why nobody measured. */
  readonly overhead?: Overhead | { readonly reason: string }
}

type Kind = 'commit' | 'rollback' | 'error' | 'unset'

/** Rows that a look reads at most, except the first: many short transactions tell more than few long ones. */
const ROWS_MAX = 1000

interface Tally {
  rows: [number, number]
  foreign: number
  unset: number
  looks: number
  closed: boolean
}

/**
 * Two clients of a pooler read every target in turns, each as its tenant, in transactions that commit, roll back or fail, and
 * in some without a tenant. Nobody may see a row of the other, and without a tenant there is none. Reads only. It is
 * inconclusive when the pooler never handed a connection of the server from one client to the other. Errors: ABORTED.
 */
export async function proveTenancy(
  clients: readonly [Connection, Connection],
  targets: readonly Target[],
  options: ProofOptions,
): Promise<Proof> {
  const tallies = new Map<Target, Tally>(
    targets.map((target) => [target, { rows: [0, 0], foreign: 0, unset: 0, looks: 0, closed: false }]),
  )
  const kinds: Record<Kind, number> = { commit: 0, rollback: 0, error: 0, unset: 0 }
  const lastClient = new Map<number, number>()
  let handovers = 0
  let begun = 0
  const [first] = await clients[0].query<{ login: string }>('select session_user::text as login')

  const drive = async (number: 0 | 1) => {
    const client = clients[number]
    const tenant = options.tenants[number]
    for (let turn = 0; begun < options.transactions; turn++) {
      if (options.signal?.aborted) throw new FleetError('ABORTED', { message: 'interrupted' })
      begun++
      const target = targets[(turn + number * 7) % targets.length] as Target
      const tally = tallies.get(target) as Tally
      const kind = turn < targets.length ? 'commit' : pick()
      const found = await look(client, target, tenant, kind, turn < targets.length, options.enter)
      kinds[kind]++
      tally.looks++
      if (found === 'closed') tally.closed = true
      if (typeof found !== 'object') continue
      const before = lastClient.get(found.backend)
      if (before !== undefined && before !== number) handovers++
      lastClient.set(found.backend, number)
      if (kind === 'unset') tally.unset = Math.max(tally.unset, found.rows)
      else {
        tally.foreign += found.foreign
        tally.rows[number] = Math.max(tally.rows[number], found.rows - found.foreign)
      }
    }
  }
  await Promise.all([drive(0), drive(1)])

  const proved = [...tallies].map(([target, { rows, foreign, unset, looks, closed }]): TargetProof => {
    const outcome =
      foreign > 0 || unset > 0 ? 'leaks' : closed ? 'closed' : rows[0] + rows[1] === 0 ? 'empty' : 'isolated'
    return { ...target, rows, foreign, unset, looks, outcome }
  })
  const leaks = proved.some(({ outcome }) => outcome === 'leaks')
  const seen = proved.some(({ rows }) => rows[0] > 0 && rows[1] > 0)
  const reason = leaks
    ? undefined
    : handovers === 0
      ? 'the pooler never handed a connection from one client to the other: is it in transaction mode, with a small pool?'
      : seen
        ? undefined
        : 'in no table did both tenants see rows of their own: name two that have some with --tenants'
  return {
    tenants: options.tenants,
    login: first?.login ?? '',
    transactions: begun,
    kinds,
    backends: lastClient.size,
    handovers,
    targets: proved,
    outcome: leaks ? 'leaks' : reason === undefined ? 'isolated' : 'inconclusive',
    ...(reason === undefined ? {} : { reason }),
  }
}

/** Half commit; the others are what applications do as well. */
function pick(): Kind {
  const chance = Math.random()
  if (chance < 0.5) return 'commit'
  if (chance < 0.65) return 'rollback'
  return chance < 0.75 ? 'error' : 'unset'
}

/** One transaction of a client. */
async function look(
  client: Connection,
  { relation, column, setting }: Target,
  tenant: string,
  kind: Kind,
  whole: boolean,
  enter: string | undefined,
): Promise<{ rows: number; foreign: number; backend: number } | 'closed' | 'denied'> {
  await client.query('begin read only')
  try {
    if (kind !== 'unset') {
      if (enter === undefined) await client.query('select set_config($1, $2, true)', [setting, tenant])
      else await client.query(enter, [tenant])
    }
    const [found] = await client.query<{ rows: number; foreign: number; backend: number }>(
      `select count(*)::int as rows, count(*) filter (where x.tenant is distinct from $1)::int as foreign, pg_backend_pid() as backend
       from (select t.${column}::text as tenant from ${relation} t${whole ? '' : ` limit ${ROWS_MAX}`}) x`,
      [tenant],
    )
    if (kind === 'error') await client.query('select 1 / 0').catch(() => {})
    return found ?? 'denied'
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === '42501') return 'closed'
    // Without a tenant an error is as good as no rows.
    if (kind === 'unset' && code !== undefined) return 'denied'
    throw error
  } finally {
    await client.query(kind === 'commit' || kind === 'unset' ? 'commit' : 'rollback')
  }
}
