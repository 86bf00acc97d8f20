import { join } from 'node:path'
import type { Command } from 'commander'
import { FleetError } from '../../errors.js'
import { openDatabase } from '../../fleet.js'
import { createFileAlertStore } from '../../monitoring/alerts/file-alert-store.js'
import type { OpenAlert } from '../../monitoring/alerts/open-alert.js'
import { severityOf } from '../../monitoring/alerts/rule.js'
import { ruleOf } from '../../monitoring/alerts/rules/index.js'
import { fillSummary } from '../../monitoring/alerts/summary.js'
import { createDatabaseAlertStore } from '../../monitoring/history/database-alert-store.js'
import { isUrl } from '../../monitoring/history/read-history.js'
import type { AlertOptions } from '../alert-options.js'
import { action, type Context, type Shell } from '../context.js'
import { inWords } from '../durations.js'
import { EXIT } from '../failure.js'
import { count, minute } from '../figures.js'
import { type HistoryOptions, watchedBy } from '../history-options.js'

/** `pgfleet monitor alerts`: what is open, since when. */
export function addMonitorAlerts(command: Command, shell: Shell): void {
  command
    .command('alerts')
    .description('list the alerts that are open, with since when')
    .addHelpText(
      'after',
      `
Reads what a running \`pgfleet monitor\` keeps, as new as its last look: in the file of --alerts, else in the folder or database of
--history, else in the database that is watched. Name them as the running monitor has them.

Examples:
  pgfleet monitor alerts --alerts /var/lib/pgfleet/alerts.json
  pgfleet monitor alerts --url postgres://watch@db.example/agents`,
    )
    .action(action(shell, alerts))
}

async function alerts(context: Context, options: AlertOptions & HistoryOptions) {
  const open = (await load(context, options)).filter(({ state }) => state !== 'resolved')
  const now = Date.now()
  const rows = [...open].sort((a, b) => a.since.getTime() - b.since.getTime()).map((alert) => told(alert, now))
  context.terminal.result(rows, () => format(context, rows))
  return EXIT.ok
}

/** Errors: OPTIONS_INVALID where no place is named, ALERTS_UNREADABLE, those of the database. */
async function load({ where }: Context, { alerts: file, history }: AlertOptions & HistoryOptions) {
  if (file !== undefined) return await createFileAlertStore(file).load()
  if (typeof history === 'string' && !isUrl(history))
    return await createFileAlertStore(join(history, 'alerts.json')).load()
  if (where.url === undefined) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'where are open alerts kept? give --alerts FILE, --history or --url, as the running monitor has them',
      field: 'alerts',
    })
  }
  const url = typeof history === 'string' ? history : where.url
  const database = await openDatabase({ url, poolMax: 1 })
  try {
    return await createDatabaseAlertStore(database, watchedBy(where.url)).load()
  } finally {
    await database.close()
  }
}

function told(alert: OpenAlert, now: number) {
  const rule = ruleOf(alert.rule)
  return {
    rule: alert.rule,
    state: alert.state,
    severity: rule === undefined ? null : severityOf(rule),
    labels: alert.labels,
    value: Number.isFinite(alert.value) ? alert.value : null,
    summary: rule === undefined ? '' : fillSummary(rule.summary, alert.labels, alert.value),
    since: alert.since,
    openMs: now - alert.since.getTime(),
    noticedAt: alert.noticedAt,
  }
}

function format({ terminal }: Context, rows: readonly ReturnType<typeof told>[]): string {
  if (rows.length === 0) return 'No alert is open.'
  const { red, yellow, dim } = terminal.colors
  const paint = { critical: red, warning: yellow, info: dim }
  const lines = rows.flatMap(({ rule, state, severity, summary, since, openMs, noticedAt }) => [
    `${severity === null ? rule : paint[severity](rule)}  ${state}, since ${minute(since)} (${inWords(openMs)})${state === 'firing' && noticedAt === null ? ', silenced' : ''}`,
    `  ${summary}`,
  ])
  const firing = rows.filter(({ state }) => state === 'firing').length
  return [...lines, '', `${count(firing)} firing, ${count(rows.length - firing)} pending.`].join('\n')
}
