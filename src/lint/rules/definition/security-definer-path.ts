import type { StatementRule } from '../../rule.js'
import { optionsOf } from '../../sql/body.js'
import { as, stringOf, words } from '../../sql/tree.js'

export const securityDefinerPath: StatementRule = {
  on: 'sql',
  id: 'security-definer-path',
  level: 'warning',
  summary: 'A SECURITY DEFINER function without a search_path of its own.',
  why: "It runs with its owner's rights and the caller's search_path: the caller can put a function of his own in the way.",
  remedy: '`set search_path = pg_catalog, pg_temp` in the definition.',
  *check(statement) {
    const create = statement.is('CreateFunctionStmt')
    const options = optionsOf(create?.options)
    if (create === undefined || as(options.get('security'), 'Boolean')?.boolval !== true) return
    // What is compiled looks nothing up by the path.
    if (/^(c|internal)$/i.test(stringOf(options.get('language')) ?? '')) return
    const sets = (create.options ?? []).some(
      (each) => as(as(each, 'DefElem')?.arg, 'VariableSetStmt')?.name === 'search_path',
    )
    if (!sets)
      yield { message: `${words(create.funcname).join('.')} runs with its owner's rights in the caller's search_path` }
  },
}
