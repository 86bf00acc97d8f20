import { COLUMN_FACTS } from '../server/column-facts.js'

/** A column as far as it is known. */
export interface Column {
  readonly name: string
  /** The type's name without schema: int4, numeric, timestamptz, vector. */
  readonly type: string
  /** Type modifiers: the 12 and 6 of numeric(12,6), the dimensions of a vector. */
  readonly modifiers: readonly number[]
  notNull: boolean
  readonly hasDefault: boolean
  /** Computed from other columns. */
  readonly generated: boolean
  /** Takes its values from a sequence: serial or identity. */
  readonly serial: boolean
}

/** An index, or the index of a key or unique constraint. */
export interface Index {
  readonly name: string
  readonly method: string
  /** Key columns in order; undefined for an expression. */
  readonly columns: readonly (string | undefined)[]
  readonly unique: boolean
  readonly partial: boolean
  /** Operator class of each key, where one is named. */
  readonly classes: readonly (string | undefined)[]
  /** Column names inside expressions. */
  readonly expressionColumns: readonly string[]
}

/** A table, view or materialised view as far as it is known. */
export interface Table {
  readonly schema: string | undefined
  readonly name: string
  readonly kind: 'table' | 'view'
  readonly columns: Map<string, Column>
  /** False when columns may exist that are not listed. */
  complete: boolean
  readonly indexes: Index[]
  /** The partition key's columns; empty for expressions; undefined for a table without partitions. */
  readonly partitionKey: readonly string[] | undefined
  readonly partitionOf: string | undefined
  /** Enabled, and forced on the owner too. */
  rowSecurity: boolean
  forced: boolean
  policies: number
}

/** The tables that are known. Names without a schema are found in any, when there is one of the name only. */
export class Catalog {
  readonly #tables = new Map<string, Table>()
  readonly #byName = new Map<string, Table[]>()
  /** Volatility of routines of the user by bare name: i, s or v; absent when forms differ. */
  readonly volatilities = new Map<string, 'i' | 's' | 'v' | undefined>()
  /** What settings take that depend on how the server was built, by their names; empty without a server. */
  readonly choices = new Map<string, readonly string[]>()

  /** All tables. */
  get tables(): IterableIterator<Table> {
    return this.#tables.values()
  }

  /** Adds a table, unless one of the name is there. */
  add(table: Table): void {
    const key = `${table.schema ?? ''}.${table.name}`
    if (this.#tables.has(key)) return
    this.#tables.set(key, table)
    const same = this.#byName.get(table.name)
    if (same === undefined) this.#byName.set(table.name, [table])
    else same.push(table)
  }

  /** Removes a table. */
  remove(schema: string | undefined, name: string): void {
    const table = this.find(schema, name)
    if (table === undefined) return
    this.#tables.delete(`${table.schema ?? ''}.${table.name}`)
    this.#byName.set(
      table.name,
      (this.#byName.get(table.name) ?? []).filter((each) => each !== table),
    )
  }

  /** The table of that name; undefined when none is known, or several could be meant. */
  find(schema: string | undefined, name: string): Table | undefined {
    const exact = this.#tables.get(`${schema ?? ''}.${name}`)
    if (exact !== undefined) return exact
    const candidates = (this.#byName.get(name) ?? []).filter(
      (each) => schema === undefined || each.schema === undefined || each.schema === schema,
    )
    return candidates.length === 1 ? candidates[0] : undefined
  }
}

interface SystemRelation {
  readonly majors: readonly [number, number]
  readonly columns: ReadonlyMap<string, readonly [number, number]>
}

let relations: Map<string, SystemRelation> | undefined

/** The columns of a relation of the system catalogue in a major; undefined when it is none, or not there in that major. */
export function systemColumns(relation: string, version: number): ReadonlySet<string> | undefined {
  relations ??= readFacts()
  const found = relations.get(relation)
  if (found === undefined || version < found.majors[0] || version > found.majors[1]) return undefined
  return new Set([...found.columns].flatMap(([name, [from, to]]) => (version >= from && version <= to ? [name] : [])))
}

/** The majors in which a relation of the system catalogue, or a column of one, exists; undefined for never. */
export function systemMajors(relation: string, column?: string): readonly [number, number] | undefined {
  relations ??= readFacts()
  const found = relations.get(relation)
  return column === undefined ? found?.majors : found?.columns.get(column)
}

function readFacts(): Map<string, SystemRelation> {
  const found = new Map<
    string,
    { majors: readonly [number, number]; columns: Map<string, readonly [number, number]> }
  >()
  let relation: { majors: readonly [number, number]; columns: Map<string, readonly [number, number]> } | undefined
  for (const word of COLUMN_FACTS.trim().split(/\s+/)) {
    const [head, column] = word.includes(':') ? (word.split(':') as [string, string]) : [undefined, word]
    if (head !== undefined) {
      const [name, majors] = marked(head, [15, 18])
      relation = { majors, columns: new Map() }
      found.set(name, relation)
    }
    const [name, majors] = marked(column, relation?.majors ?? [15, 18])
    relation?.columns.set(name, majors)
  }
  return found
}

/** `name@16-18` taken apart. */
export function marked(
  text: string,
  all: readonly [number, number],
): readonly [name: string, majors: readonly [number, number]] {
  const [, name = text, from, to] = /^(.*)@(\d+)-(\d+)$/.exec(text) ?? []
  return [name, from === undefined ? all : [Number(from), Number(to)]]
}
