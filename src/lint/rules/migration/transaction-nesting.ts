import type { StatementRule } from '../../rule.js'

export const transactionNesting: StatementRule = {
  on: 'sql',
  id: 'transaction-nesting',
  level: 'warning',
  summary: 'BEGIN without an end; BEGIN or COMMIT in a transaction that is open.',
  why: 'What is never committed is rolled back when the connection ends. A second BEGIN begins nothing, and the first COMMIT ends the transaction for those around it too.',
  remedy:
    'One COMMIT for each BEGIN. In a migration leave both to the tool, or say in a comment that it runs without a transaction.',
  *check(statement, { statements }) {
    const kind = statement.is('TransactionStmt')?.kind ?? ''
    if (statement.routine !== undefined || statement.source.kind !== 'sql') return
    const others = statements.filter((each) => each.kind === 'TransactionStmt' && each.routine === undefined)
    const kindOf = (each: (typeof others)[number] | undefined) => each?.is('TransactionStmt')?.kind ?? ''
    const later = others.filter((each) => each.start > statement.start)
    if (BEGINS.test(kind)) {
      const before = others.findLast(
        (each) => each.start < statement.start && !/SAVEPOINT|_TO$|RELEASE/.test(kindOf(each)),
      )
      if (BEGINS.test(kindOf(before))) yield { message: 'a transaction is open already: this begins none' }
      else if (!later.some((each) => ENDS.test(kindOf(each)))) yield { message: 'nothing ends this transaction' }
      else if (statement.migration && !isOutside(statement.source.text)) {
        yield { message: 'the tool that runs the migration has begun a transaction', level: 'info' }
      }
    }
  },
}

const BEGINS = /_(BEGIN|START)$/
const ENDS = /_(COMMIT|ROLLBACK|PREPARE)$/
/** In the words of runsOutside, near enough: whoever speaks of transactions knows of them. */
const isOutside = (text: string) => /^\s*(?:--|\/\*).*transaction/im.test(text)
