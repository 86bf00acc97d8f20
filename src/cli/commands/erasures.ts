import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { FleetError } from '../../errors.js'
import type { Erasure } from '../../tenants/erasure.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { count, minute } from '../figures.js'
import { wholeNumber } from '../numbers.js'
import { createProgress } from '../progress.js'
import { readStdin } from '../stdin.js'
import type { Terminal } from '../terminal.js'

/** `pgfleet tenant erase`, `erasures` and `reapply-erasures`. */
export function addErasures(tenant: Command, shell: Shell): void {
  tenant
    .command('erase <id>')
    .description('remove everything of a tenant for good, and print the receipt; when interrupted, run it again')
    .requiredOption('--reason <text>', 'why; stays in the receipt')
    .requiredOption('--by <who>', 'who orders it; stays in the receipt')
    .option('--dry-run', 'count what would be removed, and change nothing')
    .option('--rows-max <rows>', 'most rows that a step removes', wholeNumber(1, 100_000), 10_000)
    .action(action(shell, erase))
  tenant
    .command('erasures [id]')
    .description('list the receipts of erasures, of one tenant or of all')
    .action(action(shell, erasures))
  tenant
    .command('reapply-erasures')
    .description('erase again what came back with a backup or an archive')
    .requiredOption('--by <who>', 'who orders it; stays in the receipts')
    .option('--receipts <file>', 'receipts that were kept elsewhere: what `tenant erasures --json` printed; - is stdin')
    .action(action(shell, reapply))
}

interface EraseCommandOptions {
  readonly reason: string
  readonly by: string
  readonly dryRun?: boolean
  readonly rowsMax: number
}

async function erase(
  { withFleet, terminal, signal }: Context,
  { reason, by, dryRun = false, rowsMax }: EraseCommandOptions,
  id = '',
) {
  const progress = createProgress(terminal, `erasing ${id}`)
  const receipt = await withFleet(async (fleet) => {
    const expected = dryRun ? 0 : await expectedRows(() => fleet.tenants.erase(id, { reason, by, dryRun: true }))
    try {
      return await fleet.tenants.erase(id, {
        reason,
        by,
        dryRun,
        rowsMax,
        signal,
        onProgress: ({ rows, table }) => progress.update(rows, Math.max(rows, expected), table),
      })
    } finally {
      progress.stop()
    }
  })
  terminal.result(receipt, () => receiptText(receipt, terminal))
  return EXIT.ok
}

/** What the bar runs to. A tenant that is held, or is not there, is told of by the erasure itself. */
async function expectedRows(preview: () => Promise<Erasure>): Promise<number> {
  try {
    return (await preview()).rows
  } catch {
    return 0
  }
}

function receiptText(receipt: Erasure, terminal: Terminal): string {
  const tables = Object.entries(receipt.tables)
  const head = receipt.auditHead
  return [
    receipt.erasureId === null
      ? `Of tenant ${receipt.tenant} ${count(receipt.rows)} rows would be removed.`
      : `Nothing of tenant ${receipt.tenant} is left; ${count(receipt.rows)} rows were removed (erasure ${receipt.erasureId}).`,
    ...(tables.length === 0
      ? []
      : [
          terminal.table(
            ['table', '>rows'],
            tables.map(([table, rows]) => [table, count(rows)]),
          ),
        ]),
    ...(head === null ? [] : [`The last seal of its audit log was ${head.seal}:${head.hash}.`]),
  ].join('\n')
}

const PAGE = 1000

async function erasures({ withFleet, terminal }: Context, _: object, id?: string) {
  const found = await withFleet(async (fleet) => {
    const all: Erasure[] = []
    for (;;) {
      const after = all.at(-1)
      const page = await fleet.tenants.erasures({
        limit: PAGE,
        ...(id === undefined ? {} : { tenant: id }),
        ...(after === undefined ? {} : { after }),
      })
      all.push(...page)
      if (page.length < PAGE) return all
    }
  })
  terminal.result(found, () =>
    found.length === 0
      ? 'Nothing was erased.'
      : terminal.table(
          ['tenant', 'erased', '>rows', 'by', 'reason', 'id reused'],
          found.map((one) => [
            one.tenant,
            one.finishedAt === null ? 'under way' : minute(one.finishedAt),
            count(one.rows),
            one.by,
            one.reason,
            one.reusedAt === null ? '' : minute(one.reusedAt),
          ]),
        ),
  )
  return EXIT.ok
}

async function reapply({ withFleet, terminal, signal }: Context, { by, receipts }: { by: string; receipts?: string }) {
  const known = receipts === undefined ? [] : parseReceipts(await readReceipts(receipts, signal), receipts)
  const done = await withFleet((fleet) => fleet.tenants.reapplyErasures({ by, receipts: known, signal }))
  terminal.result(done, () =>
    done.length === 0
      ? 'Nothing that was erased has come back.'
      : terminal.table(
          ['tenant', '>rows'],
          done.map((one) => [one.tenant, count(one.rows)]),
        ),
  )
  return EXIT.ok
}

async function readReceipts(file: string, signal: AbortSignal): Promise<string> {
  return file === '-' ? (await readStdin(signal)).toString('utf8') : await readFile(file, 'utf8')
}

/** Those that bind: at their end, and of an id that was not reused. Their shapes are checked by the library. */
function parseReceipts(text: string, file: string): Erasure[] {
  try {
    const parsed = JSON.parse(text) as Erasure[]
    return parsed.filter((one) => one?.finishedAt !== null && one?.reusedAt === null)
  } catch (cause) {
    throw new FleetError('OPTIONS_INVALID', { message: `${file} holds no JSON array of receipts`, cause })
  }
}
