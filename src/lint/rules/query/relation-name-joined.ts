import type { StatementRule } from '../../rule.js'
import { as, lastWord, operatorOf } from '../../sql/tree.js'

export const quotedSize: StatementRule = {
  on: 'sql',
  id: 'relation-name-joined',
  level: 'warning',
  summary: "A relation's name put together with || for a function or cast that expects a regclass.",
  why: 'It fails on the first table whose name has a capital letter, a blank or a reserved word: "relation does not exist".',
  remedy: "`oid::regclass` of pg_class, or `format('%I.%I', schemaname, relname)::regclass`.",
  *check(statement) {
    for (const { node } of statement.all('FuncCall')) {
      if (
        !/^pg_(total_relation|relation|table|indexes)_(size|filenode|filepath)$|^pg_(table|indexes)_size$/.test(
          lastWord(node.funcname),
        )
      )
        continue
      const [first] = node.args ?? []
      const argument = as(first, 'TypeCast')?.arg ?? first
      if (operatorOf(argument) === '||') yield { at: node.location, message: 'a name in mixed case makes it fail' }
    }
    for (const { node } of statement.all('TypeCast')) {
      if (
        lastWord(node.typeName?.names) === 'regclass' &&
        operatorOf(node.arg) === '||' &&
        !callsQuoteIdent(node.arg)
      ) {
        yield { at: node.location, message: 'a name in mixed case makes it fail' }
      }
    }
  },
}

function callsQuoteIdent(node: Parameters<typeof as>[0]): boolean {
  return JSON.stringify(node).includes('quote_ident')
}
