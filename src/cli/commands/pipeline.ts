import { Argument, type Command, Option } from 'commander'
import { FleetError } from '../../errors.js'
import type {
  Branch,
  Check,
  CheckKind,
  DeliveryStore,
  Deployment,
  PipelineJob,
  PipelineRun,
  PullRequestKey,
} from '../../stores/delivery/index.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { time } from '../times.js'
import { assertThere } from '../where.js'

type Fact = Branch | Check | Deployment | PipelineJob | PipelineRun

/** The filters as the store takes them, and what is for the command alone. */
interface ListOptions {
  readonly tenant: string
  readonly limit?: number
  readonly repository?: string
  readonly commit?: string
  readonly pullRequest?: PullRequestKey
  readonly deleted?: boolean
  readonly suites?: boolean
  readonly from?: Date
  readonly to?: Date
  /** Those that are named as in the store. */
  readonly [filter: string]: unknown
}

/** Reads a page behind `after`, which is the last one of the page before. */
type ReadPage = (delivery: DeliveryStore, filters: object, after: Fact | undefined) => Promise<readonly Fact[]>

const KINDS = ['run', 'job', 'check', 'suite', 'deployment', 'branch'] as const

/** `pgfleet pipeline`: looks at what webhooks told. */
export function addPipeline(program: Command, shell: Shell): void {
  const command = program
    .command('pipeline')
    .description("look at what GitHub's webhooks told: runs, jobs, checks, deployments, branches")
    .addHelpText(
      'after',
      `
Newest first; with --json each is a line of its own. Checks of a pull request are those of its head.

Examples:
  pgfleet pipeline checks --tenant acme --pull-request acme/shop#7 --conclusion failure
  pgfleet pipeline runs --tenant acme --branch main --from 2d --json
  pgfleet pipeline deployments --tenant acme --environment production --limit 5
  pgfleet pipeline get run acme/shop 21430000000 --tenant acme`,
    )
  const list = (name: string, description: string, readPage: ReadPage) =>
    command
      .command(name)
      .description(description)
      .requiredOption('--tenant <id>', 'whose')
      .option('--from <time>', 'at this time or later: 2026-01-31T12:00:00Z, 15m, 2h, 7d', time)
      .option('--to <time>', 'before this time', time)
      .option('--limit <count>', 'most of them', wholeNumber(1), 100)
      .option('--commit <sha>', 'of this commit')
      .action(
        action<ListOptions>(shell, (context, options, repository) =>
          printList(context, repository === undefined ? options : { ...options, repository }, readPage),
        ),
      )
  const ofRepository = (made: Command) => made.option('--repository <owner/name>', 'of this repository')
  const ofCommit = (made: Command) =>
    ofRepository(made)
      .option('--pull-request <owner/name#number>', "of this pull request's head", pullRequestKey)
      .option('--status <status>', 'queued, in_progress, completed, ...')
  ofCommit(list('runs', 'print runs of workflows', runs))
    .option('--conclusion <conclusion>', 'success, failure, cancelled, skipped, ...')
    .option('--branch <name>', 'of this branch')
    .option('--workflow-name <name>', 'of this workflow')
    .option('--event <event>', 'started by this: push, pull_request, schedule, ...')
    .option('--actor <login>', 'started by this user')
  list('jobs', 'print jobs of a repository', jobs)
    .argument('<repository>', 'like acme/shop')
    .option('--run-id <id>', 'of this run', wholeNumber(1))
    .option('--status <status>', 'queued, in_progress, completed, ...')
    .option('--conclusion <conclusion>', 'success, failure, cancelled, skipped, ...')
    .option('--branch <name>', 'of this branch')
    .option('--name <name>', 'of this name')
    .option('--workflow-name <name>', 'of this workflow')
    .option('--runner <name>', 'run by this runner')
  ofCommit(list('checks', 'print check runs, or check suites', checks))
    .option('--suites', 'check suites, in place of runs')
    .option('--conclusion <conclusion>', 'success, failure, cancelled, skipped, ...')
    .option('--branch <name>', 'of this branch')
    .option('--name <name>', 'of this name')
    .option('--app <slug>', 'made by this app')
  ofCommit(list('deployments', 'print deployments with their last status', deployments))
    .option('--environment <name>', 'to this environment')
    .option('--ref <ref>', 'of this branch or tag')
    .option('--creator <login>', 'made by this user')
  ofRepository(list('branches', 'print branches and tags as the last push left them, by name', branches))
    .option('--pusher <name>', 'pushed by this user')
    .addOption(new Option('--deleted', 'only those that were deleted'))
    .addOption(new Option('--no-deleted', 'only those that were not').default(undefined))
  command
    .command('get')
    .description('print one by its key; exit with 1 when it is not there')
    .addArgument(new Argument('<kind>', 'which kind').choices(KINDS))
    .argument('<repository>', 'like acme/shop')
    .argument('<id>', "GitHub's id; of a branch its ref, like refs/heads/main")
    .requiredOption('--tenant <id>', 'whose')
    .action(action(shell, get))
}

const runs: ReadPage = (delivery, filters, after) =>
  delivery.pipelineRuns.list({ ...filters, ...keyOf(after as PipelineRun | undefined, 'runId') })

const jobs: ReadPage = (delivery, { repository, ...filters }: { repository?: string }, after) =>
  delivery.pipeline.jobs(repository ?? '', { ...filters, ...(after && { after: (after as PipelineJob).jobId }) })

const checks: ReadPage = (delivery, filters, after) =>
  delivery.checks.list({ ...filters, ...keyOf(after as Check | undefined, 'checkId') })

const deployments: ReadPage = (delivery, filters, after) =>
  delivery.deployments.list({ ...filters, ...keyOf(after as Deployment | undefined, 'deploymentId') })

