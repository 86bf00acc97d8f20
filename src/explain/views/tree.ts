import type { Paint } from '../../lint/reports/text.js'
import { nodesOf, type Plan, type PlanNode, titleOf } from '../plan.js'
import type { Problem, ProblemLevel } from '../problem.js'
import { many } from '../problem.js'
import { timingOf } from '../timing.js'

const BAR = 6

/** The plan and its problems as text of so many columns. */
export function treeView(plan: Plan, problems: readonly Problem[], options: { width: number; paint: Paint }): string {
  const { width, paint } = options
  const nodes = nodesOf(plan)
  const timing = timingOf(plan)
  const isTimed = timing.totalMs !== undefined
  const isRun = nodes.some(({ actual }) => actual !== undefined)
  const rows = nodes.map((node) => rowsCell(node, isRun))
  const rowsWidth = Math.max(4, ...rows.map((cell) => cell.length))
  const costs = nodes.map(({ totalCost }) => (totalCost === undefined ? '' : totalCost.toFixed(0)))
  const amountWidth = isTimed ? 9 : Math.max(4, ...costs.map((cell) => cell.length))
  const shareWidth = isTimed ? BAR + 6 : 0
  const left = amountWidth + 1 + shareWidth + rowsWidth + 2
  const marks = marksOf(problems)
  const head = [
    (isTimed ? 'self ms' : 'cost').padStart(amountWidth),
    ...(isTimed ? ['share'.padEnd(shareWidth - 1)] : []),
    (isRun ? 'rows est→act' : 'rows').slice(-rowsWidth).padStart(rowsWidth),
    ' node',
  ].join(' ')
  const lines = placed(plan.root, '', '').map(({ node, branch }, i) => {
    const own = timing.selfMs(node)
    const share = timing.share(node)
    const amount = isTimed ? (own === undefined ? '' : milliseconds(own)) : (costs[i] ?? '')
    const bar =
      share === undefined ? '' : `${`${Math.round(share * 100)} %`.padStart(5)} ${'█'.repeat(Math.round(share * BAR))}`
    const mark = marks.get(node.id)
    const words = `${node.subplan === undefined ? '' : `${node.subplan}: `}${titleOf(node)}${node.isNeverExecuted ? ' (never executed)' : ''}`
    const room = width - left - branch.length - (mark === undefined ? 0 : mark.length + 1)
    const title = words.length > room ? `${words.slice(0, Math.max(room - 1, 4))}…` : words
    const colour = mark === undefined ? (text: string) => text : colourOf(worst(problems, node.id), paint)
    return [
      amount.padStart(amountWidth),
      ...(isTimed ? [bar.padEnd(shareWidth - 1)] : []),
      (rows[i] ?? '').padStart(rowsWidth),
      ` ${paint.dim(branch)}${colour(title)}${mark === undefined ? '' : ` ${colour(mark)}`}`,
    ].join(' ')
  })
  return [
    paint.bold(head),
    ...lines.map((line) => line.trimEnd()),
    '',
    ...totals(plan, width),
    ...problemLines(problems, nodes, options),
  ].join('\n')
}

interface Placed {
  readonly node: PlanNode
  readonly branch: string
}

/** Nodes with the branches that lead to them. Deep trees keep their last branches alone. */
function placed(node: PlanNode, branch: string, below: string): Placed[] {
  const shown = branch.length > 24 ? `…${branch.slice(-23)}` : branch
  return [
    { node, branch: shown },
    ...node.children.flatMap((child, i) => {
      const isLast = i === node.children.length - 1
      return placed(child, `${below}${isLast ? '└ ' : '├ '}`, `${below}${isLast ? '  ' : '│ '}`)
    }),
  ]
}

function rowsCell(node: PlanNode, isRun: boolean): string {
  const estimate = node.planRows === undefined ? '?' : short(node.planRows)
  if (!isRun) return estimate
  if (node.actual === undefined) return `${estimate} → -`
  const times = node.actual.loops > 1 ? `×${short(node.actual.loops)}` : ''
  return `${estimate} → ${short(node.actual.rows)}${times}`
}

/** 1234567 as 1.2M. */
export function short(value: number): string {
  if (value < 10_000)
    return String(Math.round(value * 10) / 10 === Math.round(value) ? Math.round(value) : Math.round(value * 10) / 10)
  const [divisor, unit] = value < 999_500 ? [1e3, 'k'] : value < 999_500_000 ? [1e6, 'M'] : [1e9, 'G']
  const part = value / divisor
  return `${part < 10 ? part.toFixed(1) : Math.round(part)}${unit}`
}

/** Milliseconds with as many digits as matter. */
export function milliseconds(ms: number): string {
  return ms >= 100 ? many(ms) : ms >= 1 ? ms.toFixed(1) : ms.toFixed(3)
}

/** Numbers of the problems of each node, as they are listed. */
export function marksOf(problems: readonly Problem[]): Map<number, string> {
  const marks = new Map<number, string>()
  problems.forEach(({ node }, i) => {
    if (node !== undefined) marks.set(node, `${marks.get(node) ?? ''}[${i + 1}]`)
  })
  return marks
}

function worst(problems: readonly Problem[], node: number): ProblemLevel {
  return problems.find((each) => each.node === node)?.level ?? 'info'
}

const colourOf = (level: ProblemLevel, paint: Paint) =>
  ({ critical: paint.red, warning: paint.yellow, info: paint.cyan })[level]

function totals(plan: Plan, width: number): string[] {
  const parts = [
    ...(plan.planningMs === undefined ? [] : [`planning ${milliseconds(plan.planningMs)} ms`]),
    ...(plan.executionMs === undefined ? [] : [`execution ${milliseconds(plan.executionMs)} ms`]),
    ...(plan.jitMs === undefined ? [] : [`JIT ${milliseconds(plan.jitMs)} ms`]),
    ...plan.triggers.map(({ name, ms, calls }) => `trigger ${name} ${milliseconds(ms)} ms in ${many(calls)} calls`),
    ...[...plan.settings].map(([name, value]) => `${name} = ${value}`),
  ]
  return parts.length === 0 ? [] : [...wrap(parts.join(', '), width, ''), '']
}

function problemLines(
  problems: readonly Problem[],
  nodes: readonly PlanNode[],
  { width, paint }: { width: number; paint: Paint },
): string[] {
  if (problems.length === 0) {
    const isRun = nodes.some(({ actual }) => actual !== undefined)
    return [isRun ? 'No problem found.' : 'No problem found; without ANALYZE most cannot be seen.']
  }
  return problems.flatMap((problem, i) => {
    const node = nodes.find(({ id }) => id === problem.node)
    const colour = colourOf(problem.level, paint)
    return [
      ...wrap(`[${i + 1}] ${problem.level}: ${problem.title}`, width, '').map((line) => colour(line)),
      ...(node === undefined ? [] : wrap(titleOf(node), width, '    ')),
      ...wrap(problem.evidence, width, '    '),
      ...wrap(problem.remedy, width, '    ').map((line) => paint.dim(line)),
      '',
    ]
  })
}

function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text
    .split(/\s+/)
    .flatMap((each) => each.match(new RegExp(`.{1,${width - indent.length}}`, 'g')) ?? [])) {
    if (line.length + word.length + 1 > width && line !== indent) {
      lines.push(line)
      line = indent
    }
    line += line === indent ? word : ` ${word}`
  }
  return [...lines, line]
}
