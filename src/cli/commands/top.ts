import { type Command, Option } from 'commander'
import { FleetError } from '../../errors.js'
import { PANEL_IDS, type PanelId } from '../../top/panel.js'
import { panelOf } from '../../top/panels/index.js'
import { Reader } from '../../top/reader.js'
import { action, type Context, type Shell } from '../context.js'
import { lendExamined } from '../examined.js'
import { EXIT } from '../failure.js'
import { numberBetween } from '../numbers.js'
import { runLive } from '../top/live.js'
import { printOnce } from '../top/once.js'
import { describeWhere, type Where } from '../where.js'

interface TopOptions {
  readonly panel: PanelId
  readonly interval: number
  readonly once?: boolean
  readonly allowCancel?: boolean
}

/** A guard against a server that never answers, in milliseconds; its own time-outs come first. */
const CALL_TIMEOUT_MS = 10_000

/** `pgfleet top`: a live view of a server. Changes nothing, unless a session is ended with --allow-cancel. */
export function addTop(program: Command, shell: Shell): void {
  program
    .command('top')
    .argument('[url]', 'the database; else as for every command')
    .description('a live view of any PostgreSQL 15 to 18: statements, sessions, waits, locks, tables, jobs, replicas')
    .addOption(new Option('--panel <panel>', 'the panel that is shown first').choices(PANEL_IDS).default('overview'))
    .option('--interval <seconds>', 'how often it is read', numberBetween(0.25, 60), 2)
    .option('--once', 'print one look, of two readings an interval apart, and end; so it is where nobody looks')
    .option('--allow-cancel', 'let c and x cancel statements and end sessions; each asks for the pid')
    .addHelpText(
      'after',
      `
Keys: a letter of its name or a digit shows a panel, tab the next; j k or arrows choose a row, enter tells more of it;
s S sort, r reverses, / filters, p pauses, + - change the interval, ? helps, q quits.
A role with pg_monitor sees all; others see their own sessions and statements.

Examples:
  pgfleet top postgres://monitor@db.example/shop
  pgfleet top --panel locks --interval 1
  pgfleet top --once --panel queries --json`,
    )
    .action(action(shell, top))
}

async function top(context: Context, options: TopOptions, url?: string) {
  const where: Where = url === undefined ? context.where : { url }
  const intervalMs = Math.round(options.interval * 1000)
  const isWatched = process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.TERM !== 'dumb'
  const isOnce = options.once === true || context.terminal.json || !isWatched
  if (isOnce && options.allowCancel) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'sessions are ended in the live view only',
      field: 'allowCancel',
      hint: 'Leave out --allow-cancel, or start it in a terminal without --once and --json.',
    })
  }
  const named: Where = where.url === undefined ? where : { url: withName(where.url) }
  return await lendExamined(context, named, CALL_TIMEOUT_MS, async (open) => {
    const reader = new Reader(open)
    try {
      const described = describeWhere(where)
      if (!isOnce) {
        return await runLive(context, reader, {
          panel: options.panel,
          intervalMs,
          allowCancel: options.allowCancel ?? false,
          where: described,
        })
      }
      await printOnce(context, reader, panelOf(options.panel), { intervalMs, where: described })
      return EXIT.ok
    } finally {
      await reader.close()
    }
  })
}

/** The url with a name by which others know this connection. */
function withName(url: string): string {
  return /[?&]application_name=/.test(url)
    ? url
    : `${url}${url.includes('?') ? '&' : '?'}application_name=pgfleet%20top`
}
