import type { Node } from 'libpg-query'
import { as, operatorOf } from '../sql/tree.js'

const DISTANCES: Readonly<Record<string, string>> = { '<->': 'l2', '<=>': 'cosine', '<#>': 'ip', '<+>': 'l1' }

/** What a distance operator measures, in the words of the operator classes; undefined for other expressions. */
export function distanceOf(node: Node | undefined): string | undefined {
  return DISTANCES[operatorOf(node) ?? '']
}

/** True when one side is plainly a vector: `<->` is the distance of points and of trigrams too. */
export function isVector(node: Node | undefined, typeOf: (node: Node | undefined) => string | undefined): boolean {
  const expression = as(node, 'A_Expr')
  if (operatorOf(node) === '<=>' || operatorOf(node) === '<#>' || operatorOf(node) === '<+>') return true
  return [expression?.lexpr, expression?.rexpr].some((side) => /^(vector|halfvec|sparsevec)$/.test(typeOf(side) ?? ''))
}
