import { FleetError } from '../errors.js'
import { notesOn } from '../stores/memory/vectors/vector-dimensions.js'
import { type Metric, metricOf } from './metric.js'
import type { SweepSession } from './session.js'

/** How vectors are kept in an index: 4 bytes a component, or 2. */
export type ElementType = 'vector' | 'halfvec'

/** An index of vectors that a table has. */
export interface ExistingIndex {
  /** Its name with its schema, quoted. */
  readonly name: string
  readonly method: 'hnsw' | 'ivfflat'
  readonly type: ElementType
  readonly metric: Metric
  readonly m: number
  readonly efConstruction: number
  readonly bytes: number
  /** It holds some rows only. */
  readonly partial: boolean
}

/** The column of vectors that is swept, as the catalogue has it. */
export interface VectorColumn {
  /** With its schema, quoted, as the column is. */
  readonly table: string
  readonly column: string
  readonly type: ElementType
  readonly dimensions: number
  readonly metric: Metric
  /** Where `metric` is from. */
  readonly metricFrom: 'option' | 'index' | 'default'
  /** Rows by the table's statistics; -1 before the first. */
  readonly rows: number
  /** Policies keep rows from this login. */
  readonly restricted: boolean
  /** The partitions that hold rows; none for a plain table. */
  readonly partitions: readonly string[]
  /** Those that its searches can use, of this distance. */
  readonly indexes: readonly ExistingIndex[]
  /** The column of tenants, quoted; null without. */
  readonly tenantColumn: string | null
  readonly pgvector: {
    readonly version: string
    /** Its schema, quoted. */
    readonly schema: string
    /** Indexes can be scanned on and on, until enough rows meet a filter: from 0.8. */
    readonly iterative: boolean
    readonly halfvec: boolean
    /** What is known to be wrong with the version. */
    readonly notes: readonly string[]
  }
}

/** What names the column. */
export interface ColumnQuestion {
  readonly table: string
  readonly column?: string
  readonly tenantColumn?: string
  readonly metric?: Metric
}

/** Most dimensions of an HNSW index of either type. */
export const INDEXED_MAX = { vector: 2000, halfvec: 4000 } as const

interface Row {
  readonly table: string
  readonly kind: string
  readonly rows: number
  readonly readable: boolean
  readonly temporary: boolean
  readonly restricted: boolean
  readonly partitions: readonly string[]
  readonly columns: readonly { name: string; quoted: string; type: string; dimensions: number }[]
  readonly indexes: readonly (Omit<ExistingIndex, 'metric'> & { column: string; opclass: string })[]
}

const EXTENSION = `
  select e.extversion as version, quote_ident(n.nspname) as schema, pg_is_in_recovery() as recovering,
    exists (select from pg_type t where t.typnamespace = n.oid and t.typname = 'halfvec') as halfvec
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'`

const TABLE = `
  with named as (select to_regclass($1::text) as oid),
  leaves as (
    select l.oid, format('%I.%I', n.nspname, l.relname) as name, l.reltuples
    from named w cross join lateral pg_partition_tree(w.oid) p join pg_class l on l.oid = p.relid join pg_namespace n on n.oid = l.relnamespace
    where p.isleaf and l.oid <> w.oid
  )
  select format('%I.%I', n.nspname, c.relname) as table, c.relkind as kind,
    case when c.relkind = 'p' then coalesce((select sum(greatest(l.reltuples, 0)) from leaves l), 0) else c.reltuples end::float8 as rows,
    has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select') as readable,
    has_database_privilege(current_database(), 'temporary') as temporary,
    row_security_active(c.oid) as restricted,
    coalesce((select jsonb_agg(l.name order by l.name) from leaves l), '[]') as partitions,
    (select coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'quoted', quote_ident(a.attname), 'type', t.typname,
        'dimensions', a.atttypmod) order by a.attnum), '[]')
      from pg_attribute a join pg_type t on t.oid = a.atttypid
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    (select coalesce(jsonb_agg(jsonb_build_object('name', format('%I.%I', xn.nspname, x.relname), 'method', m.amname, 'column', a.attname,
        'opclass', k.opcname, 'type', kt.typname, 'partial', i.indpred is not null,
        'bytes', greatest(pg_relation_size(x.oid), (select coalesce(sum(pg_relation_size(p.relid)), 0) from pg_partition_tree(x.oid) p)),
        'm', coalesce((select o.option_value::integer from pg_options_to_table(x.reloptions) o where o.option_name = 'm'), 16),
        'efConstruction', coalesce((select o.option_value::integer from pg_options_to_table(x.reloptions) o where o.option_name = 'ef_construction'), 64))
        order by i.indpred is not null, x.relname), '[]')
      from pg_index i join pg_class x on x.oid = i.indexrelid join pg_namespace xn on xn.oid = x.relnamespace
      join pg_am m on m.oid = x.relam and m.amname in ('hnsw', 'ivfflat')
      join pg_opclass k on k.oid = i.indclass[0] join pg_type kt on kt.oid = k.opcintype and kt.typname in ('vector', 'halfvec')
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and (a.attnum = i.indkey[0] or (i.indkey[0] = 0 and exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = x.oid
          and d.refobjid = c.oid and d.refobjsubid = a.attnum)))
      where i.indrelid = c.oid and i.indisvalid) as indexes
  from named w join pg_class c on c.oid = w.oid join pg_namespace n on n.oid = c.relnamespace`

/**
 * Reads what the catalogue tells of a column of vectors; no row is read. Errors: DATABASE_UNSUITABLE without pgvector or on a
 * standby, PERMISSION_DENIED, INPUT_INVALID for what cannot be swept.
 */
