import type { Catalog, Column, ExistingIndex, Table } from './catalog.js'
import type { Condition } from './condition.js'
import { columnKey, type IndexDefinition, type IndexKey, titleOf } from './definition.js'
import type { Demand, StatementDemand } from './demand.js'

/** An index that is advised by a rule: no planner can imagine it. */
export interface RuledIndex {
  readonly definition: IndexDefinition
  /** Why, and what has to be known; whole sentences. */
  readonly why: string
  /** The statements that want it, by place. */
  readonly statements: readonly number[]
}

/** What the rules say of a workload. */
export interface Ruling {
  readonly indexes: readonly RuledIndex[]
  /** What would be wanted and cannot be, each a sentence. */
  readonly notes: readonly string[]
}

/** Smaller tables are read as quickly without. */
const ROWS_MIN = 5000
/** So few rows that another condition leaves are compared one by one. */
const FEW_ROWS = 500
/** BRIN: how far rows have to lie in the order of the column, from how many pages on, and what may be changed or deleted. */
const ORDERED = 0.95
const BRIN_PAGES_MIN = 1000
const CHANGED_MAX = 0.01
const ORDERED_TYPE = /^(timestamptz|timestamp|date|int8)$/

/** What the extensions of the database allow. */
export interface Allowed {
  readonly trigram: boolean
}

/** Applies the rules to the statements of a workload, by place. */
export function ruled(demands: readonly StatementDemand[], catalog: Catalog, { trigram }: Allowed): Ruling {
  const found = new Map<string, { definition: IndexDefinition; why: string; statements: Set<number> }>()
  const notes = new Set<string>()
  const add = (definition: IndexDefinition, why: string, statement: number) => {
    const title = titleOf(definition)
    const same = found.get(title) ?? { definition, why, statements: new Set<number>() }
    same.statements.add(statement)
    found.set(title, same)
  }
  for (const [statement, { demands: queries, distances, secured }] of demands.entries()) {
    for (const demand of queries) {
      const { table } = demand
      const brin = brinOf(demand, catalog)
      if (brin !== undefined)
        add(
          brin,
          `Rows lie in the order of this column, and hardly change: a BRIN index of a few pages finds a range of it.`,
          statement,
        )
      if (table.rows < ROWS_MIN || isNarrowed(demand.conditions, table)) continue
      for (const condition of demand.conditions.filter(({ comparison }) => comparison === 'contains')) {
        const rule = containing(condition, trigram)
        if (rule === undefined) continue
        if (typeof rule === 'string') notes.add(`${table.schema}.${table.name}: ${rule}`)
        else if (secured.has(table))
          notes.add(
            `${table.schema}.${table.name}: under row-level security ${condition.operator} is compared after the policy, for it is not leakproof, and uses no index: have a function do it that enters the tenant itself.`,
          )
        else if (!hasOne(rule, condition, table, catalog))
          add({ ...ON(table), method: rule.method, keys: [rule.key] }, rule.why, statement)
      }
    }
    for (const { table, column: name, operator, conditions, isLimited } of distances) {
      const column = table.columns.get(name)
      if (column === undefined || table.rows < ROWS_MIN || !isLimited) continue
      const rule = nearest(column, operator)
      if (typeof rule === 'string') notes.add(`${table.schema}.${table.name}: ${rule}`)
      else if (rule !== undefined && !catalog.indexes.some((index) => isIndexOf(index, table, name))) {
        const isFiltered = conditions.length > 0 || secured.has(table)
        const filter = isFiltered
          ? ' The statement filters as well: without hnsw.iterative_scan (set local, pgvector 0.8) it may return fewer rows than asked for.'
          : ''
        add({ ...ON(table), method: rule.method, keys: [rule.key] }, `${rule.why}${filter}`, statement)
      }
    }
  }
  return { indexes: merged([...found.values()]), notes: [...notes] }
}

const ON = ({ schema, name }: Table) => ({ schema, table: name, equalities: 0, include: [] })

/** Of two GIN indexes on one column of JSON the one that knows all operators does for both. */
function merged(found: readonly { definition: IndexDefinition; why: string; statements: Set<number> }[]): RuledIndex[] {
  const keyOf = ({ definition }: { definition: IndexDefinition }) =>
    `${definition.schema}.${definition.table} ${definition.method} ${definition.keys[0]?.text}`
  return found
    .filter(
      (each) =>
        !(
          each.definition.keys[0]?.opclass === 'jsonb_path_ops' &&
          found.some((other) => other !== each && keyOf(other) === keyOf(each))
        ),
    )
    .map((each) => {
      const same = found.filter((other) => keyOf(other) === keyOf(each))
      return {
        ...each,
        statements: [...new Set(same.flatMap(({ statements }) => [...statements]))].sort((a, b) => a - b),
      }
    })
}

/** A condition by `=` leaves so few rows that the rest can be compared one by one. */
function isNarrowed(conditions: readonly Condition[], { rows }: Table): boolean {
  return conditions.some(
    ({ comparison, column, constant }) =>
      /^(equal|join)$/.test(comparison) &&
      rows * (constant?.share ?? 1 / Math.max(1, column?.distinct ?? 1)) <= FEW_ROWS,
  )
}

interface Rule {
  readonly method: 'gin' | 'gist' | 'hnsw'
  readonly key: IndexKey
  readonly why: string
}

