import { type Parsed, parse, type SyntaxProblem } from './parser.js'

/** What a script holds, and the places where it does not parse. */
export interface Script {
  readonly statements: Parsed[]
  readonly problems: SyntaxProblem[]
}

/** After so many places that do not parse the rest is not looked at. */
const PROBLEMS_MAX = 20

/** The parser takes some hundred times the text's size in memory that it never gives back, so a text is given to it in pieces. */
const PIECE = 16 * 1024

/** The statements of a script of any size. Where it does not parse, reading goes on behind the next semicolon. */
export function readScript(text: string): Script {
  const statements: Parsed[] = []
  const problems: SyntaxProblem[] = []
  let from = 0
  let size = PIECE
  while (from < text.length && problems.length < PROBLEMS_MAX) {
    const end = pieceEnd(text, from + size)
    const piece = text.slice(from, end)
    const parsed = parse(piece, from)
    if (!('problem' in parsed)) {
      statements.push(...parsed.statements)
      from = end
      size = PIECE
      continue
    }
    const { message, offset } = parsed.problem
    // The semicolon at its end may stand in a body, a string or a comment.
    if (end < text.length && /^unterminated|at end of input/.test(message)) {
      size *= 2
      continue
    }
    problems.push(parsed.problem)
    statements.push(...before(piece, from, offset - from))
    const next = text.indexOf(';', offset)
    if (next === -1) break
    from = next + 1
    size = PIECE
  }
  return { statements, problems }
}

/** Behind the first semicolon from there on that ends a line. */
function pieceEnd(text: string, from: number): number {
  if (from >= text.length) return text.length
  const semicolon = /;[ \t\r]*\n/g
  semicolon.lastIndex = from
  return semicolon.exec(text) === null ? text.length : semicolon.lastIndex
}

/** The statements in front of a place that does not parse. */
function before(piece: string, from: number, offset: number): readonly Parsed[] {
  for (let end = piece.lastIndexOf(';', offset - 1); end >= 0 && offset > 0; end = piece.lastIndexOf(';', end - 1)) {
    const parsed = parse(piece.slice(0, end + 1), from)
    if (!('problem' in parsed)) return parsed.statements
    if (end === 0) break
  }
  return []
}
