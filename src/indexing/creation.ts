import type { Table } from './catalog.js'
import { type IndexDefinition, quoted, shapeOf, tableName } from './definition.js'

/** How many statements are written out for the partitions of a table; of more the way is told. */
const LEAVES_MAX = 500
/** Names are cut off by the server behind so many bytes. */
const NAME_MAX = 63

/** The statements that create an index while others read and write, one by one and outside a transaction. */
export function creationOf(definition: IndexDefinition, table: Table, taken: ReadonlySet<string>): string[] {
  const shape = shapeOf(definition)
  const name = nameOf(definition, definition.table, taken)
  if (!table.isPartitioned) return [`create index concurrently ${quoted(name)} on ${tableName(definition)} ${shape}`]
  // Concurrently works on no partitioned table, so each partition comes first; the parent's index then only knows of them.
  const leaves = table.leaves.slice(0, LEAVES_MAX).map(({ schema, name: leaf }) => {
    const index = nameOf(definition, leaf, taken)
    return {
      schema,
      index,
      text: `create index concurrently ${quoted(index)} on ${tableName({ schema, table: leaf })} ${shape}`,
    }
  })
  const isFlat = table.depth <= 1 && table.leaves.length <= LEAVES_MAX
  return isFlat
    ? [
        `create index ${quoted(name)} on only ${tableName(definition)} ${shape}`,
        ...leaves.map(({ text }) => text),
        ...leaves.map(
          ({ schema, index }) =>
            `alter index ${quoted(table.schema)}.${quoted(name)} attach partition ${quoted(schema)}.${quoted(index)}`,
        ),
      ]
    : // Of several levels: creating it on the parent takes those that are there, and builds none.
      [...leaves.map(({ text }) => text), `create index ${quoted(name)} on ${tableName(definition)} ${shape}`]
}

/** `table_column_idx`, as the server would call it, and not as another is called. */
export function nameOf({ keys, method }: IndexDefinition, table: string, taken: ReadonlySet<string>): string {
  const columns = keys.map(({ columns: [first = 'expr'], text }) => (text.startsWith('(') ? `${first}_expr` : first))
  const kind = method === 'btree' ? '' : `_${method}`
  for (let n = 0; ; n++) {
    const end = `${kind}_idx${n === 0 ? '' : n}`
    let start = [table, ...columns].join('_')
    while (Buffer.byteLength(start + end) > NAME_MAX) start = start.slice(0, -1)
    if (!taken.has(start + end)) return start + end
  }
}
