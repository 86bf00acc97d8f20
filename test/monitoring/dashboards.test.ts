// Every expression of the dashboards is PromQL, and every metric and label in it is one that the monitor declares.
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { familyOf } from '../../dist/monitoring/metrics/index.js'

const FOLDER = fileURLToPath(new URL('../../deploy/grafana/', import.meta.url))
const files = (await readdir(`${FOLDER}dashboards`)).filter((file) => file.endsWith('.json'))

/** Labels that Prometheus itself adds. */
const ADDED = ['instance', 'job']

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly panels: readonly {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly datasource?: { readonly uid: string }
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
  }[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] }
  readonly annotations: { readonly list: readonly { readonly expr?: string; readonly titleFormat?: string }[] }
}

/** What is wrong with an expression and the labels that its legend shows; nothing when all is well. */
function problemsOf(expression: string, legend = ''): string[] {
  const text = expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', 'x')
  const problems: string[] = []
  const metrics = new Set<string>()
  const grouped = new Set<string>()
  const tree = parser.parse(text)
  const textOf = ({ from, to }: { from: number; to: number }) => text.slice(from, to)
  let isGrouped = false
  tree.iterate({
    enter(ref) {
      const node: SyntaxNode = ref.node
      if (node.type.isError) problems.push(`no PromQL at ${node.from}: ${text}`)
      if (node.name === 'VectorSelector') {
        const metric = textOf(node.getChild('Identifier') ?? { from: 0, to: 0 })
        const family = familyOf(metric)
        metrics.add(metric)
        if (family === undefined) problems.push(`there is no metric ${metric}`)
        const matchers = node.getChild('LabelMatchers')
        for (const matcher of matchers?.getChildren('UnquotedLabelMatcher') ?? []) {
          const name = textOf(matcher.getChild('LabelName') ?? { from: 0, to: 0 })
          if (![...(family?.labels ?? []), ...ADDED].includes(name)) problems.push(`${metric} has no label ${name}`)
        }
      }
      if (node.name === 'GroupingLabels') {
        isGrouped = true
        for (const name of node.getChildren('LabelName')) grouped.add(textOf(name))
      }
    },
  })
  const known = new Set([...metrics].flatMap((metric) => [...(familyOf(metric)?.labels ?? [])]).concat(ADDED))
  for (const name of grouped) if (!known.has(name)) problems.push(`nothing in ${text} has the label ${name}`)
  for (const [, name = ''] of legend.matchAll(/\{\{\s*(\w+)\s*\}\}/g)) {
    if (!known.has(name) || (isGrouped && !grouped.has(name)))
      problems.push(`${text} leaves no label ${name} for its legend`)
  }
  return problems
}

test('the check finds what is wrong', () => {
  expect(problemsOf('sum(rate(pg_stat_database_xact_commit[1m]')).not.toEqual([])
  expect(problemsOf('pg_nobody{instance="x"}')).toEqual(['there is no metric pg_nobody'])
  expect(problemsOf('pg_up{datname="x"}')).toEqual(['pg_up has no label datname'])
  expect(problemsOf('sum by (relname) (pg_up)')).toHaveLength(1)
  expect(problemsOf('sum(pg_database_size_bytes)', '{{relname}}')).toHaveLength(1)
  expect(problemsOf('sum by (datname) (pg_database_size_bytes{datname!="x"})', '{{datname}}')).toEqual([])
})

describe('the dashboards', () => {
  test('are few, and each is found by a name of its own', async () => {
    const boards = await Promise.all(files.map(read))
    expect(files.length).toBeGreaterThanOrEqual(3)
    expect(new Set(boards.map(({ uid }) => uid)).size).toBe(files.length)
    expect(new Set(boards.map(({ title }) => title)).size).toBe(files.length)
    const compose = await readFile(`${FOLDER}../compose.yaml`, 'utf8')
    for (const file of files) expect(compose).toContain(`./grafana/dashboards/${file}:`)
    const provider = parse(await readFile(`${FOLDER}dashboards.yaml`, 'utf8'))
    for (const file of files) expect(compose).toContain(`:${provider.providers[0].options.path}/${file}:ro`)
    expect(parse(await readFile(`${FOLDER}datasource.yaml`, 'utf8')).datasources[0].url).toBe('http://prometheus:9090')
    const prometheus = parse(await readFile(`${FOLDER}../compose/prometheus.yml`, 'utf8'))
    expect(prometheus.scrape_configs[0].static_configs[0].targets).toEqual(['monitor:9187'])
  })

  test.each(files)('%s asks only for series that there are', async (file) => {
    const board = await read(file)
    const asked = [
      ...board.panels.flatMap(({ targets = [] }) =>
        targets.map(({ expr, legendFormat }) => [expr, legendFormat] as const),
      ),
      ...board.annotations.list.map(({ expr = '', titleFormat = '' }) => [expr, titleFormat] as const),
    ]
    expect(asked.length).toBeGreaterThan(10)
    expect(asked.flatMap(([expression, legend]) => problemsOf(expression, legend))).toEqual([])
    expect(JSON.stringify(board.templating)).toContain('label_values(pg_up, instance)')
  })

  test.each(files)('%s has panels that lie side by side, with a title each', async (file) => {
    const { panels } = await read(file)
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const { title, gridPos, type, targets = [] } of panels) {
      expect(title).not.toBe('')
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      expect(type === 'row' || targets.length > 0, title).toBe(true)
    }
    const overlaps = panels.flatMap(({ gridPos: a, title }, at) =>
      panels
        .slice(at + 1)
        .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
        .map((other) => `${title} lies on ${other.title}`),
    )
    expect(overlaps).toEqual([])
  })
})

async function read(file: string): Promise<Dashboard> {
  return JSON.parse(await readFile(`${FOLDER}dashboards/${file}`, 'utf8')) as Dashboard
}
