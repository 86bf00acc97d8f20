import { systemColumns, systemMajors } from '../../catalog/catalog.js'
import type { StatementRule } from '../../rule.js'
import { closest } from '../../settings/closest.js'
import { queryOf, type Relation, relationsOf } from '../../sql/scope.js'
import { columnOf } from '../../sql/tree.js'

/** Columns that every table has. */
const HIDDEN: ReadonlySet<string> = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid', 'oid'])
const RENAMED: Readonly<Record<string, string>> = {
  tablename: 'relname',
  indexname: 'indexrelname',
  total_time: 'total_exec_time',
  mean_time: 'mean_exec_time',
  min_time: 'min_exec_time',
  max_time: 'max_exec_time',
  stddev_time: 'stddev_exec_time',
  blk_read_time: 'shared_blk_read_time',
  blk_write_time: 'shared_blk_write_time',
  shared_blk_read_time: 'blk_read_time',
  shared_blk_write_time: 'blk_write_time',
  procpid: 'pid',
  current_query: 'query',
  waiting: 'wait_event',
}

export const unknownColumn: StatementRule = {
  on: 'sql',
  id: 'unknown-system-column',
  level: 'error',
  summary: 'A column or view of the system catalogue that this major does not have.',
  why: 'The query fails. Names differ between views that look alike (tablename, relname), and between majors.',
  remedy: 'Take the name of this major, and prepare every statement on each major that it is for.',
  *check(statement, { version, catalog }) {
    if (statement.routine?.dynamic === true) return
    for (const kind of ['SelectStmt', 'UpdateStmt', 'DeleteStmt'] as const) {
      for (const query of statement.all(kind)) {
        const relations = relationsOf(query, catalog)
        for (const { range } of relations) {
          const majors =
            range === undefined || !isSystem(range.schemaname) ? undefined : systemMajors(range.relname ?? '')
          if (majors !== undefined && systemColumns(range?.relname ?? '', version) === undefined) {
            yield {
              at: range?.location,
              message: `PostgreSQL ${version} has no ${range?.relname}: it is there in ${span(majors)}`,
            }
          }
        }
      }
    }
    for (const reference of statement.all('ColumnRef')) {
      const column = columnOf({ ColumnRef: reference.node })
      const query = queryOf(reference)
      if (column === undefined || query === undefined || HIDDEN.has(column.name)) continue
      if (reference.parent?.kind === 'SortBy' || statement.routine?.variables.has(column.name)) continue
      const found = missing(column, relationsOf(query, catalog), version, query.parent !== undefined)
      if (found === undefined) continue
      const majors = systemMajors(found, column.name)
      const columns = systemColumns(found, version)
      const renamed = RENAMED[column.name]
      const near = renamed !== undefined && columns?.has(renamed) ? renamed : closest(column.name, [...(columns ?? [])])
      const hint =
        majors !== undefined ? `; it is there in ${span(majors)}` : near === undefined ? '' : `; ${near} is meant?`
      const { text } = statement.source
      const start = reference.node.location === undefined ? -1 : text.indexOf(column.name, reference.node.location)
      const isOne =
        renamed !== undefined && near === renamed && text.slice(start, start + column.name.length) === column.name
      yield {
        at: reference.node.location,
        message: `${found} has no column ${column.name} in PostgreSQL ${version}${hint}`,
        ...(isOne && start !== -1 && { fix: { start, end: start + column.name.length, text: renamed } }),
      }
    }
  },
}

const isSystem = (schema: string | undefined) => schema === undefined || schema === 'pg_catalog'
const span = ([from, to]: readonly [number, number]) => (from === to ? String(from) : `${from} to ${to}`)

/** The relation that lacks the column; undefined when it may come from elsewhere. */
function missing(
  column: { qualifier: string | undefined; name: string },
  relations: readonly Relation[],
  version: number,
  isNested: boolean,
): string | undefined {
  const columns = (each: Relation) =>
    each.range === undefined || !isSystem(each.range.schemaname)
      ? undefined
      : systemColumns(each.range.relname ?? '', version)
  if (column.qualifier !== undefined) {
    const relation = relations.find((each) => each.name === column.qualifier)
    const known = relation === undefined ? undefined : columns(relation)
    return known === undefined || known.has(column.name) ? undefined : relation?.range?.relname
  }
  // A bare name may be a column of a query around this one, or an alias of a relation.
  if (relations.length === 0 || isNested || relations.some((each) => each.name === column.name)) return undefined
  const all = relations.map(columns)
  if (all.some((each) => each === undefined || each.has(column.name))) return undefined
  return (
    relations.find((each) => RENAMED[column.name] !== undefined && columns(each)?.has(RENAMED[column.name] ?? ''))
      ?.range?.relname ?? relations[0]?.range?.relname
  )
}
