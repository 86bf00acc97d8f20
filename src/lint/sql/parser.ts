import { setFlagsFromString } from 'node:v8'
import type { Node } from 'libpg-query'

/** A statement as the parser gives it: the locations in its tree are offsets in UTF-16 units. */
export interface Parsed {
  readonly kind: string
  readonly node: Record<string, unknown>
  readonly start: number
  readonly end: number
}

/** Why a text does not parse, and at which offset. */
export interface SyntaxProblem {
  readonly message: string
  readonly offset: number
}

type Library = typeof import('libpg-query')
let library: Library | undefined

/** Loads the parser, which is WebAssembly; once is enough. */
export async function loadParser(): Promise<void> {
  if (library !== undefined) return
  // Compiling it a second time, to optimise it, takes 50 MB and gains nothing: most of the time goes by outside of it.
  setFlagsFromString('--liftoff-only')
  try {
    const loaded = await import('libpg-query')
    await loaded.loadModule()
    library = loaded
  } finally {
    setFlagsFromString('--no-liftoff-only')
  }
}

function parser(): Library {
  if (library === undefined) throw new Error('loadParser was not awaited')
  return library
}

/** Parses the statements of a text by PostgreSQL's own grammar. Its offsets are counted from `at`, where the text begins. */
export function parse(text: string, at = 0): { statements: Parsed[] } | { problem: SyntaxProblem } {
  // The parser would end at a NUL character.
  const nul = text.indexOf('\0')
  if (nul !== -1) return { problem: { message: 'a NUL character', offset: at + nul } }
  if (text.trim() === '') return { statements: [] }
  const { parseSync, SqlError } = parser()
  try {
    const offsetOf = byteOffsets(text)
    const { stmts = [] } = parseSync(text)
    let deep: number | undefined
    const statements = stmts.flatMap(({ stmt, stmt_location = 0, stmt_len }) => {
      const [kind] = Object.keys(stmt ?? {})
      if (stmt === undefined || kind === undefined) return []
      const node = (stmt as Record<string, unknown>)[kind] as Record<string, unknown>
      if (isDeep(node)) deep ??= skipBlank(text, offsetOf(stmt_location))
      else relocate(node, (location) => at + offsetOf(location))
      const end = stmt_len === undefined || stmt_len === 0 ? text.trimEnd().length : offsetOf(stmt_location + stmt_len)
      return [{ kind, node, start: at + skipBlank(text, offsetOf(stmt_location)), end: at + end }]
    })
    if (deep === undefined) return { statements }
    return { problem: { message: TOO_DEEP, offset: at + deep } }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof RangeError) return { problem: { message: TOO_DEEP, offset: at + skipBlank(text, 0) } }
    const points = error instanceof SqlError ? (error.sqlDetails?.cursorPosition ?? 0) : 0
    return { problem: { message: error.message, offset: at + Math.min(codePointOffset(text, points), text.length) } }
  }
}

/** Parses one expression; its locations are offsets in the text. */
export function parseExpression(text: string): Node | undefined {
  const prefix = 'SELECT '
  const parsed = parse(prefix + text)
  if ('problem' in parsed) return undefined
  const [statement] = parsed.statements
  if (statement === undefined) return undefined
  shift(statement.node, -prefix.length)
  return { [statement.kind]: statement.node } as unknown as Node
}

/** Compiles a function or DO statement in PL/pgSQL; the tree of its body. Throws with PL/pgSQL's own message. */
export function parseBody(text: string): unknown {
  return parser().parsePlPgSQLSync(text)
}

/** Adds to every location of a tree. */
export function shift(value: unknown, by: number): void {
  relocate(value, (location) => location + by)
}

/** Trees of more levels would overflow the stack of whoever descends them: thousands of UNION ALL in a row, say. */
const DEPTH_MAX = 2000
const TOO_DEEP = `nested in more than ${DEPTH_MAX} levels: too deep to be looked at`

function isDeep(root: unknown): boolean {
  const open: [value: unknown, depth: number][] = [[root, 0]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, depth] = next
    if (value === null || typeof value !== 'object') continue
    if (depth > DEPTH_MAX) return true
    for (const child of Object.values(value)) open.push([child, depth + 1])
  }
  return false
}

/** Changes every location of a tree. */
export function relocate(value: unknown, to: (location: number) => number): void {
  if (value === null || typeof value !== 'object') return
  if (Array.isArray(value)) {
    for (const each of value) relocate(each, to)
    return
  }
  const node = value as Record<string, unknown>
  for (const [member, child] of Object.entries(node)) {
    if (member === 'location' && typeof child === 'number') {
      if (child >= 0) node.location = to(child)
      else delete node.location
    } else relocate(child, to)
  }
}

/** The parser counts bytes of UTF-8. */
function byteOffsets(text: string): (byte: number) => number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is one byte a character
  if (/^[\x00-\x7f]*$/.test(text)) return (byte) => byte
  const offsets = new Uint32Array(Buffer.byteLength(text) + 1)
  let byte = 0
  for (let at = 0; at < text.length; ) {
    const point = text.codePointAt(at) ?? 0
    const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
    offsets.fill(at, byte, byte + size)
    byte += size
    at += point > 0xffff ? 2 : 1
  }
  offsets[byte] = text.length
  return (location) => offsets[Math.min(location, byte)] ?? text.length
}

/** Positions of errors count characters. */
function codePointOffset(text: string, points: number): number {
  let offset = 0
  for (let i = 0; i < points && offset < text.length; i++) offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1
  return offset
}

/** Statements begin behind the blank space and comments that the parser counts to them. */
function skipBlank(text: string, from: number): number {
  const blank = /(?:\s+|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*/y
  blank.lastIndex = from
  blank.exec(text)
  return Math.min(blank.lastIndex, text.length)
}
