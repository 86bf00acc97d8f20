import { type Connection, connect } from '../doctor/connection.js'
import { count, percent } from '../doctor/figures.js'
import { wrap } from '../doctor/report/text.js'
import { measureOverhead } from '../doctor/tenancy/overhead.js'
import { type Proof, proveTenancy } from '../doctor/tenancy/proof.js'
import { readTargets, readTenants } from '../doctor/tenancy/target.js'
import { FleetError } from '../errors.js'
import type { Context } from './context.js'
import { EXIT } from './failure.js'
import { describeWhere, type Where } from './where.js'

/** Options of `pgfleet doctor --prove-tenancy`. */
export interface TenancyOptions {
  /** The application's login, through the pooler. */
  readonly pooledUrl?: string
  readonly tenants?: readonly string[]
  readonly enter?: string
  readonly transactions: number
}

/** How long one statement of a proof may take, in milliseconds. */
const CALL_TIMEOUT_MS = 60_000

/** Proves that tenants see their own rows alone, and prints what was seen. Returns the exit code. */
export async function proveTenants(context: Context, where: Where, options: TenancyOptions): Promise<number> {
  const { pooledUrl } = options
  if (pooledUrl === undefined || where.url === undefined) {
    throw new FleetError('OPTIONS_INVALID', {
      message:
        '--prove-tenancy takes the url of an administrator, and --pooled-url: the application’s login through the pooler',
      field: 'pooledUrl',
    })
  }
  const open: Connection[] = []
  const lend = async (url: string) => {
    const connection = await connect(url, CALL_TIMEOUT_MS)
    open.push(connection)
    return connection
  }
  try {
    const admin = await lend(where.url)
    return await prove(context, admin, () => lend(pooledUrl), { ...options, pooledUrl })
  } finally {
    for (const connection of open) await connection.close().catch(() => {})
  }
}

async function prove(
  context: Context,
  admin: Connection,
  lend: () => Promise<Connection>,
  options: TenancyOptions & { readonly pooledUrl: string },
): Promise<number> {
  const { transactions, enter, pooledUrl } = options
  const targets = await readTargets(admin)
  if (targets.length === 0) {
    throw new FleetError('DATABASE_UNEXAMINED', {
      message: 'there is nothing to prove: no table has a policy that compares a column with current_setting()',
      hint: 'Is it the right database? Policies that know the tenant otherwise cannot be tried.',
    })
  }
  const [a, b, ...more] = options.tenants ?? (await readTenants(admin, targets))
  if (a === undefined || b === undefined || more.length > 0 || a === b) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'two tenants that have rows are needed, and could not be found: name them with --tenants a b',
      field: 'tenants',
    })
  }
  const clients = [await lend(), await lend()] as const
  const tried = {
    tenants: [a, b] as const,
    transactions,
    signal: context.signal,
    ...(enter === undefined ? {} : { enter }),
  }
  const proof = await proveTenancy(clients, targets, tried)
  const overhead = await measureOverhead(admin, targets, proof.login, a, enter)
  const result: Proof = { ...proof, overhead }
  context.terminal.result(result, () => format(context, describeWhere({ url: pooledUrl }), result))
  return proof.outcome === 'isolated' ? EXIT.ok : EXIT.failed
}

/** Targets without a fault that are named one by one, at most. */
const NAMED_MAX = 12

function format({ terminal }: Context, where: string, proof: Proof): string {
  const { bold, dim, red, green, yellow } = terminal.colors
  const width = Math.min(Math.max(process.stdout.columns ?? 80, 60), 100)
  const { kinds, targets, overhead } = proof
  const of = (outcome: string) => targets.filter((target) => target.outcome === outcome)
  const isolated = of('isolated')
  const lines = [
    `${bold('pgfleet doctor --prove-tenancy')}  ${where}`,
    ...wrap(
      `${count(proof.transactions)} transactions of two clients, as ${proof.tenants.join(' and ')}: ${count(kinds.commit)} committed, ${count(kinds.rollback)} rolled back, ${count(kinds.error)} failed on purpose, ${count(kinds.unset)} without a tenant. ${count(proof.backends)} connections of the server went ${count(proof.handovers)} times from one client to the other.`,
      width,
      '',
    ).map(dim),
    '',
    ...of('leaks').flatMap(({ kind, relation, foreign, unset }) =>
      wrap(
        `${kind} ${relation}: ${[...(foreign > 0 ? [`${count(foreign)} rows of another tenant`] : []), ...(unset > 0 ? [`${count(unset)} rows without a tenant`] : [])].join(', ')}`,
        width,
        '  LEAKS     ',
      ).map(red),
    ),
    ...isolated
      .slice(0, NAMED_MAX)
      .flatMap(({ kind, relation, rows }) =>
        wrap(`${kind} ${relation} (${rows.map(count).join(' and ')} rows)`, width, '  isolated  '),
      ),
    ...(isolated.length > NAMED_MAX ? [`  isolated  and ${count(isolated.length - NAMED_MAX)} more`] : []),
    ...(of('closed').length > 0
      ? [dim(`  closed    ${count(of('closed').length)} that ${proof.login} may not read at all`)]
      : []),
    ...(of('empty').length > 0
      ? [dim(`  empty     ${count(of('empty').length)} in which neither has rows: nothing is known of them`)]
      : []),
    '',
  ]
  if (overhead !== undefined) {
    lines.push(
      ...wrap(
        'reason' in overhead
          ? `Overhead: ${overhead.reason}.`
          : `Overhead of row-level security on ${overhead.relation}: ${percent(overhead.share)}, between ${percent(overhead.low)} and ${percent(overhead.high)} (95 %, ${overhead.rounds} interleaved rounds; ${overhead.bypassed.toFixed(2)} ms without, ${overhead.enforced.toFixed(2)} ms with it).`,
        width,
        '',
      ),
      '',
    )
  }
  const verdict = {
    isolated: green('Isolated: nobody saw a row of another, and without a tenant there was none.'),
    leaks: red('It leaks.'),
    inconclusive: yellow('Not proven:'),
  }[proof.outcome]
  lines.push(proof.reason === undefined ? verdict : [verdict, ...wrap(proof.reason, width, '  ')].join('\n'))
  return lines.join('\n')
}
