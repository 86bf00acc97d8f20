import type { ProgramRule } from '../../rule.js'
import { calledName, enclosing, isFunction, isNode } from '../../typescript/program.js'

export const rollbackHidesError: ProgramRule = {
  on: 'ts',
  id: 'rollback-hides-error',
  level: 'warning',
  summary: 'A ROLLBACK in a catch block whose own failure hides the first error.',
  why: 'When the connection is gone ROLLBACK fails too: its error is thrown in place of the one that says why, and the broken connection goes back to the pool.',
  remedy:
    "`await client.query('rollback').catch(() => {})`, then throw the first error; `client.release(error)` for a connection that broke.",
  *check(program) {
    for (const place of program.places) {
      const { node } = place
      if (node.type !== 'AwaitExpression' || !isNode(node.argument) || node.argument.type !== 'CallExpression') continue
      const call = node.argument
      const [first] = call.arguments as unknown[]
      const text = isNode(first) && first.type === 'StringLiteral' ? String(first.value) : ''
      if (calledName(call.callee) !== 'query' || !/^\s*rollback\s*;?\s*$/i.test(text)) continue
      const around = enclosing(
        place,
        (each) => each.type === 'CatchClause' || each.type === 'TryStatement' || isFunction(each),
      )
      if (around?.node.type !== 'CatchClause') continue
      yield { at: node.start, message: 'when it fails the first error is lost' }
    }
  },
}
