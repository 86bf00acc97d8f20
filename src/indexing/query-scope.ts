import type { Node, RangeVar } from 'libpg-query'
import { conditionsOf, rangesOf } from '../lint/sql/scope.js'
import { columnOf, under, type Visited, words } from '../lint/sql/tree.js'
import type { Catalog, Table } from './catalog.js'

/** A table under the name by which a query calls its columns. */
export interface ScopedTable {
  readonly name: string
  readonly table: Table
}

/** One SELECT, UPDATE or DELETE with the tables that it reads itself, subqueries inside it aside. */
export interface QueryScope {
  readonly visited: Visited
  readonly tables: readonly ScopedTable[]
  /** Names in it that are no table: subqueries, functions, common table expressions. */
  readonly others: ReadonlySet<string>
  readonly conditions: readonly Node[]
}

/** Opens the scope of a query. */
export function scopeOf(visited: Visited, catalog: Catalog): QueryScope {
  const tables: ScopedTable[] = []
  const others = new Set<string>()
  for (const { name, range } of rangesOf(visited)) {
    const table = range && tableOf(range, catalog)
    if (table === undefined) others.add(name)
    else tables.push({ name, table })
  }
  return { visited, tables, others, conditions: conditionsOf(visited) }
}

/** The table that a name means on the search path. */
function tableOf({ schemaname, relname }: RangeVar, { tables, searchPath }: Catalog): Table | undefined {
  const named = tables.filter(({ name }) => name === relname)
  if (schemaname !== undefined) return named.find(({ schema }) => schema === schemaname)
  for (const schema of searchPath) {
    const found = named.find((table) => table.schema === schema)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whom a column reference means: a table of the scope, something else of it, or something outside. */
export function ownerOf(
  { qualifier, name }: { qualifier: string | undefined; name: string },
  { tables, others }: QueryScope,
): ScopedTable | 'other' | 'outside' {
  if (qualifier !== undefined)
    return tables.find((each) => each.name === qualifier) ?? (others.has(qualifier) ? 'other' : 'outside')
  const having = tables.filter(({ table }) => table.columns.has(name))
  if (having.length === 1) return having[0] as ScopedTable
  return having.length > 1 || others.size > 0 ? 'other' : 'outside'
}

/** Whom the columns of an expression belong to: one table, several or other things of the scope, or nobody in it. */
export function ownersOf(node: Node | undefined, scope: QueryScope): ScopedTable | 'several' | 'outside' {
  const owners = new Set(
    under(node, 'ColumnRef').map((reference) => {
      const column = columnOf({ ColumnRef: reference })
      return column === undefined ? 'other' : ownerOf(column, scope)
    }),
  )
  owners.delete('outside')
  if (owners.size === 0) return 'outside'
  const [only] = owners
  return owners.size === 1 && typeof only === 'object' ? only : 'several'
}

/** The columns of a table that a query and what lies in it read; undefined when it may be all. */
export function columnsRead(of: ScopedTable, scope: QueryScope): ReadonlySet<string> | undefined {
  const found = new Set<string>()
  const [, node] = [scope.visited.kind, scope.visited.node]
  for (const reference of under({ [scope.visited.kind]: node } as unknown as Node, 'ColumnRef')) {
    const names = words(reference.fields)
    if ((reference.fields ?? []).some((field) => 'A_Star' in field)) {
      if (names.length === 0 || names.at(-1) === of.name) return undefined
      continue
    }
    const [first, second] = [names.at(-2), names.at(-1) ?? '']
    // A bare name of the table is a whole row of it.
    if (first === undefined && second === of.name && !of.table.columns.has(second)) return undefined
    if ((first === undefined || first === of.name) && of.table.columns.has(second)) found.add(second)
  }
  return found
}
