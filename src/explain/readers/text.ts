import type { Plan, Trigger } from '../plan.js'
import { build, type Draft } from './builder.js'
import { readDetail } from './detail.js'
import { noPlan } from './json.js'
import { readTitle } from './title.js'

/** A place in the tree while it is read: nodes, and the labels of subplans between them. */
interface Open {
  /** Column of the arrow, or of the label. */
  readonly column: number
  readonly node: Draft | undefined
  readonly label: string | undefined
}

const AMOUNTS =
  /^(?<title>.*?)(?: {2}\(cost=(?<startup>[\d.]+)\.\.(?<total>[\d.]+) rows=(?<rows>\d+) width=(?<width>\d+)\))?(?: {1,2}\((?<never>never executed)\)| {1,2}\(actual (?:time=(?<first>[\d.]+)\.\.(?<last>[\d.]+) )?rows=(?<actual>[\d.]+) loops=(?<loops>\d+)\))?$/
const LABEL = /^(InitPlan \d+.*|SubPlan \d+.*|CTE \S.*)$/
const END = /^(Planning|Execution|Trigger|JIT|Settings|Query Identifier|Serialization)\b/

/** Reads EXPLAIN's text, with or without psql's frame around it. Errors: INPUT_INVALID for what is no plan, or is cut off. */
export function readText(input: string): Plan {
  const { lines, query } = unframed(input)
  const start = lines.findIndex((line) => isFirst(line, lines))
  if (start === -1) throw noPlan('there is no plan in the text')
  const base = indentOf(lines[start] ?? '')
  const root = nodeOf((lines[start] ?? '').trim(), start)
  // The properties of a node stand six columns behind its arrow; the root's stand two behind its own start.
  const open: Open[] = [{ column: base - 4, node: root, label: undefined }]
  let last: { readonly owner: Draft; readonly name: string } | undefined
  let at = start + 1
  for (; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const column = indentOf(line)
    const words = line.trim()
    if (words === '') continue
    if (column <= base && END.test(words)) break
    const arrow = /^->(\s+)(.*)$/.exec(words)
    if (arrow !== null) {
      const node = nodeOf(arrow[2] ?? '', at)
      while ((open.at(-1)?.column ?? -99) >= column) open.pop()
      const parent = open.at(-1)
      if (parent === undefined) throw noPlan(`line ${at + 1}: the node belongs to no other`)
      if (parent.label !== undefined) node.subplan = parent.label
      open.findLast((each) => each.node !== undefined)?.node?.children.push(node)
      open.push({ column, node, label: undefined })
      last = undefined
      continue
    }
    if (LABEL.test(words)) {
      while (open.length > 1 && (open.at(-1)?.column ?? 0) >= column) open.pop()
      while (open.length > 1 && open.at(-1)?.node !== undefined && (open.at(-1)?.column ?? 0) + 6 > column) open.pop()
      open.push({ column, node: undefined, label: words })
      continue
    }
    const owner = open.findLast((each) => each.node !== undefined && each.column + 6 <= column)?.node
    const isOwn = owner !== undefined && column === propertyColumn(open, owner) && !/^Worker \d+:/.test(words)
    // Deeper stand what each worker did, and grouping sets; a line break of the statement may stand anywhere.
    if (!isOwn && /^[A-Z][\w /-]*: /.test(words)) continue
    if (isOwn && owner.type === 'Aggregate' && words.startsWith('Sort Key')) continue
    if (isOwn && readDetail(words, owner.details)) last = { owner, name: /^([^:]+):/.exec(words)?.[1] ?? '' }
    else if (last !== undefined) extend(last.owner, last.name, line)
  }
  assertEnded(lines, start)
  const tail = readTail(lines.slice(at), base)
  assertWhole(root)
  return { root: build(root), query, ...tail }
}

function propertyColumn(open: readonly Open[], owner: Draft): number {
  return (open.findLast((each) => each.node === owner)?.column ?? 0) + 6
}

/** A condition may hold a line break of the statement. */
function extend(owner: Draft, name: string, words: string): void {
  const before = owner.details.get(name)
  if (typeof before === 'string') owner.details.set(name, `${before}\n${words}`)
}

/** The last line of a text that is cut off may be half a name, or a condition that lacks its end. */
function assertEnded(lines: readonly string[], start: number): void {
  const last = lines.findLastIndex((line) => line.trim() !== '')
  const words = (lines[last] ?? '').trim()
  const bare = words.replaceAll(/'(?:[^']|'')*'/g, "''").replaceAll(/"(?:[^"]|"")*"/g, '""')
  const isOpen = /^[A-Z][\w /-]*: /.test(bare) && bare.split('(').length > bare.split(')').length
  const isName = /^[A-Z][\w/-]*(?: [\w/-]+)*:?$/.test(words)
  if (last > start && (isOpen || isName)) throw noPlan(`line ${last + 1} is cut off: "${words.slice(0, 60)}"`)
}

