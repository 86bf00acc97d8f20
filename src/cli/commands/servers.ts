import type { Command } from 'commander'
import { type ClusterReport, reportServers, type ServerReport } from '../../database/primary/server-report.js'
import { serverUrls } from '../../database/primary/server-urls.js'
import { FleetError } from '../../errors.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { bytes } from '../figures.js'
import { wholeNumber } from '../numbers.js'

interface ServersOptions {
  readonly timeoutMs: number
}

/** `pgfleet servers`: which of several servers is the primary, how far the others are, and what is wrong. */
export function addServers(program: Command, shell: Shell): void {
  program
    .command('servers')
    .description('show which of several servers is the primary, and how far its standbys are; changes nothing')
    .option('--timeout-ms <ms>', 'longest wait for the answer of one server', wholeNumber(100, 60_000), 3000)
    .addHelpText(
      'after',
      `
The url names all of them. A login that is a member of pg_monitor sees everything.

Example:
  pgfleet servers --url postgres://watch@db1,db2,db3/agents

Exit codes: 0 one primary, whose standbys follow as they are to, 1 something is wrong, 2 wrong usage.`,
    )
    .action(action(shell, servers))
}

async function servers({ where, terminal }: Context, { timeoutMs }: ServersOptions) {
  if (where.url === undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: 'url: the embedded database has no standbys',
      field: 'url',
      hint: 'Name the servers: --url postgres://login@db1,db2,db3/database.',
    })
  }
  const report = await reportServers(serverUrls(where.url).urls, timeoutMs)
  terminal.result(report, () => {
    const { bold, dim, red, green } = terminal.colors
    return [
      terminal.table(
        ['server', 'role', '>timeline', 'position', '>behind', 'standbys'],
        report.servers.map((server) => rowOf(server, report)),
      ),
      ...report.problems.map((problem) => red(problem)),
      ...report.notes.map((note) => dim(note)),
      ...(report.problems.length === 0
        ? [green(`${bold(report.primary ?? '')} is the primary; nothing is wrong.`)]
        : []),
    ].join('\n')
  })
  return report.problems.length === 0 ? EXIT.ok : EXIT.failed
}

function rowOf(server: ServerReport, { candidate }: ClusterReport): string[] {
  const { name, role, timeline, position, behindBytes, standbys, receives } = server
  const following = receives === false ? ', receives nothing' : ''
  return [
    name,
    `${role}${following}${name === candidate ? ', the one to promote' : ''}`,
    timeline === null ? '-' : String(timeline),
    position ?? '-',
    behindBytes === null ? '-' : bytes(behindBytes),
    standbys
      .map((one) => `${one.name} ${one.sync ?? '?'}${one.lagBytes === null ? '' : ` -${bytes(one.lagBytes)}`}`)
      .join(', '),
  ]
}
