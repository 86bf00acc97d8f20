import { tmpdir } from 'node:os'
import { type Command, Option } from 'commander'
import { type Advice, adviseConfiguration } from '../../configuration/advice.js'
import { type Booted, bootConfiguration } from '../../configuration/boot.js'
import { type Difference, differences } from '../../configuration/difference.js'
import { type ExaminedServer, examineServer, queryableOf } from '../../configuration/examined-server.js'
import { ROUNDS_MIN } from '../../configuration/judgement.js'
import {
  connectionsMax,
  DISKS,
  type Disk,
  type Machine,
  resolveMachine,
  VERSIONS,
  type Version,
  WORKLOADS,
  type WorkloadKind,
} from '../../configuration/machine.js'
import {
  adviseService,
  SERVICE_NAMES,
  type ServiceAdvice,
  type ServiceName,
} from '../../configuration/managed-service.js'
import { proofLoads } from '../../configuration/proof-load.js'
import { type Proof, proofTime, proveConfiguration, type Value } from '../../configuration/prove.js'
import { roleSettings } from '../../configuration/role-settings.js'
import { ScratchCluster } from '../../configuration/scratch-cluster.js'
import { findServerPrograms, systemUser } from '../../configuration/server-programs.js'
import { factsOf } from '../../configuration/server-settings.js'
import { adviseTables, type TablesAdvice } from '../../configuration/table-advice.js'
import { readThisMachine, type ThisMachine } from '../../configuration/this-machine.js'
import { primaryUrl } from '../../database/primary/primary-url.js'
import { connect } from '../../doctor/connection.js'
import { FleetError, isFleetError } from '../../errors.js'
import { formatAdvice } from '../config-report.js'
import { confirm } from '../confirm.js'
import { action, type Context, type Shell } from '../context.js'
import { serverCores } from '../cores.js'
import { EXIT } from '../failure.js'
import { numberBetween, wholeNumber } from '../numbers.js'
import { createProgress } from '../progress.js'
import { size } from '../sizes.js'

/** What is asked of `pgfleet advise config`. */
export interface ConfigOptions {
  readonly cores?: number
  readonly memory?: number
  readonly disk?: Disk
  readonly pgVersion?: string
  readonly workload?: WorkloadKind
  readonly connections?: number
  readonly active?: number
  readonly databaseSize?: number
  readonly walDisk?: number
  readonly provider?: ServiceName
  readonly sample: number
  readonly deep?: boolean
  readonly format: 'table' | 'conf' | 'sql'
  readonly boot: boolean
  readonly bin?: string
  readonly systemUser?: string
  readonly prove?: boolean
  readonly yes?: boolean
  readonly seconds: number
  readonly rounds: number
}

/** What is found, for `--json` and the tables. */
export interface ConfigReport extends Advice {
  readonly server: Omit<ExaminedServer, 'settings'> | null
  /** What differs from what the server runs with; null without a server. */
  readonly differences: readonly Difference[] | null
  readonly roles: ReturnType<typeof roleSettings>
  /** The build that a scratch cluster was started with; null when none was, with the reason. */
  readonly booted: { readonly version: string; readonly unbooted: Booted['unbooted'] } | null
  readonly notBooted: string | null
  readonly service: ServiceAdvice | null
  /** For the product's own tables on the server; null without one. */
  readonly tables: TablesAdvice | null
  /** What was measured, group by group; null without --prove. */
  readonly proof: Omit<MeasuredProof, 'advice'> | null
}

/** A proof, and the loads that could not run here. */
interface MeasuredProof extends Proof {
  readonly absent: readonly { readonly load: string; readonly reason: string }[]
}

/** How long a server may take to answer one question, in milliseconds. */
const CALL_TIMEOUT_MS = 60_000