/** The rule for what B-trees cannot; a text says why there is none. */
function containing(
  { key, column, operator, pattern, functions }: Condition,
  trigram: boolean,
): Rule | string | undefined {
  const type = column?.type ?? ''
  if (type === 'jsonb') {
    if (/^(@>|@\?|@@)$/.test(operator))
      return {
        method: 'gin',
        key: { ...key, opclass: 'jsonb_path_ops' },
        why: 'It serves containment and paths; ? for keys would want jsonb_ops, which is larger.',
      }
    if (operator.startsWith('?')) return { method: 'gin', key, why: 'It serves keys (?) as well as containment.' }
    return undefined
  }
  if (type.startsWith('_') && /^(@>|<@|&&)$/.test(operator))
    return {
      method: 'gin',
      key,
      why: 'It serves @>, && and <@ of arrays, and not = any (column): that has to be written as column @> array[value].',
    }
  if (operator === '@@' && (type === 'tsvector' || functions.includes('to_tsvector'))) {
    if (type !== 'tsvector' && !/^\(to_tsvector\('[^']*'(::[\w.]+)?, /.test(key.text))
      return "to_tsvector without a constant configuration depends on a setting, so no index can hold it: write to_tsvector('english', …), or keep a generated column."
    return {
      method: 'gin',
      key,
      why: 'It serves full text search. Where a column may be null, coalesce it, or the row is never found.',
    }
  }
  if (/range$/.test(type) && /^(@>|<@|&&)$/.test(operator))
    return { method: 'gist', key, why: 'It serves containment and overlap of ranges.' }
  if (/^(text|varchar)$/.test(type) && /^(~~|~~\*|~|~\*|%)$/.test(operator)) {
    if (pattern !== undefined && /^~~/.test(operator) && !/[^%_]{3}/.test(pattern))
      return `a pattern without three characters in a row, such as that on ${key.text}, is found by no index.`
    if (!trigram)
      return `${operator === '~~*' ? 'ILIKE' : operator === '~~' ? 'LIKE' : operator} on ${key.text} would want a trigram index, and pg_trgm is not installed: create extension pg_trgm.`
    return {
      method: 'gin',
      key: { ...key, opclass: 'gin_trgm_ops' },
      why: 'It serves patterns with three characters in a row and more, wherever they stand, and similarity by %, but not similarity() > x.',
    }
  }
  return undefined
}

const DISTANCES: Readonly<Record<string, string>> = { '<->': 'l2', '<=>': 'cosine', '<#>': 'ip', '<+>': 'l1' }

/** The rule for the nearest by distance. */
function nearest({ name, type, modifier }: Column, operator: string): Rule | string | undefined {
  const key = columnKey(name)
  if (type === 'point' && operator === '<->')
    return { method: 'gist', key, why: 'It returns points in the order of their distance.' }
  const distance = DISTANCES[operator]
  if (!/^(vector|halfvec)$/.test(type) || distance === undefined) return undefined
  if (modifier <= 0)
    return `${key.text} has no number of dimensions, which an index needs: alter the column to ${type}(n).`
  const why =
    'It finds neighbours approximately: measure recall, and size m, ef_construction and ef_search, on your own rows (pgfleet advise vectors).'
  if (type === 'vector' && modifier > 2000) {
    if (modifier > 4000)
      return `${key.text} has ${modifier} dimensions, and HNSW takes 4,000 of halfvec: quantize to bits and rank again.`
    return {
      method: 'hnsw',
      key: { text: `(${key.text}::halfvec(${modifier}))`, columns: [name], opclass: `halfvec_${distance}_ops` },
      why: `${why} Above 2,000 dimensions it is halfvec, and the statement has to order by ${key.text}::halfvec(${modifier}) too.`,
    }
  }
  return { method: 'hnsw', key: { ...key, opclass: `${type}_${distance}_ops` }, why }
}

const isIndexOf = ({ tableOid, method, columns, isValid }: ExistingIndex, { oid }: Table, column: string) =>
  tableOid === oid && isValid && !/^(btree|hash|brin)$/.test(method) && columns.includes(column)

/** An index that serves the operator is there. */
function hasOne({ method }: Rule, { key, operator }: Condition, table: Table, { indexes }: Catalog): boolean {
  return indexes.some(
    (index) =>
      index.keys.length > 0 &&
      (index.method === method || index.method === 'gist') &&
      key.columns.every((column) => isIndexOf(index, table, column)) &&
      !(operator.startsWith('?') && index.keys.some(({ opclass }) => opclass === 'jsonb_path_ops')) &&
      (method !== 'gin' || !/^[~%]/.test(operator) || index.keys.some(({ opclass = '' }) => /trgm/.test(opclass))),
  )
}

/** The BRIN index of a query that wants a range of an append-only table, in no order and by nothing more selective. */
function brinOf({ table, conditions, sort, isLimited }: Demand, { indexes }: Catalog): IndexDefinition | undefined {
  const range = conditions.find(({ comparison }) => comparison === 'range')
  const { column } = range ?? {}
  if (column === undefined || range === undefined || (isLimited && sort.length > 0)) return undefined
  const { inserts, updates, deletes } = table
  const isAppended = updates + deletes <= CHANGED_MAX * Math.max(inserts, table.rows)
  if (!isAppended || table.isPartitioned || table.pages < BRIN_PAGES_MIN || Math.abs(column.correlation) < ORDERED)
    return undefined
  if (
    !ORDERED_TYPE.test(column.type) ||
    conditions.some(({ comparison }) => /^(equal|list|join|prefix)$/.test(comparison))
  )
    return undefined
  const isServed = indexes.some(
    ({ tableOid, keys, isValid }) => tableOid === table.oid && isValid && keys[0]?.text === range.key.text,
  )
  return isServed ? undefined : { ...ON(table), method: 'brin', keys: [range.key] }
}
