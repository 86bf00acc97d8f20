import { writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { wrap } from '../../doctor/report/text.js'
import { resolveThresholds, type Thresholds } from '../../doctor/thresholds.js'
import { FleetError } from '../../errors.js'
import { comparisonsOf, limitOf } from '../../monitoring/alerts/condition.js'
import { formatPrometheusRules } from '../../monitoring/alerts/prometheus-rules.js'
import { promDuration, toPromql } from '../../monitoring/alerts/promql.js'
import { type AlertRule, alertName, severityOf } from '../../monitoring/alerts/rule.js'
import { RULES, ruleOf } from '../../monitoring/alerts/rules/index.js'
import { fillSummary } from '../../monitoring/alerts/summary.js'
import { type AlertOptions, noSuchRule } from '../alert-options.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'

interface RulesOptions extends AlertOptions {
  readonly format: 'table' | 'prometheus'
  readonly output?: string
}

/** `pgfleet monitor rules`: what is warned of, and the same for Prometheus. */
export function addMonitorRules(command: Command, shell: Shell): void {
  command
    .command('rules [rule]')
    .description('list what is warned of with its limits, or one rule in full; asks no server')
    .addOption(
      new Option('--format <format>', 'a table, or a file of rules for Prometheus 2.42 or newer')
        .choices(['table', 'prometheus'])
        .default('table'),
    )
    .option('--output <file>', 'write the rules for Prometheus to this file')
    .addHelpText(
      'after',
      `
Limits are the doctor's thresholds: --threshold NAME=VALUE changes them here and for \`pgfleet monitor\`.

Examples:
  pgfleet monitor rules
  pgfleet monitor rules replication-lag
  pgfleet monitor rules --output /etc/prometheus/pgfleet.yaml --threshold replicationLagMb=500`,
    )
    .action(action(shell, rules))
}

async function rules(context: Context, options: RulesOptions, id?: string) {
  const { terminal } = context
  const thresholds = resolveThresholds(options.threshold)
  const chosen = id === undefined ? RULES : RULES.filter((rule) => rule.id === id)
  if (id !== undefined && chosen.length === 0) throw noSuchRule(id, 'rule')
  const { format, output } = options
  if (output !== undefined || format === 'prometheus') {
    const text = formatPrometheusRules(chosen, thresholds)
    if (output === undefined) {
      if (terminal.json)
        throw new FleetError('OPTIONS_INVALID', {
          message: '--json and --format prometheus are two formats: choose one',
          field: 'format',
        })
      terminal.text(text.trimEnd())
    } else {
      await writeFile(output, text)
      terminal.result({ output, rules: chosen.length }, () => `${chosen.length} rules written to ${output}`)
    }
    return EXIT.ok
  }
  terminal.result(
    chosen.map((rule) => told(rule, thresholds)),
    () => (id === undefined ? table(context, thresholds) : inFull(context, ruleOf(id) as AlertRule, thresholds)),
  )
  return EXIT.ok
}

function told(rule: AlertRule, thresholds: Thresholds) {
  const { id, title, forS, summary, meaning, action: todo, check = null } = rule
  return {
    id,
    name: alertName(rule),
    title,
    severity: severityOf(rule),
    expression: toPromql(rule.condition, thresholds),
    forSeconds: forS,
    summary,
    meaning,
    action: todo,
    check,
  }
}

function table({ terminal }: Context, thresholds: Thresholds): string {
  const rows = RULES.map((rule) => [
    rule.id,
    severityOf(rule),
    limitsOf(rule, thresholds),
    rule.forS === 0 ? '-' : promDuration(rule.forS),
  ])
  return terminal.table(['rule', 'severity', '>limit', '>for'], rows)
}

/** The comparison that decides: the first one. */
function limitsOf(rule: AlertRule, thresholds: Thresholds): string {
  const [first] = comparisonsOf(rule.condition)
  if (first === undefined) return 'absent'
  const format = /\{value\|\w+\}/.exec(rule.summary)?.[0]
  const limit = limitOf(first.than, thresholds)
  return `${first.is} ${format === undefined ? limit : fillSummary(format, {}, limit)}`
}

function inFull({ terminal }: Context, rule: AlertRule, thresholds: Thresholds): string {
  const { bold, dim } = terminal.colors
  const indented = (label: string, text: string) => wrap(text, terminal.width, `  ${label.padEnd(9)} `)
  return [
    `${bold(rule.title)}  ${severityOf(rule)}, ${alertName(rule)}`,
    dim(`  ${toPromql(rule.condition, thresholds)}`),
    ...indented('for', rule.forS === 0 ? 'at once' : promDuration(rule.forS)),
    ...indented('means', rule.meaning),
    ...indented('do', rule.action),
    ...(rule.check === undefined ? [] : indented('explained', `pgfleet doctor --check ${rule.check}`)),
  ].join('\n')
}
