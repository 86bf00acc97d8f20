import type { Command } from 'commander'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { bytes, count } from '../figures.js'
import { wholeNumber } from '../numbers.js'

interface BuildOptions {
  readonly m?: number
  readonly efConstruction?: number
  readonly memory?: number
}

/** `pgfleet vectors`: the dimensions that vectors may have, and their indexes. */
export function addVectors(program: Command, shell: Shell): void {
  const command = program
    .command('vectors')
    .description('add and list the dimensions of vectors, and build their indexes')
    .addHelpText(
      'after',
      `
Examples:
  pgfleet vectors list
  pgfleet vectors add-dimension 1024
  pgfleet vectors rebuild 768 --m 24 --ef-construction 200
  pgfleet vectors stats acme`,
    )
  command.command('list').description('list dimensions, sizes and settings').action(action(shell, list))
  withSettings(
    command
      .command('add-dimension <dimensions>')
      .description('make the table, index and policies of vectors of 1 to 4000 dimensions'),
  ).action(action(shell, add))
  withSettings(
    command
      .command('rebuild <dimensions>')
      .description('build an index anew; searches go on, writers of that dimension wait'),
  )
    .option('--memory <mb>', 'memory that the build may use, in MB (default: 1024)', wholeNumber(1, 1_000_000))
    .action(action(shell, rebuild))
  command.command('stats <tenant>').description("count a tenant's vectors; reads them all").action(action(shell, stats))
}

function withSettings(command: Command): Command {
  return command
    .option('--m <links>', 'links of a vector in a layer of the index (default: 16)', wholeNumber(2, 100))
    .option('--ef-construction <count>', 'candidates looked at for each insert (default: 128)', wholeNumber(4, 1000))
}

async function list({ withFleet, terminal }: Context) {
  const found = await withFleet(async ({ vectorDimensions }) => ({
    pgvector: await vectorDimensions.extension(),
    dimensions: await vectorDimensions.list(),
  }))
  terminal.result(found, () =>
    [
      terminal.table(
        ['>dimensions', 'type', '>m', '>ef construction', '>ef search', '>rows', '>table', '>index'],
        found.dimensions.map((one) => [
          count(one.dimensions),
          one.elementType,
          count(one.m),
          count(one.efConstruction),
          `${one.efSearch.fast} / ${one.efSearch.balanced}`,
          one.rows < 0 ? 'unknown' : count(one.rows),
          bytes(one.tableBytes),
          bytes(one.indexBytes),
        ]),
      ),
      ...found.pgvector.notes,
    ].join('\n'),
  )
  return EXIT.ok
}

const settingsOf = ({ m, efConstruction }: BuildOptions) => ({
  ...(m === undefined ? {} : { m }),
  ...(efConstruction === undefined ? {} : { efConstruction }),
})

async function add({ withFleet, terminal }: Context, options: BuildOptions, dimensions = '') {
  const size = Number(dimensions)
  const added = await withFleet(({ vectorDimensions }) => vectorDimensions.add(size, settingsOf(options)))
  terminal.result({ dimensions: size, added }, () =>
    added ? `Vectors of ${size} dimensions can be kept now.` : `Vectors of ${size} dimensions can be kept already.`,
  )
  return EXIT.ok
}

async function rebuild({ withFleet, terminal }: Context, options: BuildOptions, dimensions = '') {
  const size = Number(dimensions)
  const { memory } = options
  await withFleet(({ vectorDimensions }) =>
    vectorDimensions.rebuild(size, { ...settingsOf(options), ...(memory === undefined ? {} : { memoryMb: memory }) }),
  )
  terminal.result({ dimensions: size, rebuilt: true }, () => `The index of ${size} dimensions was built anew.`)
  return EXIT.ok
}

async function stats({ withFleet, terminal }: Context, _: object, tenant = '') {
  const found = await withFleet((fleet) => fleet.tenant(tenant).memory.vectors.stats())
  terminal.result(found, () =>
    terminal.table(
      ['scope', '>dimensions', '>vectors', '>with content', '>expired'],
      found.map((one) => [
        one.scope,
        count(one.dimensions),
        count(one.vectors),
        count(one.contents),
        count(one.expired),
      ]),
    ),
  )
  return EXIT.ok
}
