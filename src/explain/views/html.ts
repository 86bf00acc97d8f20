import { nodesOf, type Plan, type PlanNode, titleOf } from '../plan.js'
import { many, type Problem } from '../problem.js'
import { type Timing, timingOf } from '../timing.js'
import { milliseconds, short } from './tree.js'

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #fff; --line: #d1d9e0; --panel: #f6f8fa; --bar: #8fb8de;
  --critical: #b3261e; --warning: #8a5a00; --info: #1f5fa8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4af; --paper: #0f1318; --line: #30363d; --panel: #171c23;
  --bar: #2f5d8a; --critical: #ff8178; --warning: #e3b341; --info: #79b8ff } }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 1.4rem; margin: 0 0 .5rem } h2 { font-size: 1.1rem; margin: 1.6rem 0 .5rem }
p.sum, .soft { color: var(--soft) }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .7rem; overflow: auto; white-space: pre-wrap;
  overflow-wrap: anywhere }
ol.problems { padding-left: 1.6rem } ol.problems li { margin: .5rem 0 }
.critical { color: var(--critical) } .warning { color: var(--warning) } .info { color: var(--info) }
.plan { border: 1px solid var(--line); border-radius: 6px; overflow-x: auto }
details { border-left: 1px solid var(--line); margin-left: 1rem } .plan > details { border-left: 0; margin-left: 0 }
summary { display: grid; grid-template-columns: minmax(14rem, 1fr) 9.5rem 12rem; gap: 1rem; padding: .28rem .7rem; cursor: pointer;
  align-items: center } summary:hover { background: var(--panel) }
summary .name { overflow-wrap: anywhere } summary .name::before { content: "▾ "; color: var(--soft) }
details:not([open]) > summary .name::before { content: "▸ " }
.meter { position: relative; text-align: right; font-variant-numeric: tabular-nums; padding: 0 .3rem }
.meter i { position: absolute; inset: 0 auto 0 0; background: var(--bar); opacity: .45; border-radius: 3px }
.meter b { position: relative; font-weight: 500 } .rows { text-align: right; font-variant-numeric: tabular-nums }
table.facts { border-collapse: collapse; margin: .1rem 0 .6rem 1.9rem; font-size: 13px } table.facts td { padding: .1rem .8rem .1rem 0;
  vertical-align: top; overflow-wrap: anywhere } table.facts td:first-child { color: var(--soft); white-space: nowrap }
a { color: inherit }
@media (max-width: 46rem) { summary { grid-template-columns: 1fr auto; gap: .1rem 1rem } summary .name { grid-column: 1 / -1 }
  summary .meter { min-width: 9.5rem } details { margin-left: .4rem } }
@media print { details:not([open]) > * { display: block } }`

/** Strikes out what HTML would take for markup. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** The plan and its problems as one page: no script, nothing from elsewhere, light and dark. */
export function htmlView(
  plan: Plan,
  problems: readonly Problem[],
  options: { title?: string; query?: string } = {},
): string {
  const timing = timingOf(plan)
  const query = options.query ?? plan.query
  const title = options.title ?? 'Query plan'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p class="sum">${escapeHtml(sums(plan))}</p>
${query === undefined ? '' : `<pre>${escapeHtml(query)}</pre>\n`}<h2>Problems</h2>
${problemList(plan, problems)}
<h2>Plan</h2>
<div class="plan">
${nodeView(plan.root, timing, problems)}</div>
<p class="soft">Time and share are those of a node alone, without what is below it. Rows: expected → found, of one loop.</p>
</body>
</html>
`
}

function sums(plan: Plan): string {
  const parts = [
    `${nodesOf(plan).length} nodes`,
    ...(plan.planningMs === undefined ? [] : [`planning ${milliseconds(plan.planningMs)} ms`]),
    ...(plan.executionMs === undefined ? [] : [`execution ${milliseconds(plan.executionMs)} ms`]),
    ...(plan.jitMs === undefined ? [] : [`JIT ${milliseconds(plan.jitMs)} ms`]),
    ...plan.triggers.map(({ name, ms, calls }) => `trigger ${name} ${milliseconds(ms)} ms in ${many(calls)} calls`),
    ...[...plan.settings].map(([name, value]) => `${name} = ${value}`),
  ]
  return parts.join(' · ')
}

function problemList(plan: Plan, problems: readonly Problem[]): string {
  if (problems.length === 0) return '<p>None found.</p>'
  const nodes = nodesOf(plan)
  const items = problems.map(({ level, title, evidence, remedy, node }) => {
    const where = nodes.find(({ id }) => id === node)
    const link = where === undefined ? '' : ` <a href="#node-${where.id}">${escapeHtml(titleOf(where))}</a>:`
    return `<li><strong class="${level}">${level}: ${escapeHtml(title)}</strong><br>${link} ${escapeHtml(evidence)}.<br><span class="soft">${escapeHtml(remedy)}</span></li>`
  })
  return `<ol class="problems">\n${items.join('\n')}\n</ol>`
}

function nodeView(node: PlanNode, timing: Timing, problems: readonly Problem[]): string {
  const own = problems.flatMap((problem, i) => (problem.node === node.id ? [{ ...problem, number: i + 1 }] : []))
  const share = timing.share(node)
  const ms = timing.selfMs(node)
  const marks = own.map(({ level, number }) => ` <span class="${level}">[${number}]</span>`).join('')
  const label = node.subplan === undefined ? '' : `<span class="soft">${escapeHtml(node.subplan)}:</span> `
  const amount =
    ms === undefined
      ? node.totalCost === undefined
        ? ''
        : `cost ${short(node.totalCost)}`
      : `${milliseconds(ms)} ms · ${Math.round((share ?? 0) * 100)} %`
  const found =
    node.actual === undefined
      ? node.isNeverExecuted
        ? ' → never'
        : ''
      : ` → ${short(node.actual.rows)}${node.actual.loops > 1 ? ` × ${short(node.actual.loops)}` : ''}`
  const facts = [...node.details].map(
    ([name, value]) =>
      `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(typeof value === 'number' ? many(value) : value)}</td></tr>`,
  )
  return `<details open id="node-${node.id}"><summary><span class="name">${label}${escapeHtml(titleOf(node))}${marks}</span><span class="meter"><i style="width:${Math.round((share ?? 0) * 100)}%"></i><b>${escapeHtml(amount)}</b></span><span class="rows">${escapeHtml(`${node.planRows === undefined ? '' : short(node.planRows)}${found}`)}</span></summary>
${facts.length === 0 ? '' : `<table class="facts">${facts.join('')}</table>\n`}${node.children.map((child) => nodeView(child, timing, problems)).join('')}</details>
`
}
