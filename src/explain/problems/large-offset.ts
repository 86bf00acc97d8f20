import { many, type ProblemKind } from '../problem.js'

export const largeOffset: ProblemKind = {
  id: 'large-offset',
  level: 'warning',
  title: 'Rows that are found for an OFFSET and thrown away',
  remedy: 'Page by key: `where (created_at, id) < ($1, $2) order by created_at desc, id desc limit n`.',
  *find(_plan, nodes) {
    for (const node of nodes) {
      const [input] = node.children
      if (node.type !== 'Limit' || node.actual === undefined || input?.actual === undefined) continue
      const skipped = input.actual.rows - node.actual.rows
      if (skipped >= 1000 && skipped > 10 * node.actual.rows) {
        yield {
          node,
          evidence: `${many(input.actual.rows)} rows found for the ${many(node.actual.rows)} that are shown`,
        }
      }
    }
  },
}
