import { parse } from '../sql/parser.js'
import { calledName, isNode, type Program, type ProgramNode, type ProgramPlace } from './program.js'

/** SQL found in a program. */
export interface SqlLiteral {
  /** The SQL with parameters, or names, in the place of interpolations. */
  readonly sql: string
  /** True when something is filled in, and not as a parameter. */
  readonly composed: boolean
  /** Offset in the source of an offset in the SQL. */
  place(offset: number): number
  readonly start: number
  readonly end: number
  /** Set when it should parse and does not. */
  readonly problem?: { readonly message: string; readonly offset: number }
}

const VERB =
  /^\s*(?:(?:--[^\n]*\n|\/\*[\s\S]*?\*\/)\s*)*(select|insert\s+into|update|delete\s+from|with|merge\s+into|create|alter|drop|truncate|set|begin|vacuum|analyze|explain|copy|grant|revoke|refresh|reindex|lock|do|call|prepare|listen|notify|values)\b/i
/** Functions that take SQL as their first argument. */
const TAKES_SQL =
  /^(\$?(query|execute|exec)(Raw|Unsafe|RawUnsafe|One|Many|Array|Row|Rows)?|unsafe|raw|prepare|statement|one|oneOrNone|many|manyOrNone|any|none|fetch(all|val|row)?)$/i
