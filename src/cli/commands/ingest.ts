import type { Command } from 'commander'
import { findWebhookFiles, importJobs, importWebhooks } from '../../import/index.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { count, percent, seconds } from '../figures.js'
import { createProgress } from '../progress.js'
import { describeWhere } from '../where.js'

interface IngestOptions {
  readonly tenant: string
  readonly event?: string
}

/** `pgfleet ingest`: takes in what GitHub told, from files. */
export function addIngest(program: Command, shell: Shell): void {
  const command = program
    .command('ingest')
    .description('take in webhooks or jobs of GitHub, from files')
    .addHelpText(
      'after',
      `
Taking in a file again changes nothing.

Examples:
  pgfleet ingest github deliveries/ --tenant acme
  pgfleet ingest github payload.json --event workflow_job --tenant acme
  pgfleet ingest jobs jobs.csv --tenant acme --json`,
    )
  command
    .command('github <path>')
    .description('take in webhooks: a file, or the .json, .jsonl and .ndjson files of a directory')
    .option('--tenant <id>', 'where to; created when it is not there', 'import')
    .option('--event <name>', 'the event of payloads that do not tell it (default: the name of their file)')
    .addHelpText(
      'after',
      `
A file holds a delivery, an array of them, or one a line: {event, payload, deliveryId}, what GitHub's
API returns for one, or the payload alone. What is not known is kept aside, with the reason.`,
    )
    .action(action(shell, github))
  command
    .command('jobs <file>')
    .description('take in jobs from a CSV file: job_id, start_time, conclusion, dynamoKey, name')
    .option('--tenant <id>', 'where to; created when it is not there', 'import')
    .action(action(shell, jobs))
}

async function github(context: Context, { tenant, event }: IngestOptions, path = '') {
  const { terminal, signal, where } = context
  // Looked for first: a wrong path needs no database.
  const files = await findWebhookFiles(path)
  const progress = createProgress(terminal, 'ingest')
  const startedAt = performance.now()
  const found = await context.withFleet(async (fleet) => {
    await fleet.tenants.create({ id: tenant }, { ifNotExists: true })
    try {
      return await importWebhooks(fleet.tenant(tenant), files, {
        signal,
        onProgress: (done, total) => progress.update(done, total),
        ...(event === undefined ? {} : { event }),
      })
    } finally {
      progress.stop()
    }
  })
  const took = (performance.now() - startedAt) / 1000
  const { deliveries, replayed, rejected, reasons } = found
  terminal.result({ path, tenant, seconds: took, ...found }, () =>
    [
      `${count(deliveries)} deliveries in ${count(files.length)} files: ${count(deliveries - replayed - rejected)} taken in, ` +
        `${count(replayed)} there before, ${count(rejected)} kept aside`,
      ...Object.entries(reasons).map(([reason, times]) => `  ${count(times)} ${reason}`),
      terminal.colors.dim(`tenant ${tenant} of ${describeWhere(where)}, ${seconds(took)}`),
    ].join('\n'),
  )
  return EXIT.ok
}

async function jobs(context: Context, { tenant }: IngestOptions, path = '') {
  const { terminal, signal, where } = context
  const progress = createProgress(terminal, 'ingest')
  const startedAt = performance.now()
  const found = await context.withFleet(async (fleet) => {
    await fleet.tenants.create({ id: tenant }, { ifNotExists: true })
    try {
      return await importJobs(fleet.tenant(tenant), path, {
        signal,
        onProgress: (bytes, total, jobs) => progress.update(bytes, total, `${count(jobs)} jobs`),
      })
    } finally {
      progress.stop()
    }
  })
  const took = (performance.now() - startedAt) / 1000
  terminal.result({ file: path, tenant, seconds: took, ...found }, () =>
    [
      `${count(found.jobs)} jobs: ${count(found.written)} written, ${count(found.known)} known already`,
      ...Object.entries(found.conclusions).map(
        ([conclusion, times]) => `  ${conclusion}: ${count(times)} (${percent(times / found.jobs, 1)})`,
      ),
      terminal.colors.dim(`tenant ${tenant} of ${describeWhere(where)}, ${seconds(took)}`),
    ].join('\n'),
  )
  return EXIT.ok
}
