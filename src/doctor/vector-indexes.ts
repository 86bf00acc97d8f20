/** An index of vectors, as checks tell of it. */
export interface VectorIndex {
  readonly index: string
  readonly table: string
  readonly column: string
  /** By which it orders, with its schema. */
  readonly operator: string
  readonly method: 'hnsw' | 'ivfflat'
  /** Of the table, by its statistics. */
  readonly rows: number
}

/**
 * A query for the `with` of a check: the indexes of vectors on plain columns, with their table and the operator by which they order.
 * The operator carries its schema, so that it means the same whatever the search path is.
 */
export const VECTOR_INDEXES = `indexes as (
      select i.indexrelid, i.indrelid, a.attname, m.amname, c.reltuples, c.relpages, n.nspname as schema, c.relname,
        format('operator(%I.%s)', o.nspname, p.oprname) as operator
      from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam and m.amname in ('hnsw', 'ivfflat')
      join pg_class c on c.oid = i.indrelid and c.relkind in ('r', 'm') join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      join pg_opclass k on k.oid = i.indclass[0] join pg_amop y on y.amopfamily = k.opcfamily and y.amoppurpose = 'o'
      join pg_operator p on p.oid = y.amopopr join pg_namespace o on o.oid = p.oprnamespace
      where i.indisvalid and i.indpred is null
    )`