/** `pgfleet advise config`: postgresql.conf for a machine and what it is for. */
export function addAdviseConfig(advise: Command, shell: Shell): void {
  advise
    .command('config')
    .description('postgresql.conf for a machine: this one, a server’s, or one that is described; each line is tried')
    .option('--cores <n>', 'cores of the machine', wholeNumber(1, 4096))
    .option('--memory <size>', 'its memory, or the part of it that is the server’s: 16GB', size)
    .addOption(new Option('--disk <kind>', 'what the data lie on').choices(DISKS))
    .addOption(new Option('--pg-version <major>', 'major of PostgreSQL').choices(VERSIONS.map(String)))
    .addOption(new Option('--workload <kind>', 'what the server is for; measured with --url').choices(WORKLOADS))
    .option(
      '--connections <n>',
      'max_connections (default: the server’s, else 100; fewer where no more fit)',
      wholeNumber(10, 10_000),
    )
    .option(
      '--active <n>',
      'connections that work at once: the pools’ (default: twice the cores)',
      wholeNumber(1, 10_000),
    )
    .option('--database-size <size>', 'size of all databases: 80GB', size)
    .option('--wal-disk <size>', 'size of the disk of the WAL: it will take 60 % of it at most', size)
    .addOption(
      new Option('--provider <service>', 'for a managed service; recognised with --url').choices(SERVICE_NAMES),
    )
    .option('--sample <s>', 'how long to watch the server of --url, in seconds', numberBetween(0, 3600), 5)
    .option('--deep', 'with --url: also read samples of pgfleet’s tables, for statistics that are wrong')
    .addOption(new Option('--format <format>', 'how to print it').choices(['table', 'conf', 'sql']).default('table'))
    .option('--no-boot', 'do not start a scratch cluster with it')
    .option(
      '--bin <dir>',
      'where initdb and postgres are (default: PGFLEET_BIN, /usr/lib/postgresql, pg_config, the PATH)',
    )
    .option('--system-user <name>', 'as root: the user to run the scratch cluster as (default: postgres, else nobody)')
    .option('--prove', 'also measure it, group by group, and keep what wins: loads this machine')
    .option('--yes', 'with --prove: do not ask before loading the machine')
    .option('--seconds <s>', 'with --prove: how long each load runs in a round', numberBetween(1, 600), 3)
    .option('--rounds <n>', `with --prove: how often, from ${ROUNDS_MIN} on`, wholeNumber(ROUNDS_MIN, 99), ROUNDS_MIN)
    .addHelpText(
      'after',
      `
Without --url it is for this machine, or the one that the options describe. With --url the server tells its version, settings,
size and workload; its memory, too, where the login may read the server's files. Where initdb and postgres of the major are found,
a scratch cluster is started with the lines, and what it refuses is left out and shown. Nothing is changed anywhere.

With --prove pgbench and the bench of the memory store run on the scratch cluster, before and after by turns, for one group of
settings after the other. A group for speed is kept when it wins outside the noise; one for safety when it does not lose outside it.

Examples:
  pgfleet advise config
  pgfleet advise config --memory 16GB --cores 8 --disk nvme --pg-version 17 --workload oltp --connections 100 --format conf
  pgfleet advise config --url postgres://… --memory 64GB --cores 16
  pgfleet advise config --prove --yes --seconds 10 --rounds 8

Exit codes: 0 done, 1 the scratch cluster failed, 2 wrong usage or the server cannot be examined, 130 interrupted.`,
    )
    .action(action(shell, adviseConfig))
}

async function adviseConfig(context: Context, options: ConfigOptions) {
  const { where, terminal, signal } = context
  const url = where.url === undefined ? undefined : await primaryUrl(where.url)
  const examined = url === undefined ? undefined : await examine(context, url, options)
  const server = examined?.server
  const here = await readThisMachine(tmpdir())
  const machine = describe(options, here, server, url)
  if (options.prove) await assertProvable(context, machine, options)
  const facts = server === undefined ? undefined : factsOf(server.settings)
  const tried = await tryBoot(context, machine, options, here, server)
  const advice = tried.proof?.advice ?? tried.booted?.advice ?? adviseConfiguration(machine, facts)
  const name = options.provider ?? server?.service
  const { settings, ...facts_ } = server ?? { settings: undefined }
  const report: ConfigReport = {
    ...advice,
    server: server === undefined ? null : (facts_ as Omit<ExaminedServer, 'settings'>),
    differences: settings === undefined ? null : differences(advice, settings),
    roles: roleSettings(machine),
    booted: tried.booted === undefined ? null : { version: tried.booted.version, unbooted: tried.booted.unbooted },
    notBooted: tried.reason ?? null,
    service: name === undefined ? null : adviseService(advice, name),
    tables: examined?.tables ?? null,
    proof: tried.proof === undefined ? null : withoutAdvice(tried.proof),
  }
  signal.throwIfAborted()
  terminal.result(report, () => formatAdvice(terminal, report, options.format))
  return EXIT.ok
}

