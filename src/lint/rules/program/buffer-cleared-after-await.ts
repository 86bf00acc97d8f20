import type { ProgramRule } from '../../rule.js'
import { enclosing, isFunction, isNode } from '../../typescript/program.js'

export const bufferCleared: ProgramRule = {
  on: 'ts',
  id: 'buffer-cleared-after-await',
  level: 'error',
  summary: 'A shared array that is sent, awaited and then emptied.',
  why: 'What was pushed while the statement was under way is erased unsent; and when the statement fails nobody sends it again.',
  remedy:
    'Take the array away first (`const batch = buffer.splice(0)`), send it as one statement, one flush at a time, and put it back on failure.',
  *check(program) {
    for (const place of program.places) {
      const { node } = place
      if (node.type !== 'AssignmentExpression' || node.operator !== '=') continue
      const name = clearedName(node)
      if (name === undefined) continue
      // A new array in a variable of the function around may be what its only caller waits for.
      const isRenewed = isNode(node.right) && node.right.type === 'ArrayExpression'
      const isModules = program.places.some(
        ({ node: each, parent }) =>
          each.type === 'VariableDeclarator' &&
          isNode(each.id) &&
          each.id.name === name &&
          parent?.parent?.node.type === 'Program',
      )
      if (isRenewed && !isModules) continue
      const around = enclosing(place, isFunction)
      if (around === undefined) continue
      const inside = program.places.filter(
        (each) => each.node.start >= around.node.start && each.node.end <= around.node.end,
      )
      const isOwn = inside.some(
        (each) => each.node.type === 'VariableDeclarator' && isNode(each.node.id) && each.node.id.name === name,
      )
      const isRead = inside.some((each) => each.node.type === 'AwaitExpression' && each.node.end <= node.start)
      const isUsed = inside.some(
        (each) =>
          each.node.type === 'Identifier' &&
          each.node.name === name &&
          each.node.start < node.start &&
          each.role !== 'object',
      )
      if (!isOwn && isRead && isUsed)
        yield { at: node.start, message: `what was pushed to ${name} during the await is erased` }
    }
  },
}

/** `name.length = 0` or `name = []`. */
function clearedName(node: { readonly [member: string]: unknown }): string | undefined {
  const { left, right } = node
  if (!isNode(left) || !isNode(right)) return undefined
  if (left.type === 'MemberExpression' && isNode(left.property) && left.property.name === 'length') {
    return right.value === 0 && isNode(left.object) && left.object.type === 'Identifier'
      ? (left.object.name as string)
      : undefined
  }
  const isEmpty = right.type === 'ArrayExpression' && (right.elements as unknown[]).length === 0
  return left.type === 'Identifier' && isEmpty ? (left.name as string) : undefined
}