/** Takes psql's frame away, and what auto_explain writes in front. */
function unframed(input: string): { lines: string[]; query: string | undefined } {
  let lines = input.replaceAll('\r', '').replaceAll('\t', '        ').split('\n')
  if (lines.some((line) => /^\s*QUERY PLAN\s*$/.test(line))) {
    lines = lines.slice(lines.findIndex((line) => /^\s*QUERY PLAN\s*$/.test(line)) + 1)
    lines = lines.filter((line) => !/^\s*-{3,}\s*$/.test(line)).map((line) => line.replace(/\s*\+$/, ''))
  }
  lines = lines.filter((line) => !/^\s*\(\d+ rows?\)\s*$/.test(line))
  // Some tools quote each line.
  if (lines.filter((line) => line.trim() !== '').every((line) => /^\s*".*"$/.test(line))) {
    lines = lines.map((line) =>
      line
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .replaceAll('""', '"'),
    )
  }
  const query = lines.findIndex((line) => /^\s*Query Text:/.test(line))
  if (query === -1) return { lines, query: undefined }
  const plan = lines.findIndex((line, i) => i > query && /\(cost=|\(actual |\(never executed\)/.test(line))
  const words = lines.slice(query, plan === -1 ? query + 1 : plan).join('\n')
  return { lines: plan === -1 ? lines : lines.slice(plan), query: words.replace(/^\s*Query Text:\s*/, '') }
}

/** With costs or times the first line that has some; else the first that begins with a node's words. */
function isFirst(line: string, lines: readonly string[]): boolean {
  if (lines.some((each) => /\((cost|actual time)=/.test(each))) return /\((cost|actual time)=/.test(line)
  return /^\s*(Seq|Index|Bitmap|Sort|Limit|Hash|Merge|Nested|Aggregate|GroupAggregate|Append|Result|Gather|Unique|Insert|Update|Delete|Function|Values|CTE|Subquery|WindowAgg|Materialize|Incremental|Recursive|Parallel|Finalize|Partial|SetOp|ProjectSet|LockRows|Tid|Foreign|Group|Memoize|Custom|Sample|Table|WorkTable|Mixed)\b/.test(
    line,
  )
}

const indentOf = (line: string) => line.length - line.trimStart().length

function nodeOf(words: string, line: number): Draft {
  const found = AMOUNTS.exec(words)?.groups
  const opened = words.split('(').length
  if (found === undefined || opened !== words.split(')').length || /\((cost|actual)\b/.test(found.title ?? '')) {
    throw noPlan(`line ${line + 1} is cut off: "${words.slice(0, 60)}"`)
  }
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text))
  const draft = readTitle(found.title ?? '')
  return Object.assign(draft, {
    startupCost: number(found.startup),
    totalCost: number(found.total),
    planRows: number(found.rows),
    planWidth: number(found.width),
    isNeverExecuted: found.never !== undefined,
    actual:
      found.loops === undefined
        ? undefined
        : {
            startupMs: number(found.first),
            totalMs: number(found.last),
            rows: Number(found.actual),
            loops: Number(found.loops),
          },
  })
}

/** Nodes that have one child at least, and those that have two. */
const ONE =
  /^(Sort|Incremental Sort|Limit|Aggregate|Hash|Gather|Gather Merge|Materialize|Memoize|Unique|LockRows|WindowAgg|Group|Subquery Scan|ProjectSet|Bitmap Heap Scan|ModifyTable|SetOp)$/
const TWO = /^(Hash Join|Merge Join|Nested Loop|BitmapAnd|BitmapOr|Recursive Union)$/

function assertWhole(node: Draft): void {
  const own = node.children.filter(({ subplan }) => subplan === undefined).length
  const least = TWO.test(node.type) ? 2 : ONE.test(node.type) ? 1 : 0
  if (own < least)
    throw noPlan(`the plan is cut off: ${node.type} lacks ${least - own === 1 ? 'an input' : 'its inputs'}`)
  for (const child of node.children) assertWhole(child)
}

function readTail(lines: readonly string[], base: number) {
  const triggers: Trigger[] = []
  const settings = new Map<string, string>()
  let planningMs: number | undefined
  let executionMs: number | undefined
  let jitMs: number | undefined
  let isJit = false
  for (const line of lines) {
    const words = line.trim()
    if (indentOf(line) <= base) isJit = words === 'JIT:'
    const time = /^(Planning|Execution) Time: ([\d.]+) ms$/.exec(words)
    if (time?.[1] === 'Planning') planningMs = Number(time[2])
    if (time?.[1] === 'Execution') executionMs = Number(time[2])
    const total = isJit ? /^Timing: .*Total ([\d.]+) ms$/.exec(words) : null
    if (total !== null) jitMs = Number(total[1])
    const trigger = /^Trigger (.+?): (?:time=([\d.]+) )?calls=(\d+)$/.exec(words)
    if (trigger !== null) {
      triggers.push({
        name: (trigger[1] ?? '').replace(/ on .*$/, ''),
        ms: Number(trigger[2] ?? 0),
        calls: Number(trigger[3]),
      })
    }
    if (words.startsWith('Settings: ')) {
      for (const [, name = '', value = ''] of words.matchAll(/([\w.]+) = '((?:[^']|'')*)'/g))
        settings.set(name, value.replaceAll("''", "'"))
    }
  }
  return { planningMs, executionMs, jitMs, triggers, settings }
}