const withoutAdvice = ({ advice: _, ...proof }: MeasuredProof): Omit<MeasuredProof, 'advice'> => proof

/** Tells how long it takes and asks. Errors: OPTIONS_INVALID, INPUT_INVALID (`yes`), SERVER_PROGRAMS_MISSING, ABORTED. */
async function assertProvable({ signal }: Context, machine: Machine, options: ConfigOptions): Promise<void> {
  if (!options.boot) {
    throw new FleetError('OPTIONS_INVALID', { message: 'boot: --prove needs a scratch cluster', field: 'boot' })
  }
  const { version } = await findServerPrograms(machine.version, options.bin)
  const minutes = Math.ceil(proofTime(2, timesOf(options)) / 60_000)
  await confirm(
    `This starts a scratch cluster of PostgreSQL ${version} in the temporary directory, and loads this machine for up to ${minutes} minutes.`,
    options.yes ?? false,
    signal,
  )
}

const timesOf = ({ seconds, rounds }: ConfigOptions) => ({
  rounds,
  durationMs: seconds * 1000,
  warmUpMs: Math.min(1000, seconds * 1000),
})

async function examine({ signal, terminal }: Context, url: string, { sample, deep = false }: ConfigOptions) {
  const connection = await connect(url, CALL_TIMEOUT_MS)
  try {
    if (sample > 0) terminal.note(`watching the server for ${sample} s`)
    const server = await examineServer(connection, { sampleMs: sample * 1000, signal })
    if (deep) terminal.note('sampling tables')
    return { server, tables: await adviseTables(queryableOf(connection), { sampleColumns: deep, signal }) }
  } finally {
    await connection.close()
  }
}

/** The machine of the options, else of the server, else this one. Errors: INPUT_INVALID for what nobody tells. */
function describe(
  options: ConfigOptions,
  here: ThisMachine,
  server: ExaminedServer | undefined,
  url: string | undefined,
): Machine {
  const isHere = url === undefined || isLocal(url)
  const memoryBytes = options.memory ?? server?.memoryBytes ?? (isHere ? here.memoryBytes : undefined)
  if (memoryBytes === undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: 'memory: how much memory the machine has cannot be asked here',
      field: 'memory',
      hint: 'Give it with --memory.',
    })
  }
  const cores = options.cores ?? (isHere ? here.cores : serverCores(undefined, new URL(url as string).hostname))
  const { workload } = server ?? {}
  const disk = options.disk ?? (isHere ? here.disk : undefined)
  const version = options.pgVersion === undefined ? server?.major : (Number(options.pgVersion) as Version)
  const kind = options.workload ?? workload?.kind
  // Those of the server may be more than fit: then fewer are advised, with whatever else there is to say.
  const connections =
    options.connections ?? (server && Math.max(10, Math.min(server.maxConnections, connectionsMax(memoryBytes))))
  const databaseBytes = options.databaseSize ?? server?.databaseBytes
  return resolveMachine({
    cores,
    memoryBytes,
    ...(disk === undefined ? {} : { disk }),
    ...(version === undefined ? {} : { version }),
    ...(kind === undefined ? {} : { workload: kind }),
    ...(connections === undefined ? {} : { connections }),
    ...(options.active === undefined ? {} : { activeConnections: options.active }),
    ...(databaseBytes === undefined ? {} : { databaseBytes }),
    ...(options.walDisk === undefined ? {} : { walDiskBytes: options.walDisk }),
    ...(workload?.walBytesPerSecond === undefined ? {} : { walBytesPerSecond: workload.walBytesPerSecond }),
    ...(server === undefined ? {} : { preloadedLibraries: [...server.preloadedLibraries] }),
  })
}

