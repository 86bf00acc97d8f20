import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { primaryUrl } from '../../database/primary/primary-url.js'
import { FleetError } from '../../errors.js'
import { kneeOf, type PoolPoint } from '../../pooling/knee.js'
import { measurePool } from '../../pooling/measure-pool.js'
import { drawPoolCurve } from '../../pooling/pool-curve.js'
import { poolSize } from '../../pooling/pool-size.js'
import { serverConnections } from '../../pooling/server-limits.js'
import { bar } from '../bar.js'
import { confirm } from '../confirm.js'
import { action, type Context, type Shell } from '../context.js'
import { serverCores } from '../cores.js'
import { EXIT } from '../failure.js'
import { count } from '../figures.js'
import { numberBetween, wholeNumber } from '../numbers.js'
import { describeWhere } from '../where.js'
import { addAdviseConfig } from './advise-config.js'
import { addAdviseIndexes } from './advise-indexes.js'
import { addAdviseStorage } from './advise-storage.js'
import { addAdviseVectors } from './advise-vectors.js'

interface PoolOptions {
  readonly cores?: number
  readonly spindles: number
  readonly measure?: boolean
  readonly yes?: boolean
  readonly seconds: number
  readonly connectionsMax?: number
  readonly svg?: string
}

/** Most connections that are tried unless told otherwise. */
const CONNECTIONS_MAX = 64

/** `pgfleet advise`: sizes that fit a server. */
export function addAdvise(program: Command, shell: Shell): void {
  const command = program.command('advise').description('work out sizes that fit a server, or measure them')
  command
    .command('pool')
    .description('how many connections a pool should have')
    .option('--cores <n>', "cores of the server's machine", wholeNumber(1, 4096))
    .option('--spindles <n>', 'rotating disks of the server that are not held in memory', wholeNumber(0, 1000), 0)
    .option('--measure', 'measure it: loads the server, in a scratch database that is dropped again')
    .option('--yes', 'do not ask before loading the server')
    .option('--seconds <s>', 'how long each number of connections is tried', numberBetween(0.2, 60), 2)
    .option('--connections-max <n>', 'most connections that are tried', wholeNumber(1, 1000))
    .option('--svg <file>', 'draw the measured curve')
    .addHelpText(
      'after',
      `
The rule is twice the cores, and one for each rotating disk. The knee is measured: more and more callers read and write a value
of the memory store, each on a connection of its own, until two steps in a row bring less than 5 % more. The knee is the
fewest connections with 95 % of the best rate. Measure from where the application runs, while nothing else does.

Examples:
  pgfleet advise pool --url postgres://… --cores 8
  pgfleet advise pool --url postgres://… --measure --svg pool.svg

Exit codes: 0 done, 1 the server refused or the answer was no, 2 wrong usage, 130 interrupted.`,
    )
    .action(action(shell, advisePool))
  addAdviseStorage(command, shell)
  addAdviseVectors(command, shell)
  addAdviseConfig(command, shell)
  addAdviseIndexes(command, shell)
}

async function advisePool(context: Context, options: PoolOptions) {
  const { where, terminal, signal, withDatabase } = context
  const url = where.url === undefined ? undefined : await primaryUrl(where.url)
  if (url === undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: 'url: the embedded database has one connection',
      field: 'url',
      hint: 'Name a server with --url.',
    })
  }
  const { measure = false, yes = false, svg } = options
  if (!measure && (yes || svg !== undefined)) {
    throw new FleetError('INPUT_INVALID', { message: 'measure: --yes and --svg need --measure', field: 'measure' })
  }
  return await withDatabase(async (database) => {
    const server = await serverConnections(database)
    const free = server.maxConnections - server.reservedConnections - server.openConnections
    const cores = measure && options.cores === undefined ? undefined : serverCores(options.cores, new URL(url).hostname)
    const rule = cores === undefined ? null : { cores, connections: poolSize(cores, options.spindles) }
    const { maxConnections, reservedConnections, openConnections } = server
    const facts = { maxConnections, reservedConnections, openConnections, rule }
    if (!measure) {
      terminal.result({ ...facts, measured: null }, () =>
        [
          `${rule?.connections} connections: twice ${rule?.cores} cores${options.spindles > 0 ? `, and ${options.spindles} disks` : ''}.`,
          `The server allows ${maxConnections}, of which ${reservedConnections} are reserved; ${openConnections} are open.`,
          'That is where to begin; --measure finds out.',
        ].join('\n'),
      )
      return EXIT.ok
    }
    const connectionsMax = Math.min(options.connectionsMax ?? CONNECTIONS_MAX, free)
    if (connectionsMax < 1) {
      throw new FleetError('INPUT_INVALID', {
        message: `connectionsMax: the server has no free connection: ${openConnections} of ${maxConnections} are open`,
        field: 'connectionsMax',
      })
    }
    await confirm(
      `This makes a scratch database on ${describeWhere(where)} and loads the server with up to ${connectionsMax} connections, ${options.seconds} s for each number of them.`,
      yes,
      signal,
    )
    const points = await measurePool(database, {
      url,
      connectionsMax,
      stepMs: options.seconds * 1000,
      signal,
      onPoint: ({ connections, rate }) =>
        terminal.note(`${connections} connections: ${count(Math.round(rate))} a second`),
    })
    const knee = kneeOf(points) as PoolPoint
    if (svg !== undefined) {
      await writeFile(svg, drawPoolCurve('Operations a second by connections', points, knee))
      terminal.note(`${svg} written`)
    }
    terminal.result({ ...facts, measured: { knee: knee.connections, points } }, () => {
      const best = Math.max(...points.map(({ rate }) => rate))
      const table = terminal.table(
        ['>connections', '>a second', '>p50 ms', '>p99 ms', ''],
        points.map(({ connections, rate, p50, p99 }) => [
          `${connections === knee.connections ? '→ ' : ''}${connections}`,
          count(Math.round(rate)),
          p50.toFixed(2),
          p99.toFixed(2),
          bar(rate, best, Math.max(10, terminal.width - 56)),
        ]),
      )
      const byRule = rule === null ? '' : ` The rule says ${rule.connections}: twice ${rule.cores} cores.`
      return `${table}\n${knee.connections} connections bring 95 % of the best rate.${byRule}`
    })
    return EXIT.ok
  })
}
