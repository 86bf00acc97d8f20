import type { StatementRule } from '../../rule.js'
import { lastWord, operatorOf, stringOf } from '../../sql/tree.js'

export const extractField: StatementRule = {
  on: 'sql',
  id: 'extract-field',
  level: 'warning',
  summary: 'extract(milliseconds, seconds or minutes from a difference) taken for the whole difference.',
  why: 'It is a field of the interval, which wraps: 61.5 seconds have 1500 milliseconds.',
  remedy: '`extract(epoch from b - a) * 1000`.',
  *check(statement) {
    for (const { node } of statement.all('FuncCall')) {
      if (lastWord(node.funcname) !== 'extract' && lastWord(node.funcname) !== 'date_part') continue
      const field = stringOf(node.args?.[0])?.toLowerCase() ?? ''
      if (!/^(milli|micro)?seconds?$|^m(illi)?sec(ond)?s?$|^minutes?$|^hours?$/.test(field)) continue
      if (operatorOf(node.args?.[1]) === '-')
        yield { at: node.location, message: `${field} is a field of the difference, and wraps` }
    }
  },
}