/** What a text needs besides its first word, to be taken for SQL wherever it stands. */
const SHAPE: readonly RegExp[] = [
  /^\s*select\b[\s\S]+\bfrom\b/i,
  /^\s*insert\s+into\b[\s\S]+\b(values|select|default)\b/i,
  /^\s*update\b[\s\S]+\bset\b[\s\S]+=/i,
  /^\s*delete\s+from\b[\s\S]+\bwhere\b/i,
  /^\s*with\b[\s\S]+\bas\s+(not\s+)?(materialized\s+)?\(/i,
  /^\s*create\s+(or\s+replace\s+)?(unlogged\s+|unique\s+|temp\s+|temporary\s+)?(table|index|policy|function|view|materialized view)\b[\s\S]+/i,
  /^\s*alter\s+(table|index|system|role|database)\b[\s\S]+/i,
]
const TEXT_MAX = 200_000

/** The SQL in a program: tagged with `sql`, given to a function that takes SQL, or plainly SQL by its text. */
export function sqlLiterals(program: Program): SqlLiteral[] {
  if (
    !/\b(select|insert|update|delete|with|create|alter|drop|truncate|set|vacuum|refresh|reindex|copy)\b/i.test(
      program.source.text,
    )
  ) {
    return []
  }
  return program.places.flatMap((place) => {
    const pieces = piecesOf(place, program.source.text)
    if (pieces === undefined) return []
    const [first] = pieces
    if (
      first === undefined ||
      !VERB.test(first.text) ||
      pieces.reduce((sum, each) => sum + each.text.length, 0) > TEXT_MAX
    )
      return []
    const meant = isMeant(place)
    const whole = pieces.map((each) => each.text).join(' x ')
    if (!meant && !SHAPE.some((shape) => shape.test(whole))) return []
    const tagged = place.parent?.node.type === 'TaggedTemplateExpression'
    const literal = fill(pieces, place.node, meant, tagged)
    return literal === undefined ? [] : [literal]
  })
}

interface Piece {
  readonly text: string
  /** Offset of its first character in the source. */
  readonly at: number
  /** True when the text is the source's own, character by character. */
  readonly verbatim: boolean
}

function piecesOf(place: ProgramPlace, text: string): Piece[] | undefined {
  const { node, role, parent } = place
  if (node.type === 'TemplateLiteral') {
    return (node.quasis as ProgramNode[]).map((quasi) => {
      const { raw, cooked } = quasi.value as { raw: string; cooked: string | null }
      return { text: cooked ?? raw, at: quasi.start, verbatim: cooked === raw }
    })
  }
  if (node.type !== 'StringLiteral' || role === 'source' || role === 'key') return undefined
  if (parent?.node.type === 'TSLiteralType' || parent?.node.type === 'ImportDeclaration') return undefined
  const value = node.value as string
  return [{ text: value, at: node.start + 1, verbatim: text.slice(node.start + 1, node.end - 1) === value }]
}

function isMeant({ node, role, parent }: ProgramPlace): boolean {
  if (parent === undefined) return false
  // String.raw says nothing of what the text is.
  if (parent.node.type === 'TaggedTemplateExpression' && /^String\.raw$/.test(dotted(parent.node.tag))) return false
  if (parent.node.type === 'TaggedTemplateExpression')
    return /^\$?(sql|tx|db|pg|client|raw|\w+Sql|\w*Db)$/i.test(calledName(parent.node.tag) ?? '')
  if (role === 'arguments') return isArgument(node, parent)
  // query({ text: '…' }); by its name alone a `text` may be prose.
  if (parent.node.type === 'ObjectProperty' && role === 'value') {
    const { key } = parent.node
    const object = parent.parent
    return (
      isNode(key) &&
      /^(text|sql|query)$/.test(String(key.name ?? key.value)) &&
      object?.parent !== undefined &&
      object.role === 'arguments' &&
      isArgument(object.node, object.parent)
    )
  }
  return false
}

/** `String.raw` of the tag String.raw; empty for what is no two names. */
function dotted(tag: unknown): string {
  if (!isNode(tag) || tag.type !== 'MemberExpression' || !isNode(tag.object) || !isNode(tag.property)) return ''
  return `${tag.object.name}.${tag.property.name}`
}

/** True for one of the first two arguments of a function that takes SQL. */
function isArgument(node: ProgramNode, { node: call }: ProgramPlace): boolean {
  return (
    /^(Optional)?CallExpression$/.test(call.type) &&
    TAKES_SQL.test(calledName(call.callee) ?? '') &&
    (call.arguments as unknown[]).indexOf(node) <= 1
  )
}

function fill(pieces: readonly Piece[], node: ProgramNode, meant: boolean, tagged: boolean): SqlLiteral | undefined {
  const holes = pieces.length - 1
  const composed = holes > 0 && !tagged
  // Parameters of the text itself keep their numbers.
  const own = pieces.flatMap(({ text }) => [...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
  const first = Math.max(0, ...own) + 1
  // A hole is a value, else a name, else nothing: the first filling that parses is taken for what is meant.
  const fillings: ((hole: number) => string)[] = [
    (hole) => `$${first + hole}`,
    (hole) => `hole_${hole + 1}`,
    (hole) => (isNamePlace(pieces[hole]?.text ?? '') ? `hole_${hole + 1}` : `$${first + hole}`),
    (hole) =>
      isNamePlace(pieces[hole]?.text ?? '') ? `hole_${hole + 1}` : isOwnLine(pieces, hole) ? '' : `$${first + hole}`,
    () => '',
  ]
  let problem: { message: string; offset: number } | undefined
  for (const filling of holes === 0 ? fillings.slice(0, 1) : fillings) {
    const { sql, place } = assemble(pieces, filling)
    const parsed = parse(sql)
    if (!('problem' in parsed)) {
      return parsed.statements.length === 0 ? undefined : { sql, composed, place, start: node.start, end: node.end }
    }
    problem ??= { message: parsed.problem.message, offset: place(parsed.problem.offset) }
  }
  // Composed SQL need not be whole before it runs.
  if (!meant || holes > 0 || problem === undefined) return undefined
  const { sql, place } = assemble(pieces, () => '')
  return { sql, composed, place, start: node.start, end: node.end, problem }
}

const isNamePlace = (before: string) =>
  /(\b(from|join|into|update|table|index|on|only|schema|role|policy|trigger|view)\s+|[."])$/i.test(before)

const isOwnLine = (pieces: readonly Piece[], hole: number) =>
  /\n\s*$/.test(pieces[hole]?.text ?? '') && /^\s*(\n|$)/.test(pieces[hole + 1]?.text ?? '')

function assemble(
  pieces: readonly Piece[],
  filling: (hole: number) => string,
): { sql: string; place: (offset: number) => number } {
  let sql = ''
  const starts: { from: number; piece: Piece }[] = []
  pieces.forEach((piece, i) => {
    starts.push({ from: sql.length, piece })
    sql += piece.text
    if (i < pieces.length - 1) sql += filling(i)
  })
  return {
    sql,
    place: (offset) => {
      const found = starts.findLast(({ from }) => from <= offset) ?? starts[0]
      if (found === undefined) return 0
      const within = Math.min(offset - found.from, found.piece.text.length)
      return found.piece.at + (found.piece.verbatim ? within : 0)
    },
  }
}
