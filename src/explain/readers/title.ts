import type { Draft } from './builder.js'

const AGGREGATES: Readonly<Record<string, string>> = {
  Aggregate: 'Plain',
  GroupAggregate: 'Sorted',
  HashAggregate: 'Hashed',
  MixedAggregate: 'Mixed',
}
const JOIN = /^(Hash|Merge|Nested Loop)(?: (Left|Right|Full|Semi|Anti|Right Anti|Right Semi))?(?: Join)?$/

/** Reads the words of a node in EXPLAIN's text: `Parallel Index Scan Backward using i on s.t a`. */
export function readTitle(title: string): Draft {
  const draft: Draft = { type: '', details: new Map(), children: [] }
  let words = title.trim().replace(/^Async /, '')
  if (words.startsWith('Parallel ')) {
    draft.isParallel = true
    words = words.slice('Parallel '.length)
  }
  const [, kind = words, on] = /^(.*?) on (.+)$/.exec(words) ?? []
  const [, scan = kind, index] = /^(Index(?: Only)? Scan(?: Backward)?) using (.+)$/.exec(kind) ?? []
  if (index !== undefined) draft.index = unquote(index)
  let type = scan
  if (type.endsWith(' Backward')) {
    draft.isBackward = true
    type = type.slice(0, -' Backward'.length)
  }
  const [, partial, aggregate] = /^(?:(Partial|Finalize) )?((?:Group|Hash|Mixed)?Aggregate)$/.exec(type) ?? []
  const [, hashed, command] = /^(Hash)?SetOp(?: (.+))?$/.exec(type) ?? []
  const join = JOIN.exec(type)
  if (aggregate !== undefined) {
    draft.strategy = AGGREGATES[aggregate]
    draft.partialMode = partial
    type = 'Aggregate'
  } else if (/^(Hash)?SetOp/.test(type)) {
    draft.strategy = hashed === undefined ? 'Sorted' : 'Hashed'
    draft.operation = command
    type = 'SetOp'
  } else if (/^(Foreign )?(Insert|Update|Delete|Merge)$/.test(type)) {
    draft.operation = type.replace('Foreign ', '')
    type = type.startsWith('Foreign') ? 'Foreign Scan' : 'ModifyTable'
  } else if (join !== null && (type.includes(' ') || type === 'Nested Loop')) {
    draft.joinType = join[2] ?? 'Inner'
    type = join[1] === 'Nested Loop' ? 'Nested Loop' : `${join[1]} Join`
  } else if (type.startsWith('Custom Scan')) type = 'Custom Scan'
  draft.type = type
  if (on !== undefined) readTarget(draft, on)
  return draft
}

/** Relations that are no tables: functions, subqueries and the like have an alias alone. */
const NAMELESS = /^(Subquery|Values|CTE|WorkTable|Function|Table Function|Named Tuplestore) Scan$/

function readTarget(draft: Draft, on: string): void {
  if (draft.type === 'Bitmap Index Scan') {
    draft.index = unquote(on)
    return
  }
  const part = '("(?:[^"]|"")+"|[^\\s".]+)'
  const [, first, second, alias] = new RegExp(`^${part}(?:\\.${part})?(?: ${part})?$`).exec(on) ?? []
  const name = unquote(second ?? first ?? on)
  if (NAMELESS.test(draft.type)) {
    draft.alias = alias === undefined ? name : unquote(alias)
    return
  }
  if (second !== undefined && first !== undefined) draft.schema = unquote(first)
  draft.relation = name
  draft.alias = alias === undefined ? name : unquote(alias)
}

function unquote(name: string): string {
  return name.startsWith('"') && name.endsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}
