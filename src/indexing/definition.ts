/** How an index is organised. */
export type IndexMethod = 'btree' | 'brin' | 'gin' | 'gist' | 'hnsw'

/** One key of an index. */
export interface IndexKey {
  /** As SQL writes it: a quoted column, or an expression in parentheses. */
  readonly text: string
  /** The columns in it, unquoted. */
  readonly columns: readonly string[]
  /** @default the type's own */
  readonly opclass?: string
  readonly descending?: boolean
  /** Nulls first where ascending, or last where descending, is what has to be said. */
  readonly nullsFirst?: boolean
}

/** An index that does not exist yet. */
export interface IndexDefinition {
  readonly schema: string
  readonly table: string
  readonly method: IndexMethod
  readonly keys: readonly IndexKey[]
  /** How many of the first keys are compared by `=`: their order among each other does not matter. */
  readonly equalities: number
  /** Columns that are stored only, unquoted. */
  readonly include: readonly string[]
  /** The condition of a partial index, with the columns in it. */
  readonly predicate?: { readonly text: string; readonly columns: readonly string[] }
}

/** A name as SQL takes it. Reserved words are quoted too, by quoting whatever is in doubt. */
export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** Reserved words that people call columns and tables. */
const RESERVED = new Set(
  'all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default desc distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp not null offset on only or order placing primary references returning select session_user some symmetric table then to trailing true union unique user using variadic when where window with authorization binary collation concurrently cross current_date current_role current_time current_timestamp current_user freeze full ilike inner is isnull join left like natural notnull outer overlaps right similar tablesample verbose'.split(
    ' ',
  ),
)

/** `schema.table`, quoted. */
export const tableName = ({ schema, table }: Pick<IndexDefinition, 'schema' | 'table'>) =>
  `${quoted(schema)}.${quoted(table)}`

/** A key on a plain column. */
export const columnKey = (name: string, more: Partial<IndexKey> = {}): IndexKey => ({
  text: quoted(name),
  columns: [name],
  ...more,
})

/** A key as `create index` takes it. */
export function keyText({ text, opclass, descending = false, nullsFirst = descending }: IndexKey): string {
  const nulls = nullsFirst === descending ? '' : nullsFirst ? ' nulls first' : ' nulls last'
  return `${text}${opclass === undefined ? '' : ` ${opclass}`}${descending ? ' desc' : ''}${nulls}`
}

/** What stands behind the table's name: `(a, b desc) include (c) where d is null`. */
export function shapeOf({ method, keys, include, predicate }: IndexDefinition): string {
  return [
    method === 'btree' ? '' : `using ${method} `,
    `(${keys.map(keyText).join(', ')})`,
    include.length === 0 ? '' : ` include (${include.map(quoted).join(', ')})`,
    predicate === undefined ? '' : ` where ${predicate.text}`,
  ].join('')
}

/** The whole in one line: `schema.table (a, b)`. Two definitions are the same when it is. */
export const titleOf = (definition: IndexDefinition) => `${tableName(definition)} ${shapeOf(definition)}`

/** `create index on schema.table …`, without a name. */
export const createText = (definition: IndexDefinition) => `create index on ${titleOf(definition)}`

/** All columns whose change reaches the index. */
export function columnsOf({ keys, include, predicate }: IndexDefinition): ReadonlySet<string> {
  return new Set([...keys.flatMap(({ columns }) => columns), ...include, ...(predicate?.columns ?? [])])
}

/** The same index read backwards: every direction and place of nulls turned round. */
export function reversed(keys: readonly IndexKey[]): IndexKey[] {
  return keys.map(({ descending = false, nullsFirst = descending, ...key }) => direct(key, !descending, !nullsFirst))
}

/** Keys of an order in the one form of the two that begins ascending: a B-tree is read either way. */
export function canonical(keys: readonly IndexKey[]): IndexKey[] {
  if (keys[0]?.descending === true) return reversed(keys)
  return keys.map(({ descending = false, nullsFirst = descending, ...key }) => direct(key, descending, nullsFirst))
}

function direct(key: IndexKey, descending: boolean, nullsFirst: boolean): IndexKey {
  return {
    ...key,
    ...(descending ? { descending } : {}),
    ...(nullsFirst === descending ? {} : { nullsFirst }),
  }
}

/** What an index that exists or is chosen offers, as far as serving goes. */
export type Offered = Pick<IndexDefinition, 'schema' | 'table' | 'method' | 'keys' | 'include'> & {
  readonly predicate?: { readonly text: string }
}

/** True when `wide` answers what `narrow` would: the same first keys, those that are compared by `=` in any order. */
export function serves(wide: Offered, narrow: IndexDefinition): boolean {
  if (wide.method !== narrow.method || tableName(wide) !== tableName(narrow)) return false
  if (wide.predicate !== undefined && wide.predicate.text !== narrow.predicate?.text) return false
  // A whole index has the rows of a partial one, and many more.
  if (wide.predicate === undefined && narrow.predicate !== undefined) return false
  if (wide.keys.length < narrow.keys.length) return false
  const { equalities } = narrow
  const bare = ({ text, opclass = '' }: IndexKey) => `${text} ${opclass}`
  const first = (keys: readonly IndexKey[]) => keys.slice(0, equalities).map(bare).sort().join()
  if (first(wide.keys) !== first(narrow.keys)) return false
  const rest = (keys: readonly IndexKey[]) => canonical(keys.slice(equalities, narrow.keys.length)).map(keyText).join()
  if (rest(wide.keys) !== rest(narrow.keys)) return false
  const stored = new Set([...wide.include, ...wide.keys.flatMap(({ columns }) => columns)])
  return narrow.include.every((column) => stored.has(column))
}
