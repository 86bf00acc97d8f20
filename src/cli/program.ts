import { readFileSync } from 'node:fs'
import { Command, Help, Option } from 'commander'
import type { Shell } from './context.js'
import { asDuration, duration } from './durations.js'

const HELP = `
The database: --url, or --data-dir, else the environment variable DATABASE_URL, else an embedded
PostgreSQL with its files in ./.pgfleet (nothing to install, one process at a time).

Examples:
  pgfleet demo                         18 agents learn at once, in an embedded database
  pgfleet events tail --tenant acme    follow what agents do
  pgfleet replay history.csv           what learning would bring to your own test history
  pgfleet migrate --url postgres://…   bring a server's schema up to date
  pgfleet status --json                what is there, for programs

Exit codes: 0 done, 1 failed or a check did not hold, 2 wrong usage, 130 interrupted.`

type Add = (program: Command, shell: Shell) => void

/** The commands, in the order of the help. Each loads what it needs: linting takes no database, and no memory for one. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  demo: async () => (await import('./commands/demo.js')).addDemo,
  replay: async () => (await import('./commands/replay.js')).addReplay,
  migrate: async () => (await import('./commands/migrate.js')).addMigrate,
  maintain: async () => (await import('./commands/maintain.js')).addMaintain,
  archive: async () => (await import('./commands/archive.js')).addArchive,
  lint: async () => (await import('./commands/lint.js')).addLint,
  explain: async () => (await import('./commands/explain.js')).addExplain,
  status: async () => (await import('./commands/status.js')).addStatus,
  servers: async () => (await import('./commands/servers.js')).addServers,
  backup: async () => (await import('./commands/backup.js')).addBackup,
  restore: async () => (await import('./commands/restore.js')).addRestore,
  tenant: async () => (await import('./commands/tenant.js')).addTenant,
  vectors: async () => (await import('./commands/vectors.js')).addVectors,
  events: async () => (await import('./commands/events.js')).addEvents,
  metadata: async () => (await import('./commands/metadata.js')).addMetadata,
  import: async () => (await import('./commands/import.js')).addImport,
  ingest: async () => (await import('./commands/ingest.js')).addIngest,
  pipeline: async () => (await import('./commands/pipeline.js')).addPipeline,
  metrics: async () => (await import('./commands/metrics.js')).addMetrics,
  audit: async () => (await import('./commands/audit.js')).addAudit,
  doctor: async () => (await import('./commands/doctor.js')).addDoctor,
  monitor: async () => (await import('./commands/monitor.js')).addMonitor,
  top: async () => (await import('./commands/top.js')).addTop,
  checklist: async () => (await import('./commands/checklist.js')).addChecklist,
  advise: async () => (await import('./commands/advise.js')).addAdvise,
  tune: async () => (await import('./commands/tune.js')).addTune,
  pgbouncer: async () => (await import('./commands/pgbouncer.js')).addPgbouncer,
  bench: async () => (await import('./commands/bench.js')).addBench,
}

/** The commands that the words may mean: all of them, unless the words name some before they ask for help. */
function commandsOf(words: readonly string[]): readonly string[] {
  const named = words.filter((word) => Object.hasOwn(COMMANDS, word))
  const first = words.findIndex((word) => Object.hasOwn(COMMANDS, word))
  const isHelp = words.slice(0, first).some((word) => /^(-h|--help)$/.test(word))
  return named.length === 0 || isHelp
    ? Object.keys(COMMANDS)
    : Object.keys(COMMANDS).filter((name) => named.includes(name))
}

/** What the help says of an option: a default that is a length of time in the units in which it is given. */
function describeOption(option: Option): string {
  const { parseArg, defaultValue } = option
  const isTime = (parseArg as unknown) === duration && typeof defaultValue === 'number'
  const words = isTime ? asDuration(defaultValue) : option.defaultValueDescription
  const shown = Object.assign(new Option(option.flags, option.description), option)
  if (words !== undefined) shown.defaultValueDescription = words
  return new Help().optionDescription(shown)
}

/** The program with the commands that its words may mean. It prints help itself; errors are thrown. */
export async function createProgram(shell: Shell, words: readonly string[]): Promise<Command> {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const program = new Command('pgfleet')
    .description('The PostgreSQL state platform for fleets of AI agents.')
    .version(version, '-V, --version', 'print the version')
    .option('--url <url>', 'a PostgreSQL server, postgres://user:password@host/database')
    .option('--data-dir <dir>', 'directory of the embedded database, or memory://')
    .option('--json', 'print one JSON document; errors too, on stderr')
    .option('-q, --quiet', 'no progress and no notes')
    .option('--debug', 'print the stack of an error')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({ showGlobalOptions: true, optionDescription: describeOption })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', HELP)
  for (const name of commandsOf(words)) {
    const add = await COMMANDS[name]?.()
    add?.(program, shell)
  }
  return program
}