const isLocal = (url: string) => /^(127\.|\[?::1\]?$|localhost$|$)/.test(new URL(url).hostname)

/** Starts a scratch cluster with the advice, where its programs are; else says why not. */
async function tryBoot(
  context: Context,
  machine: Machine,
  options: ConfigOptions,
  here: ThisMachine,
  server: ExaminedServer | undefined,
): Promise<{ readonly booted?: Booted; readonly proof?: MeasuredProof; readonly reason?: string }> {
  const { signal, terminal } = context
  if (!options.boot) return { reason: 'not asked for' }
  let programs: Awaited<ReturnType<typeof findServerPrograms>>
  try {
    programs = await findServerPrograms(machine.version, options.bin)
  } catch (error) {
    // A folder that was named has to be right; without one this machine may have none.
    if (options.prove || options.bin !== undefined || !isFleetError(error, 'SERVER_PROGRAMS_MISSING')) throw error
    return { reason: error.message }
  }
  if (server !== undefined && server.version !== programs.version && !options.prove) {
    return {
      reason: `the server is ${server.version}, and the programs here are ${programs.version}: another build proves nothing`,
    }
  }
  terminal.note(`starting a scratch cluster with PostgreSQL ${programs.version}`)
  const cluster = await ScratchCluster.create({ programs, user: await systemUser(options.systemUser), signal })
  try {
    const facts = server === undefined ? undefined : factsOf(server.settings)
    const booted = await bootConfiguration(cluster, machine, { facts, memoryHere: here.memoryBytes })
    return options.prove ? { booted, proof: await prove(context, cluster, booted, options, here, server) } : { booted }
  } finally {
    await cluster.close()
  }
}

/** Measures what has booted. */
async function prove(
  { signal, terminal }: Context,
  cluster: ScratchCluster,
  booted: Booted,
  options: ConfigOptions,
  here: ThisMachine,
  server: ExaminedServer | undefined,
): Promise<MeasuredProof> {
  const progress = createProgress(terminal, 'proving')
  const loads = await proofLoads(cluster.url, booted.advice.machine.workload, signal)
  try {
    const absent: { load: string; reason: string }[] = []
    for (const load of loads) {
      terminal.note(`preparing ${load.name}`)
      await load.prepare().catch((error: unknown) => {
        // pgfleet itself needs more of a server than this one may have; pgbench does not.
        if (!isFleetError(error, 'DATABASE_UNSUITABLE')) throw error
        absent.push({ load: load.name, reason: error.message })
      })
    }
    const present = loads.filter(({ name }) => !absent.some(({ load }) => load === name))
    if (present.length === 0) {
      const message = `there is nothing to measure with: no pgbench, and ${absent.map(({ reason }) => reason).join('; ')}`
      throw new FleetError('BENCH_FAILED', { message, hint: 'Install pgbench, or name it with PGBENCH.' })
    }
    const before = server === undefined ? [] : beforeOf(booted, server, here)
    const proof = await proveConfiguration(cluster, booted, present, {
      ...timesOf(options),
      before,
      signal,
      onProgress: (done, total, message) => progress.update(done, total, message),
    })
    return { ...proof, absent }
  } finally {
    progress.stop()
    for (const load of loads) await load.close().catch(() => {})
  }
}

/** What the server runs with, as far as this machine can start it. */
function beforeOf({ advice }: Booted, { settings }: ExaminedServer, { memoryBytes = 0 }: ThisMachine): Value[] {
  return advice.lines.flatMap(({ name }) => {
    const setting = settings.get(name)
    // Libraries of the server may not be here, and its memory may be larger.
    if (setting === undefined || name === 'shared_preload_libraries') return []
    if (name === 'shared_buffers' && Number(setting.value) * 8192 > memoryBytes / 2) return []
    return [{ name, value: setting.value }]
  })
}
