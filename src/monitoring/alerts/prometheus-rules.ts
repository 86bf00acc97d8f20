import type { Thresholds } from '../../doctor/thresholds.js'
import { promDuration, toPromql } from './promql.js'
import { type AlertRule, alertName, KEEP_FIRING_MS, severityOf } from './rule.js'
import { prometheusSummary } from './summary.js'

/** The rules as a file of rules for Prometheus 2.42 or newer; its texts are quoted as JSON, which YAML reads. */
export function formatPrometheusRules(rules: readonly AlertRule[], thresholds: Thresholds): string {
  const lines = rules.flatMap((rule) => [
    `      - alert: ${alertName(rule)}`,
    `        expr: ${JSON.stringify(toPromql(rule.condition, thresholds))}`,
    `        for: ${promDuration(rule.forS)}`,
    `        keep_firing_for: ${promDuration(KEEP_FIRING_MS / 1000)}`,
    '        labels:',
    `          severity: ${severityOf(rule)}`,
    '        annotations:',
    `          summary: ${JSON.stringify(prometheusSummary(rule.summary))}`,
    `          description: ${JSON.stringify(`${rule.meaning} ${rule.action}`)}`,
    `          rule: ${JSON.stringify(rule.id)}`,
    ...(rule.check === undefined ? [] : [`          check: ${JSON.stringify(rule.check)}`]),
  ])
  return [
    '# Alerts on the metrics of `pgfleet monitor`, for Prometheus 2.42 or newer. Written by `pgfleet monitor rules`:',
    '# what a rule means and what to do is in docs/alerts.md.',
    'groups:',
    '  - name: pgfleet',
    '    rules:',
    ...lines,
    '',
  ].join('\n')
}