export async function readColumn(session: SweepSession, question: ColumnQuestion): Promise<VectorColumn> {
  const [extension] = await session.query<{ version: string; schema: string; recovering: boolean; halfvec: boolean }>(
    EXTENSION,
  )
  if (extension === undefined) {
    throw new FleetError('DATABASE_UNSUITABLE', {
      message: 'the database has no pgvector, so it has no vectors to sweep',
      hint: 'Is it the right database? The extension is made by: create extension vector.',
    })
  }
  if (extension.recovering) {
    throw new FleetError('DATABASE_UNSUITABLE', {
      message: 'the server is a standby, on which no temporary table can be made',
      hint: 'Name the primary; or restore a copy of the database elsewhere and sweep that.',
    })
  }
  const row = await readTable(session, question.table)
  const column = chooseColumn(row, question.column)
  const tenant = question.tenantColumn
  const tenantColumn = row.columns.find(({ name }) => name === tenant)?.quoted ?? null
  if (tenant !== undefined && tenantColumn === null) {
    throw invalid('tenantColumn', `${row.table} has no column ${tenant}`)
  }
  const { version, schema, halfvec } = extension
  const type = column.type as ElementType
  assertIndexable(`${row.table}.${column.quoted}`, type, column.dimensions, halfvec, version)
  const usable = row.indexes.flatMap(({ column: name, opclass, ...index }) => {
    const metric = metricOf(opclass)
    return name === column.name && metric !== undefined ? [{ ...index, metric }] : []
  })
  const metrics = [...new Set(usable.map(({ metric }) => metric))]
  if (question.metric === undefined && metrics.length > 1) {
    throw invalid(
      'metric',
      `${row.table} has indexes of several distances: ${metrics.join(', ')}; say which with --metric`,
    )
  }
  const metric = question.metric ?? metrics[0] ?? 'cosine'
  return {
    table: row.table,
    column: column.quoted,
    type,
    dimensions: column.dimensions,
    metric,
    metricFrom: question.metric !== undefined ? 'option' : metrics.length > 0 ? 'index' : 'default',
    rows: row.rows,
    restricted: row.restricted,
    partitions: row.partitions,
    indexes: usable.filter((index) => index.metric === metric),
    tenantColumn,
    pgvector: { version, schema, iterative: isIterative(version), halfvec, notes: notesOn(version) },
  }
}

async function readTable(session: SweepSession, table: string): Promise<Row> {
  const absent = () => invalid('table', `there is no table ${table}, or this login may not use its schema`)
  const [row] = await session.query<Row>(TABLE, [table]).catch((cause: FleetError) => {
    // Older servers raise an error for a name that is none.
    if (cause.code === 'ABORTED' || cause.code === 'OUTCOME_UNKNOWN') throw cause
    throw Object.assign(absent(), { cause })
  })
  if (row === undefined) throw absent()
  if (!['r', 'p', 'm'].includes(row.kind)) {
    throw invalid('table', `${row.table} is neither a table nor a materialized view`)
  }
  if (!row.readable) throw denied(`this login may not read ${row.table}`, `grant select on ${row.table} to the login.`)
  if (!row.temporary) {
    throw denied(
      'this login may not make temporary tables in this database, and the sweep works on a temporary copy',
      'grant temporary on the database to the login, or sweep as another.',
    )
  }
  return row
}

function chooseColumn(row: Row, named: string | undefined): Row['columns'][number] {
  const vectors = row.columns.filter(({ type }) => type === 'vector' || type === 'halfvec')
  if (named !== undefined) {
    const column = row.columns.find(({ name }) => name === named)
    if (column === undefined) throw invalid('column', `${row.table} has no column ${named}`)
    if (!vectors.includes(column)) {
      throw invalid(
        'column',
        `${row.table}.${column.quoted} is of type ${column.type}; vector and halfvec can be swept`,
      )
    }
    return column
  }
  const [first, ...others] = vectors
  if (first === undefined) throw invalid('table', `${row.table} has no column of type vector or halfvec`)
  if (others.length > 0) {
    const names = vectors.map(({ name }) => name).join(', ')
    throw invalid('column', `${row.table} has several columns of vectors: ${names}; say which with --column`)
  }
  return first
}

function assertIndexable(
  column: string,
  type: ElementType,
  dimensions: number,
  halfvec: boolean,
  version: string,
): void {
  if (dimensions < 1) {
    throw new FleetError('INPUT_INVALID', {
      message: `column: ${column} has no dimensions declared, and an index needs them`,
      field: 'column',
      hint: `alter table … alter column … type ${type}(N) declares them; it locks the table and rewrites nothing where all fit.`,
    })
  }
  if (dimensions > INDEXED_MAX.halfvec) {
    throw new FleetError('INPUT_INVALID', {
      message: `column: ${column} has ${dimensions} dimensions; an HNSW index takes ${INDEXED_MAX.halfvec} as halfvec, ${INDEXED_MAX.vector} as vector`,
      field: 'column',
      hint: 'Index binary_quantize(column)::bit(N) and order what it finds by the vectors, or use embeddings of fewer dimensions.',
    })
  }
  if (dimensions > INDEXED_MAX.vector && !halfvec) {
    throw new FleetError('DATABASE_UNSUITABLE', {
      message: `${column} has ${dimensions} dimensions, which are indexed as halfvec, and pgvector ${version} has none`,
      hint: 'Upgrade pgvector to 0.8 or newer.',
    })
  }
}

/** Iterative scans came with 0.8. */
function isIterative(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0)
  return major > 0 || minor >= 8
}

function invalid(field: string, message: string): FleetError {
  return new FleetError('INPUT_INVALID', { message: `${field}: ${message}`, field })
}

function denied(message: string, hint: string): FleetError {
  return new FleetError('PERMISSION_DENIED', { message, hint })
}
