import type { Catalog, Table } from './catalog.js'
import type { Condition } from './condition.js'
import { canonical, columnKey, type IndexDefinition, type IndexKey, serves, titleOf } from './definition.js'
import { comparisonsOf, type Demand } from './demand.js'

/** Indexes that are tried together: one, or for OR one an alternative. */
export type Candidate = readonly IndexDefinition[]

/** Tables of fewer rows are read as quickly without. */
const ROWS_MIN = 1000
/** Columns compared by `=` that one index takes, and keys in all. */
const EQUALITIES_MAX = 4
const KEYS_MAX = 6
/** A constant condition that more rows than this share meet saves too little to make an index partial. */
const PARTIAL_SHARE_MAX = 0.3
/** A column of more values is an identifier: a constant compared with it is one case of many. */
const PARTIAL_VALUES_MAX = 20
/** What an index stores beside its keys, so that the table need not be read. */
const INCLUDE_MAX = 3
const INCLUDE_BYTES_MAX = 48
/** Of a demand. */
const CANDIDATES_MAX = 40

/** Candidates for demands: what is compared by `=` first, then the order or a range; without those that an existing index serves. */
export function candidatesOf(demands: readonly Demand[], catalog: Catalog): readonly Candidate[] {
  const found = new Map<string, Candidate>()
  const shared = sharing(demands)
  for (const demand of demands) {
    if (demand.table.rows < ROWS_MIN || isUnique(demand, catalog)) continue
    const made = [...plain(demand, shared), ...partial(demand, shared), ...alternatives(demand, shared)]
    for (const candidate of made.slice(0, CANDIDATES_MAX)) {
      const fresh = candidate.filter((definition) => !isServed(definition, demand.table, catalog))
      if (fresh.length > 0) found.set(fresh.map(titleOf).sort().join('; '), fresh)
    }
  }
  return [...found.values()]
}

/** An index that exists and is valid serves it. */
function isServed(definition: IndexDefinition, { oid }: Table, { indexes }: Catalog): boolean {
  return indexes.some((index) => index.tableOid === oid && index.isValid && serves(index, definition))
}

/** What is compared finds one row at most, by an index that is there. */
function isUnique({ table, conditions }: Demand, { indexes }: Catalog): boolean {
  const equal = new Set(comparisonsOf(conditions, ['equal']).flatMap(({ column }) => column?.name ?? []))
  return indexes.some(
    ({ tableOid, isUnique: unique, isValid, predicate, keys }) =>
      tableOid === table.oid &&
      unique &&
      isValid &&
      predicate === undefined &&
      keys.every(({ columns: [name] }) => name !== undefined && equal.has(name)),
  )
}

