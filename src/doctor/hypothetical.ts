import type { Ask } from './check.js'

/** A node of EXPLAIN (FORMAT JSON), as far as advice on indexes reads it. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Total Cost': number
  readonly Schema?: string
  readonly 'Relation Name'?: string
  readonly Alias?: string
  readonly 'Index Name'?: string
  readonly Filter?: string
  readonly 'Index Cond'?: string
  readonly 'Recheck Cond'?: string
  readonly 'Sort Key'?: readonly string[]
  readonly Plans?: readonly PlanNode[]
}

/** A statement of the workload. */
export interface Statement {
  /** As pg_stat_statements has it, with parameters. */
  readonly query: string
  readonly calls: number
}

/** What of pg_stat_statements is planned, for the `from` and `where` of a check: this database's statements that have a plan, whole. */
export const PLANNED_STATEMENTS = `{schema}.pg_stat_statements s
      where s.dbid = (select d.oid from pg_database d where d.datname = current_database()) and s.toplevel
        and s.query ~* '^\\s*(select|with|update|delete)' and s.query !~ '\\yas examined\\y' and length(s.query) < 8000`

/** Plans a statement without values, after and before statements of hypopg; undefined when the server cannot. */
export async function planOf(
  ask: Ask,
  { query }: Statement,
  searchPath: string,
  { before = [], after = [] }: { readonly before?: readonly string[]; readonly after?: readonly string[] } = {},
): Promise<PlanNode | undefined> {
  const answer = await ask<{ 'QUERY PLAN': readonly { Plan: PlanNode }[] }>({
    text: `explain (generic_plan, verbose, format json) ${query}`,
    values: [],
    settings: { search_path: searchPath },
    before,
    after,
  })
  return answer?.['QUERY PLAN'][0]?.Plan
}

/** The node and all below it. */
export function nodesBelow(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesBelow)]
}

/** A name as SQL takes it. */
const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)

/** `schema.table` of a scan, quoted as the server would. */
export const relationOf = (node: PlanNode) => `${quoted(node.Schema ?? '')}.${quoted(node['Relation Name'] ?? '')}`

const COLUMN = '(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")'

/**
 * The columns of an index that would answer a scan which filters what it has read, in the order equality, sort, range;
 * undefined when it filters nothing, or compares no plain column.
 */
export function columnsFor(scan: PlanNode, parent: PlanNode | undefined): readonly string[] | undefined {
  if (!/^(Seq|Index|Bitmap Heap) Scan$/.test(scan['Node Type']) || scan.Filter === undefined) return undefined
  const condition = [scan['Index Cond'], scan['Recheck Cond'], scan.Filter].join(' ')
  const compared = (operators: string) =>
    [...condition.matchAll(new RegExp(`\\((?:${COLUMN}\\.)?(${COLUMN}) (?:${operators}) `, 'g'))].map(
      ([, column = '']) => column,
    )
  const equal = compared('=').slice(0, 3)
  const range = compared('>=|<=|<|>').slice(0, 1)
  // A filter with OR is answered by no one index.
  if (/ OR /.test(condition)) return undefined
  const keys = parent?.['Node Type'] === 'Sort' ? (parent['Sort Key'] ?? []) : []
  const plain = keys.map((key) => new RegExp(`^(?:${COLUMN}\\.)?(${COLUMN})( DESC)?$`).exec(key))
  const directions = new Set(plain.map((key) => key?.[2] ?? ''))
  const sort = plain.every((key) => key !== null) && directions.size === 1 ? plain.map((key) => key?.[1] ?? '') : []
  const columns = [...new Set([...equal, ...(sort.length > 0 ? sort : range)])]
  return equal.length + range.length === 0 ? undefined : columns
}