const branches: ReadPage = (delivery, filters, after) =>
  delivery.branches.list({ ...filters, ...keyOf(after as Branch | undefined, 'ref') })

const keyOf = <F extends { repository: string }, K extends keyof F>(after: F | undefined, name: K) =>
  after === undefined
    ? {}
    : { after: { repository: after.repository, [name]: after[name] } as Pick<F, K | 'repository'> }

async function printList(context: Context, options: ListOptions, readPage: ReadPage) {
  const {
    tenant,
    limit = 100,
    commit,
    deleted,
    suites,
    url: _,
    dataDir: __,
    json: ___,
    quiet: ____,
    debug: _____,
    ...rest
  } = options
  const filters = {
    ...rest,
    ...(commit === undefined ? {} : { headSha: commit }),
    ...(deleted === undefined ? {} : { isDeleted: deleted }),
    ...(suites ? { kind: 'suite' } : {}),
    signal: context.signal,
  }
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const { delivery } = fleet.tenant(tenant)
    let left = limit
    let after: Fact | undefined
    do {
      const wanted = Math.min(left, 1000)
      const page = await readPage(delivery, { ...filters, limit: wanted }, after)
      for (const fact of page) print(context, fact)
      left -= page.length
      after = page.length < wanted ? undefined : page.at(-1)
    } while (after !== undefined && left > 0)
  })
  return EXIT.ok
}

async function get(context: Context, { tenant }: { tenant: string }, kind = '', repository = '', id = '') {
  if (kind !== 'branch' && !/^[1-9]\d{0,15}$/.test(id))
    throw new FleetError('INPUT_INVALID', { message: 'the id is not a whole number', field: 'id' })
  assertThere(context.where)
  return await context.withFleet(async (fleet) => {
    const found = await read(fleet.tenant(tenant).delivery, kind as (typeof KINDS)[number], repository, id)
    if (found === undefined) {
      context.terminal.note(`Not there: ${kind} ${id} of ${repository}`)
      return EXIT.failed
    }
    context.terminal.result(found, () =>
      Object.entries(found)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => `${name}: ${plain(value)}`)
        .join('\n'),
    )
    return EXIT.ok
  })
}

function read(
  delivery: DeliveryStore,
  kind: (typeof KINDS)[number],
  repository: string,
  id: string,
): Promise<Fact | undefined> {
  switch (kind) {
    case 'run':
      return delivery.pipelineRuns.get({ repository, runId: Number(id) })
    case 'job':
      return delivery.pipeline.job({ repository, jobId: Number(id) })
    case 'check':
    case 'suite':
      return delivery.checks.get({ repository, kind: CHECK_KINDS[kind], checkId: Number(id) })
    case 'deployment':
      return delivery.deployments.get({ repository, deploymentId: Number(id) })
    case 'branch':
      return delivery.branches.get({ repository, ref: id })
  }
}

const CHECK_KINDS: Readonly<Record<'check' | 'suite', CheckKind>> = { check: 'run', suite: 'suite' }

/** `acme/shop#7`. */
function pullRequestKey(text: string): PullRequestKey {
  const [, repository, number] = /^(.+)#([1-9]\d{0,9})$/.exec(text) ?? []
  if (repository !== undefined) return { repository, number: Number(number) }
  throw new FleetError('INPUT_INVALID', {
    message: '--pull-request is not like acme/shop#7',
    field: 'pullRequest',
  })
}

function plain(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function print({ terminal }: Context, fact: Fact): void {
  const { dim, bold, green, red, yellow } = terminal.colors
  const colored = (text: string) => {
    if (text === 'success') return green(text)
    return /^(failure|error|timed_out|startup_failure)$/.test(text) ? red(text) : yellow(text)
  }
  terminal.result(fact, () => {
    const { at, id, name, state, more } = describe(fact)
    return [
      dim(at?.toISOString() ?? '-'.padEnd(24)),
      bold(`${fact.repository}${id}`),
      ...(state === null ? [] : [colored(state)]),
      ...[name, ...more].filter((part) => part !== null && part !== ''),
    ].join('  ')
  })
}

/** What a line shows of a fact. */
function describe(fact: Fact): {
  at: Date | null
  id: string
  name: string | null
  state: string | null
  more: (string | null)[]
} {
  const sha = fact.headSha?.slice(0, 12) ?? null
  if ('checkId' in fact)
    return {
      at: fact.startedAt,
      id: ` ${fact.checkId}`,
      name: fact.name,
      state: fact.conclusion ?? fact.status,
      more: [fact.branch, sha, fact.app],
    }
  if ('deploymentId' in fact)
    return {
      at: fact.createdAt,
      id: ` ${fact.deploymentId}`,
      name: fact.environment,
      state: fact.status,
      more: [fact.ref, sha, fact.creator],
    }
  if ('jobId' in fact)
    return {
      at: fact.startedAt ?? fact.queuedAt,
      id: ` ${fact.jobId}`,
      name: fact.name,
      state: fact.conclusion ?? fact.status,
      more: [fact.branch, sha, fact.runner],
    }
  if ('runId' in fact)
    return {
      at: fact.createdAt,
      id: ` ${fact.runId}`,
      name: fact.workflowName,
      state: fact.conclusion ?? fact.status,
      more: [fact.branch, sha, fact.event, fact.attempt > 1 ? `attempt ${fact.attempt}` : null],
    }
  return {
    at: fact.pushedAt,
    id: ` ${fact.ref}`,
    name: sha,
    state: null,
    more: [fact.pusher, fact.isDeleted ? 'deleted' : null, fact.isForced ? 'forced' : null],
  }
}
