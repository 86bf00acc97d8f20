import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { CHECKS } from '../../../dist/doctor/checks/index.js'
import { comparisonsOf, termsOf } from '../../../dist/monitoring/alerts/condition.js'
import { formatPrometheusRules } from '../../../dist/monitoring/alerts/prometheus-rules.js'
import { promDuration, toPromql } from '../../../dist/monitoring/alerts/promql.js'
import { type AlertRule, alertName, severityOf } from '../../../dist/monitoring/alerts/rule.js'
import { RULES } from '../../../dist/monitoring/alerts/rules/index.js'
import { labelsOf } from '../../../dist/monitoring/alerts/summary.js'
import { familyOf } from '../../../dist/monitoring/metrics/index.js'
import { THRESHOLDS_USED } from './series.js'

const explained = ({ check }: AlertRule) => (check === undefined ? '' : ` Explained by [${check}](doctor/${check}.md).`)

const section = (rule: AlertRule) => `### ${rule.id}

${rule.title}: ${severityOf(rule)}, \`${alertName(rule)}\`${rule.forS === 0 ? '' : `, when it holds for ${promDuration(rule.forS)}`}.${explained(rule)}

\`\`\`
${toPromql(rule.condition, THRESHOLDS_USED)}
\`\`\`

${rule.meaning}
${rule.action}
`

const HEADING = '\n## All rules\n'

/** What stands above the rules is written by hand, and stays. */
const page = async () => {
  const text = await readFile(new URL('../../../docs/alerts.md', import.meta.url), 'utf8')
  return `${text.split(HEADING)[0]}${HEADING}
Generated from \`src/monitoring/alerts/rules\`: \`npx vitest run test/monitoring/alerts/docs.test.ts -u\` writes it anew.

${RULES.map(section).join('\n')}`
}

test('docs/alerts.md has every rule', async () => {
  await expect(await page()).toMatchFileSnapshot('../../../docs/alerts.md')
})

describe('rules', () => {
  test('have a file each, of their name', async () => {
    const files = await readdir(new URL('../../../src/monitoring/alerts/rules/', import.meta.url))
    expect(files.sort()).toEqual([...RULES.map(({ id }) => `${id}.ts`), 'index.ts'].sort())
  })

  test.each(RULES.map((rule) => [rule.id, rule] as const))(
    '%s looks at metrics and labels that there are',
    (_, rule) => {
      for (const { metric, where = {}, whereNot = {}, without = [], increaseS, take } of termsOf(rule.condition)) {
        const family = familyOf(metric)
        expect(family, metric).toBeDefined()
        expect(family?.type === 'counter', `${metric} is a counter where growth is looked at, and nowhere else`).toBe(
          increaseS !== undefined,
        )
        for (const name of [...Object.keys(where), ...Object.keys(whereNot), ...without])
          expect(family?.labels).toContain(name)
        expect(take === undefined).toBe(without.length === 0)
      }
      // The labels of the alert are those of its first term.
      const [first] = comparisonsOf(rule.condition)
      const labels = (familyOf(first?.of.metric ?? '')?.labels ?? []).filter(
        (name) => !first?.of.without?.includes(name),
      )
      for (const name of labelsOf(rule.summary)) expect(labels).toContain(name)
      if (rule.check !== undefined) expect(CHECKS.map(({ id }) => id)).toContain(rule.check)
    },
  )

  test('compare with the thresholds of the checks that explain them', () => {
    for (const rule of RULES) {
      const uses = CHECKS.find(({ id }) => id === rule.check)?.uses ?? []
      for (const { than } of comparisonsOf(rule.condition))
        if ('threshold' in than) expect(uses, rule.id).toContain(than.threshold)
    }
  })
})

/** What the source documents want to be warned of, or done, and what is wrong with it: by their numbers in the errata. */
const WRONG: readonly (readonly [numbers: string, what: RegExp])[] = [
  ['33, 34', /bloat/i],
  ['35', /reindex/i],
  ['36', /vacuum full/i],
  [
    '40: dead rows by a number alone, or by a tenth',
    /n_dead_tup(?:\{[^}]*\})? (?:>=?) 10000\b|>=? 0\.1 and pg_stat_user_tables_n_dead/,
  ],
  ['40: a table that was not vacuumed for a day', /last_(?:auto)?vacuum/],
  ['66', /seq_scan|sequential/i],
  ['C: the cache since a reset, or as an alarm', /blks_hit(?:\{[^}]*\})? \/|>= 0\.95/],
  ['C: waits of ten milliseconds', /lock_wait_seconds >=? 0?\.0/],
  ['10 s of lag in seconds', /lag_seconds|last_replay_seconds/],
  ['age of the last archived file', /last_archive_age/],
  ['14, 57', /(?<!local )\bset (?:hnsw|work_mem|statement_timeout)/i],
  ['38', /raise (?:the number of workers|autovacuum_max_workers)/i],
  ['45', /synchronous_commit|commit_delay/],
  ['48', /drop schema/i],
  ['59', /rebuild/i],
  ['67', /detach/i],
  ['71', /redis/i],
  ['72', /work_mem (?:globally|to \d)/i],
  ['single-user mode', /(?<!no )single-user/i],
  ['deleting WAL', /(?<!never )delete files/i],
  ['size of a table', /table_size_bytes|pg_database_size_bytes/],
  ['fsync', /fsync|full_page_writes/],
  ['41', /md5/i],
  ['4, 5, 6: columns that there are not', /\b(?:tablename|indexname) =|total_time|mean_time/],
]

test.each(WRONG)('none of what the source documents have wrong comes out: %s', (_, wrong) => {
  expect(formatPrometheusRules(RULES, THRESHOLDS_USED)).not.toMatch(wrong)
  for (const rule of RULES) expect(JSON.stringify(rule)).not.toMatch(wrong)
})

test('every growth is looked at over a window, and never since a reset', () => {
  for (const rule of RULES) {
    const counters = termsOf(rule.condition).filter(({ metric }) => familyOf(metric)?.type === 'counter')
    for (const { increaseS = 0 } of counters) expect(increaseS).toBeGreaterThanOrEqual(900)
  }
})
