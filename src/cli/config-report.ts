import { assignment, describeMachine, formatConf, formatSql } from '../configuration/configuration-text.js'
import { formatService } from '../configuration/managed-service.js'
import { wrapped } from '../lint/reports/text.js'
import type { ConfigReport } from './commands/advise-config.js'
import type { Terminal } from './terminal.js'

/** What `pgfleet advise config` prints. */
export function formatAdvice(terminal: Terminal, report: ConfigReport, format: 'table' | 'conf' | 'sql'): string {
  const { service } = report
  // A service refuses ALTER SYSTEM, and takes no file.
  if (format === 'sql')
    return service === null ? formatSql(report) : formatService(service).replaceAll(/^(?:# )?/gm, '-- ')
  if (format === 'conf') return service === null ? formatConf(report) : formatService(service)
  return [
    `For ${describeMachine(report.machine)}.`,
    ...(report.server?.workload.evidence ?? []).map((line) => `Measured: ${line}.`),
    report.differences === null ? allLines(terminal, report) : differing(terminal, report),
    ...rejected(report),
    ...unbooted(report),
    ...proven(report),
    ...tables(report),
    ...(report.service === null ? [] : [formatService(report.service)]),
    [
      'For roles, not for the server:',
      ...report.roles.map(({ roles, name, value }) => `  ${roles}: ${name} = ${value}`),
    ].join('\n'),
  ].join('\n\n')
}

/** Columns of a terminal that hold the reasons, too. */
const WIDE = 110

function allLines({ table, width }: Terminal, { lines }: ConfigReport): string {
  const isWide = width >= WIDE
  const rows = lines.map(({ name, value, restart, why }) => [
    name,
    value,
    restart ? 'restart' : 'reload',
    ...(isWide ? [inLines(why, width - 72)] : []),
  ])
  const note = isWide ? '' : '\n--format conf says why of each.'
  return `${table(['setting', 'advised', '', ...(isWide ? ['why'] : [])], rows)}${note}`
}

function differing({ table, width }: Terminal, { differences, lines }: ConfigReport): string {
  if (differences === null || differences.length === 0) return `All ${lines.length} settings are as advised.`
  const rows = differences.map(({ name, now, value, restart, why }) => [
    name,
    now,
    value,
    restart ? 'restart' : 'reload',
    inLines(why, width - 86),
  ])
  return `${table(['setting', 'now', 'advised', '', 'why'], rows)}\n${lines.length - differences.length} of ${lines.length} settings are as advised.`
}

function rejected({ rejected }: ConfigReport): string[] {
  if (rejected.length === 0) return []
  return [
    [
      'Left out:',
      ...rejected.map((line) => `  ${assignment(line)} (${line.by}): ${line.reason.replaceAll('\n', '; ')}`),
    ].join('\n'),
  ]
}

function unbooted({ booted, notBooted }: ConfigReport): string[] {
  if (booted === null) return [`No scratch cluster was started with it: ${notBooted}.`]
  return [
    [
      `A scratch cluster of PostgreSQL ${booted.version} runs with it.`,
      ...booted.unbooted.map((line) => `  Not with ${assignment(line)}: ${line.reason}.`),
    ].join('\n'),
  ]
}

function proven({ proof }: ConfigReport): string[] {
  if (proof === null) return []
  return [
    [
      'Measured on the scratch cluster, before and after by turns:',
      ...proof.groups.map(({ group, kept, reason }) => `  ${group}: ${kept ? 'kept' : 'rejected'}, ${reason}`),
      ...(proof.overall === null ? ['  Nothing was kept.'] : [`  All that was kept: ${proof.overall.reason}`]),
      ...proof.absent.map(({ load, reason }) => `  ${load} was not run: ${reason}`),
      ...proof.unproven.map((line) => `  ${assignment(line)}: ${line.reason}`),
    ].join('\n'),
  ]
}

function tables({ tables }: ConfigReport): string[] {
  if (tables === null || tables.examined === 0) return []
  const { examined, advice, unsampled } = tables
  const statements = advice.flatMap(({ sql, why, lock, undo }) => [
    ...sql.map((line) => `  ${line};`),
    `    ${why}.`,
    `    Lock: ${lock}. Undo: ${undo.join('; ')}.`,
  ])
  return [
    [
      advice.length === 0
        ? `The figures of pgfleet’s ${examined} tables call for no change.`
        : `For pgfleet’s tables and partitions, of which there are ${examined}:`,
      ...statements,
      ...(unsampled === null ? [] : [`  No column was sampled: ${unsampled}.`]),
    ].join('\n'),
  ]
}

/** In lines of so many columns, at least 24. */
const inLines = (text: string, columns: number) => wrapped(text, Math.max(24, columns), '').join('\n')
