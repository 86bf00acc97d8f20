import { type ParseResult, parse } from '@babel/parser'
import type { Source } from '../source.js'

/** A node of the program, as Babel gives it. */
export interface ProgramNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [member: string]: unknown
}

/** A node with the way up. */
export interface ProgramPlace {
  readonly node: ProgramNode
  readonly role: string
  readonly parent: ProgramPlace | undefined
}

/** A TypeScript or JavaScript file, parsed. */
export interface Program {
  readonly source: Source
  /** Every node, parents before children. */
  readonly places: readonly ProgramPlace[]
}

/** Parses TypeScript or JavaScript; small errors of syntax are passed over. Throws what Babel throws for others. */
export function readProgram(source: Source): Program {
  const jsx = /x$/.test(source.path)
  const javascript = /\.[cm]?jsx?$/.test(source.path)
  const file: ParseResult = parse(source.text, {
    sourceType: 'unambiguous',
    errorRecovery: true,
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true,
    ranges: false,
    attachComment: false,
    plugins: [
      ...(javascript ? (['jsx', 'flow'] as const) : (['typescript'] as const)),
      ...(jsx && !javascript ? (['jsx'] as const) : []),
      'decorators',
      'explicitResourceManagement',
    ],
  })
  const places: ProgramPlace[] = []
  visit(file.program as unknown as ProgramNode, '', undefined, places)
  return { source, places }
}

function visit(node: ProgramNode, role: string, parent: ProgramPlace | undefined, into: ProgramPlace[]): void {
  const here: ProgramPlace = { node, role, parent }
  into.push(here)
  for (const [member, child] of Object.entries(node)) {
    if (member === 'loc' || member === 'extra' || child === null || typeof child !== 'object') continue
    for (const each of Array.isArray(child) ? child : [child]) {
      if (isNode(each)) visit(each, member, here, into)
    }
  }
}

/** True for a node of the program. */
export function isNode(value: unknown): value is ProgramNode {
  return typeof value === 'object' && value !== null && typeof (value as ProgramNode).type === 'string'
}

/** The last name of what is called or tagged: `query` of `client.query(…)`, `sql` of `sql.type(…)`. */
export function calledName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Identifier') return node.name as string
  if (node.type === 'MemberExpression' || node.type === 'OptionalMemberExpression') return calledName(node.property)
  if (node.type === 'CallExpression') return calledName(node.callee)
  if (node.type === 'TSInstantiationExpression' || node.type === 'TSNonNullExpression')
    return calledName(node.expression)
  return undefined
}

/** The nearest node upwards that the test takes. */
export function enclosing(place: ProgramPlace, test: (node: ProgramNode) => boolean): ProgramPlace | undefined {
  let at = place.parent
  while (at !== undefined && !test(at.node)) at = at.parent
  return at
}

/** True for functions of every form. */
export function isFunction(node: ProgramNode): boolean {
  return /Function(Declaration|Expression)$|^(Object|Class(Private)?)Method$/.test(node.type)
}
