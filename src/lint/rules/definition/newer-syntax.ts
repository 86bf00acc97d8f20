import type { StatementRule } from '../../rule.js'
import { SYNTAX_FACTS } from '../../server/syntax-facts.js'

export const newerSyntax: StatementRule = {
  on: 'sql',
  id: 'newer-syntax',
  level: 'error',
  summary: 'Syntax that a later major brought than the one that is asked for (--pg-version, or the server of --url).',
  why: 'The statement fails there, though it runs on the newer server at hand.',
  remedy: 'Write it in the way of the older major, or raise the major that is required.',
  *check(statement, { version, catalog }) {
    for (const { since, what, uses } of SYNTAX_FACTS) {
      if (since <= version) continue
      for (const at of uses(statement, catalog)) {
        yield { at, message: `${what}: PostgreSQL ${since} brought it, and ${version} refuses it` }
      }
    }
  },
}
