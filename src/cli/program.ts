import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addAudit } from './commands/audit.js'
import { addBench } from './commands/bench.js'
import { addDemo } from './commands/demo.js'
import { addDoctor } from './commands/doctor.js'
import { addEvents } from './commands/events.js'
import { addExplain } from './commands/explain.js'
import { addImport } from './commands/import.js'
import { addIngest } from './commands/ingest.js'
import { addLint } from './commands/lint.js'
import { addMaintain } from './commands/maintain.js'
import { addMetadata } from './commands/metadata.js'
import { addMigrate } from './commands/migrate.js'
import { addReplay } from './commands/replay.js'
import { addStatus } from './commands/status.js'
import { addTenant } from './commands/tenant.js'
import { addVectors } from './commands/vectors.js'
import type { Shell } from './context.js'

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

/** The program with all its commands. It prints help itself; errors are thrown. */
export function createProgram(shell: Shell): Command {
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
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', HELP)
  for (const add of [
    addDemo,
    addReplay,
    addMigrate,
    addMaintain,
    addLint,
    addExplain,
    addStatus,
    addTenant,
    addVectors,
    addEvents,
    addMetadata,
    addImport,
    addIngest,
    addAudit,
    addDoctor,
    addBench,
  ])
    add(program, shell)
  return program
}
