import type { ProgramRule } from '../../rule.js'
import { calledName, enclosing, isFunction, isNode, type ProgramPlace } from '../../typescript/program.js'

export const queryInLoop: ProgramRule = {
  on: 'ts',
  id: 'query-in-loop',
  level: 'info',
  summary: 'A query that is awaited inside a loop.',
  why: 'A round trip a row: a hundred rows wait a hundred times for the network.',
  remedy: 'One statement for all rows, with arrays: `insert … select … from unnest($1::text[], $2::int[])`.',
  *check(program) {
    for (const place of program.places) {
      if (place.node.type !== 'AwaitExpression' || !isQuery(place.node.argument)) continue
      const loop = enclosing(place, (node) => /^(For|ForOf|ForIn)Statement$/.test(node.type) || isFunction(node))
      if (loop === undefined || isFunction(loop.node) || isHeader(place, loop)) continue
      // `for await` and a retry over attempts are no loop over rows.
      if (loop.node.type === 'ForStatement' || loop.node.await === true) continue
      yield { at: place.node.start, message: 'each turn of the loop waits for its own round trip' }
    }
  },
}

function isQuery(node: unknown): boolean {
  if (!isNode(node)) return false
  if (node.type === 'TaggedTemplateExpression') return /^(sql|tx|db|pg)$/i.test(calledName(node.tag) ?? '')
  if (node.type !== 'CallExpression') return false
  const [first] = node.arguments as unknown[]
  const text = isNode(first)
    ? first.type === 'StringLiteral'
      ? String(first.value)
      : first.type === 'TemplateLiteral'
        ? '`'
        : ''
    : ''
  return (
    /^(query|execute)$/.test(calledName(node.callee) ?? '') &&
    (text === '`' || /^\s*(select|insert|update|delete)\b/i.test(text))
  )
}

const isHeader = (place: ProgramPlace, loop: ProgramPlace) => {
  const { body } = loop.node
  return isNode(body) && (place.node.start < body.start || place.node.end > body.end)
}
