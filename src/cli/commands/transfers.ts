import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { FleetError } from '../../errors.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { count } from '../figures.js'
import { createProgress } from '../progress.js'

/** `pgfleet tenant export` and `import`: a tenant as a file. */
export function addTransfers(tenant: Command, shell: Shell): void {
  tenant
    .command('export <id> <file>')
    .description('write a tenant to a new file, compressed; - is stdout')
    .action(action(shell, exportTenant))
  tenant
    .command('import <file>')
    .description('make a tenant of such a file; - is stdin')
    .option('--as <id>', 'the id of the new tenant; under another one API keys and secrets are left out')
    .option('--reuse', 'also when a tenant of that id was erased')
    .action(action(shell, importTenant))
}

async function exportTenant({ withFleet, terminal, signal }: Context, _: object, id = '', file = '') {
  if (file === '-' && terminal.json) {
    throw new FleetError('OPTIONS_INVALID', { message: 'stdout takes the export or the JSON, not both' })
  }
  const progress = createProgress(terminal, `exporting ${id}`)
  let rows = 0
  await withFleet(async (fleet) => {
    // A file that is there is not overwritten: it may be the one good copy.
    const target = file === '-' ? process.stdout : createWriteStream(file, { flags: 'wx', mode: 0o600 })
    let isOpen = file === '-'
    target.once('open', () => {
      isOpen = true
    })
    try {
      const source = fleet.tenants.export(id, {
        signal,
        onProgress: (step) => {
          rows = step.rows
          progress.update(step.tablesDone, step.tables, `${count(step.rows)} rows, ${step.table}`)
        },
      })
      await pipeline(source, target, { end: file !== '-' })
    } catch (error) {
      if (file !== '-' && isOpen) await rm(file, { force: true })
      throw error
    } finally {
      progress.stop()
    }
  })
  if (file === '-') terminal.note(`Exported ${count(rows)} rows of tenant ${id}.`)
  else terminal.result({ id, file, rows }, () => `Exported ${count(rows)} rows of tenant ${id} to ${file}.`)
  return EXIT.ok
}

async function importTenant(
  { withFleet, terminal, signal }: Context,
  { as, reuse = false }: { as?: string; reuse?: boolean },
  file = '',
) {
  const progress = createProgress(terminal, 'importing')
  const report = await withFleet(async (fleet) => {
    try {
      return await fleet.tenants.import(file === '-' ? process.stdin : createReadStream(file), {
        reuse,
        signal,
        ...(as === undefined ? {} : { as }),
        onProgress: (step) => progress.update(step.tablesDone, step.tables, `${count(step.rows)} rows, ${step.table}`),
      })
    } finally {
      progress.stop()
    }
  })
  terminal.result(report, () =>
    [
      `Tenant ${report.tenant} is there, with ${count(report.rows)} rows.`,
      ...Object.entries(report.leftOut).map(([table, rows]) => `Left out: ${count(rows)} rows of ${table}.`),
    ].join('\n'),
  )
  return EXIT.ok
}
