import pg from 'pg'
import { afterFile } from './cleanup.js'

/** A node of a plan that was run; of its many members those that tests look at. Rows are those of one loop. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'One-Time Filter'?: string
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Join Filter'?: number
  readonly 'Sort Space Type'?: string
  readonly 'Temp Written Blocks'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

/**
 * A session of the superuser that hears of every plan that its statements run, those inside functions included: they are
 * added to `plans` as the statements end. Closed after the file. For a server, past the pooler.
 */
export async function openExplained(url: string): Promise<{ client: pg.Client; plans: PlanNode[] }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  afterFile(() => client.end())
  const plans: PlanNode[] = []
  client.on('notice', ({ message }) => {
    const json = message?.match(/plan:\s*(\{[\s\S]*\})\s*$/)?.[1]
    if (json !== undefined) plans.push((JSON.parse(json) as { Plan: PlanNode }).Plan)
  })
  await client.query(`load 'auto_explain'`)
  for (const setting of [
    'min_duration = 0',
    'nested_statements = on',
    'analyze = on',
    'buffers = on',
    'timing = off',
    'format = json',
    'level = notice',
  ]) {
    await client.query(`set auto_explain.log_${setting}`)
  }
  return { client, plans }
}

/** The node and all below it. */
export function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}

/** The rows that a node looked at in all its loops, those included that its filter threw away. */
export function rowsLookedAt(node: PlanNode): number {
  return ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 1)
}

/** Whether the node compares what is no column, as tenant and setting are, each time that such a table right below it is looked into. */
export function comparesEachTime(node: PlanNode, tables: RegExp): boolean {
  return 'One-Time Filter' in node && (node.Plans ?? []).some((below) => tables.test(below['Relation Name'] ?? ''))
}