/** How many demands compare a key by `=`: what more of them compare comes first, so that one index serves them all. */
function sharing(demands: readonly Demand[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { table, conditions } of demands)
    for (const { key } of comparisonsOf(conditions, ['equal', 'list', 'join'])) {
      const name = `${table.oid} ${key.text}`
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  return counts
}

type Sharing = ReadonlyMap<string, number>

function ordered(conditions: readonly Condition[], { oid }: Table, shared: Sharing): Condition[] {
  const uses = ({ key }: Condition) => shared.get(`${oid} ${key.text}`) ?? 0
  const values = ({ column }: Condition) => column?.distinct ?? 1000
  const unique = conditions.filter((each, at) => conditions.findIndex(({ key }) => key.text === each.key.text) === at)
  const policy = ({ isPolicy = false }: Condition) => Number(isPolicy)
  return unique.toSorted(
    (a, b) => policy(b) - policy(a) || uses(b) - uses(a) || values(b) - values(a) || (a.key.text < b.key.text ? -1 : 1),
  )
}

function plain(demand: Demand, shared: Sharing): Candidate[] {
  return variants(demand, demand.conditions, shared, undefined)
}

/** The same with what is constant as the index's condition, and never as its key. */
function partial(demand: Demand, shared: Sharing): Candidate[] {
  const limits = demand.conditions.filter(
    ({ constant, column }) =>
      constant !== undefined &&
      constant.share <= PARTIAL_SHARE_MAX &&
      (/null$/.test(constant.text) || (column?.distinct ?? Number.POSITIVE_INFINITY) <= PARTIAL_VALUES_MAX),
  )
  if (limits.length === 0) return []
  const rest = demand.conditions.filter((each) => !limits.includes(each))
  const predicate = {
    text: [...new Set(limits.map(({ constant }) => constant?.text ?? ''))].sort().join(' and '),
    columns: limits.flatMap(({ key }) => key.columns),
  }
  const made = variants(demand, rest, shared, predicate)
  if (made.length > 0) return made
  // Any key will do where the condition alone finds the rows; the primary key does not change.
  const keys = demand.sort.length > 0 ? canonical(demand.sort) : demand.table.primaryKey.map((name) => columnKey(name))
  return keys.length === 0 ? [] : [[define(demand.table, [], keys, predicate)]]
}

/** One index for each alternative of OR, which are read together. */
function alternatives({ table, alternatives: arms, conditions }: Demand, shared: Sharing): Candidate[] {
  if (arms.length === 0) return []
  const outer = ordered(comparisonsOf(conditions, ['equal']), table, shared).slice(0, EQUALITIES_MAX)
  return [[], outer].map((prefix) => {
    const indexes = arms.map((arm) => {
      const equal = ordered([...prefix, ...comparisonsOf(arm, ['equal', 'list'])], table, shared)
      const [range] = comparisonsOf(arm, ['range', 'prefix'])
      const tail = range === undefined || equal.some(({ key }) => key.text === range.key.text) ? [] : [range.key]
      return define(table, equal.slice(0, EQUALITIES_MAX), tail, undefined)
    })
    return [...new Map(indexes.map((each) => [titleOf(each), each])).values()]
  })
}

function variants(
  demand: Demand,
  conditions: readonly Condition[],
  shared: Sharing,
  predicate: IndexDefinition['predicate'],
): Candidate[] {
  const { table, sort, isLimited } = demand
  const of = (...kinds: Condition['comparison'][]) => ordered(comparisonsOf(conditions, kinds), table, shared)
  const [equal, lists, joins] = [of('equal'), of('list'), of('join')]
  const ranges = of('range', 'prefix').slice(0, 2)
  const made = new Map<string, IndexDefinition>()
  const add = (equalities: readonly Condition[], tail: readonly IndexKey[]) => {
    const taken = new Set(equalities.map(({ key }) => key.text))
    const rest = tail.filter(({ text }, at) => !taken.has(text) && tail.findIndex((key) => key.text === text) === at)
    if (taken.size + rest.length === 0) return
    const definition = define(table, equalities, rest, predicate)
    made.set(titleOf(definition), definition)
    const covering = covered(demand, definition)
    if (covering !== undefined) made.set(titleOf(covering), covering)
  }
  const sets = [
    ordered([...equal, ...joins], table, shared),
    equal,
    joins,
    ...equal.slice(0, 3).map((each) => [each]),
    [],
  ]
  for (const set of sets.map((each) => each.slice(0, EQUALITIES_MAX))) {
    const listed = ordered([...set, ...lists], table, shared).slice(0, EQUALITIES_MAX)
    if (set.length > 0) add(set, [])
    add(listed, [])
    for (const { key } of ranges) add(listed, [key])
    if (sort.length === 0 || (set.length === 0 && !isLimited)) continue
    // Behind a list the order is lost, so it comes after it.
    add(set, sort)
    add(set, [...sort, ...lists.map(({ key }) => key), ...ranges.map(({ key }) => key)])
  }
  return [...made.values()].map((definition) => [definition])
}

function define(
  { schema, name }: Table,
  equalities: readonly Condition[],
  tail: readonly IndexKey[],
  predicate: IndexDefinition['predicate'],
): IndexDefinition {
  return {
    schema,
    table: name,
    method: 'btree',
    keys: [...equalities.map(({ key }) => key), ...canonical(tail)].slice(0, KEYS_MAX),
    equalities: equalities.length,
    include: [],
    ...(predicate === undefined ? {} : { predicate }),
  }
}

/** The index with all columns that are read, where they are few and narrow, and vacuum has marked most pages as visible. */
function covered({ table, read }: Demand, definition: IndexDefinition): IndexDefinition | undefined {
  if (read === undefined || table.visibleShare < 0.5) return undefined
  const keyed = new Set(
    definition.keys
      .filter(({ columns, text }) => columns.length === 1 && !text.startsWith('('))
      .flatMap(({ columns }) => columns),
  )
  const include = [...read].filter((name) => !keyed.has(name)).sort()
  const bytes = include.reduce((sum, name) => sum + (table.columns.get(name)?.width ?? INCLUDE_BYTES_MAX), 0)
  if (include.length === 0 || include.length > INCLUDE_MAX || bytes > INCLUDE_BYTES_MAX) return undefined
  return { ...definition, include }
}
