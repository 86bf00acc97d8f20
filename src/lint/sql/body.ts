import type { Node } from 'libpg-query'
import { parse, parseBody, parseExpression, relocate, shift } from './parser.js'
import type { Routine } from './statement.js'
import { as, lastWord, stringOf, words } from './tree.js'

/** A statement of a body, with offsets in the text that holds the routine. */
export interface BodyStatement {
  readonly kind: string
  readonly node: Record<string, unknown>
  readonly start: number
  readonly end: number
  readonly routine: Routine
  readonly sql: string
}

/** What a body says, or why it cannot be read. */
export interface Body {
  readonly statements: readonly BodyStatement[]
  readonly problem?: { readonly message: string; readonly offset: number }
}

/** A routine's definition, with the text of its body. */
interface Definition {
  readonly routine: Omit<Routine, 'dynamic'>
  readonly body: string
}

/** The statements of a function's, procedure's or DO statement's body; `text` is the whole text, start and end its place in it. */
export function readBody(text: string, kind: string, node: Record<string, unknown>, start: number, end: number): Body {
  const definition = definitionOf(kind, node)
  if (definition === undefined) return { statements: [] }
  const { routine, body } = definition
  const found = text.slice(start, end).indexOf(body)
  // A body in single quotes may double them: then all its places are the routine's.
  const at = found === -1 ? undefined : start + found
  const place = (offset: number) => (at === undefined ? start : at + offset)
  if (routine.language === 'sql') {
    const parsed = parse(body)
    if ('problem' in parsed) {
      return { statements: [], problem: { message: parsed.problem.message, offset: place(parsed.problem.offset) } }
    }
    return {
      statements: parsed.statements.map((each) => {
        if (at === undefined) pin(each.node, start)
        else shift(each.node, at)
        return {
          ...each,
          start: place(each.start),
          end: place(each.end),
          routine: { ...routine, dynamic: false },
          sql: body.slice(each.start, each.end),
        }
      }),
    }
  }
  if (routine.language !== 'plpgsql') return { statements: [] }
  let compiled: unknown
  try {
    compiled = parseBody(text.slice(start, end))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // Without the database's types other complaints of the compiler may be wrong.
    const near = /at or near "(.*)"/s.exec(message)?.[1]
    if (!/^(syntax error|unterminated|mismatched)/.test(message)) return { statements: [] }
    const offset = near === undefined || at === undefined ? -1 : body.indexOf(near)
    return { statements: [], problem: { message, offset: offset === -1 ? place(0) : place(offset) } }
  }
  const variables = new Set(routine.variables)
  collectVariables(compiled, variables)
  const statements: BodyStatement[] = []
  const lines = [0]
  for (let i = body.indexOf('\n'); i !== -1; i = body.indexOf('\n', i + 1)) lines.push(i + 1)
  for (const expression of expressions(compiled)) {
    const from = lines[Math.max(0, expression.line - 1)] ?? 0
    for (const statement of readExpression(expression)) {
      const offset = placeOf(statement.needle, body, from)
      if (at === undefined || offset === -1) pin(statement.node, place(from))
      else shift(statement.node, at + offset - statement.skipped)
      const begin = offset === -1 ? place(from) : place(offset)
      statements.push({
        kind: statement.kind,
        node: statement.node,
        start: begin,
        end: begin + statement.needle.length,
        routine: { ...routine, variables, dynamic: statement.dynamic },
        sql: statement.sql,
      })
    }
  }
  return { statements }
}

function definitionOf(kind: string, node: Record<string, unknown>): Definition | undefined {
  if (kind === 'DoStmt') {
    const options = optionsOf(node.args as Node[])
    const body = stringOf(options.get('as'))
    if (body === undefined) return undefined
    const language = stringOf(options.get('language')) ?? 'plpgsql'
    return { routine: { kind: 'do', language: language.toLowerCase(), name: '', variables: new Set() }, body }
  }
  if (kind !== 'CreateFunctionStmt') return undefined
  const options = optionsOf(node.options as Node[])
  const bodies = as(options.get('as'), 'List')?.items ?? []
  const body = bodies.length === 1 ? stringOf(bodies[0]) : undefined
  if (body === undefined) return undefined
  const variables = ((node.parameters as Node[] | undefined) ?? []).flatMap((each) => {
    const name = as(each, 'FunctionParameter')?.name
    return name === undefined ? [] : [name]
  })
  return {
    routine: {
      kind: node.is_procedure === true ? 'procedure' : 'function',
      language: (stringOf(options.get('language')) ?? 'sql').toLowerCase(),
      name: words(node.funcname as Node[]).join('.'),
      variables: new Set(variables),
    },
    body,
  }
}

/** Options by name. */
export function optionsOf(nodes: readonly Node[] | undefined): Map<string, Node | undefined> {
  return new Map(
    (nodes ?? []).flatMap((each) => {
      const option = as(each, 'DefElem')
      return option?.defname === undefined ? [] : [[option.defname, option.arg] as const]
    }),
  )
}

/** All locations at one place: better a coarse one than a wrong one. */
function pin(node: unknown, place: number): void {
  relocate(node, () => place)
}

function collectVariables(compiled: unknown, into: Set<string>): void {
  if (compiled === null || typeof compiled !== 'object') return
  if (Array.isArray(compiled)) {
    for (const each of compiled) collectVariables(each, into)
    return
  }
  const members = compiled as Record<string, unknown>
  if (typeof members.refname === 'string') into.add(members.refname)
  for (const child of Object.values(members)) collectVariables(child, into)
}

/** Where a query lies in a body. The INTO of a query is blanked out in what the compiler gives. */
function placeOf(query: string, body: string, from: number): number {
  const whole = body.indexOf(query, from)
  if (whole !== -1) return whole
  const [before = ''] = query.split(/\s{5,}/, 1)
  return before.trim().length < 6 ? -1 : body.indexOf(before, from)
}

interface Expression {
  readonly query: string
  /** 0 a statement, 2 an expression, 3 and more an assignment. */
  readonly mode: number
  readonly line: number
  /** The member of the PL/pgSQL statement in which it lies, and that statement's kind. */
  readonly role: string
  readonly of: string
}

function* expressions(value: unknown, line = 1, role = '', of = ''): Generator<Expression> {
  if (value === null || typeof value !== 'object') return
  if (Array.isArray(value)) {
    for (const each of value) yield* expressions(each, line, role, of)
    return
  }
  for (const [member, child] of Object.entries(value as Record<string, unknown>)) {
    if (member === 'PLpgSQL_expr') {
      const { query = '', parseMode = 0 } = child as { query?: string; parseMode?: number }
      yield { query, mode: parseMode, line, role, of }
      continue
    }
    // Variables know their lines too, but their defaults are found from the top.
    const lineno = (child as { lineno?: number } | null)?.lineno
    const inner = member.startsWith('PLpgSQL_stmt')
    yield* expressions(child, lineno ?? line, inner ? '' : member, inner ? member : of)
  }
}

interface Read {
  readonly kind: string
  readonly node: Record<string, unknown>
  readonly needle: string
  /** Characters of the parsed text before the needle. */
  readonly skipped: number
  readonly dynamic: boolean
  readonly sql: string
}

function readExpression({ query, mode, role, of }: Expression): Read[] {
  const executed = (of === 'PLpgSQL_stmt_dynexecute' || of === 'PLpgSQL_stmt_dynfors') && role === 'query'
  if (executed || role === 'dynquery') return [...readDynamic(query), ...readValue(query, query)]
  if (mode === 0) {
    const parsed = parse(query)
    if ('problem' in parsed) return []
    const performed = of === 'PLpgSQL_stmt_perform' ? 'SELECT '.length : 0
    return parsed.statements.map((each) => ({
      kind: each.kind,
      node: each.node,
      needle: query.slice(performed),
      skipped: performed,
      dynamic: false,
      sql: query,
    }))
  }
  if (mode === 2) return readValue(query, query)
  const value = query.replace(/^.*?:?=/s, '')
  return readValue(value, value)
}

function readValue(text: string, needle: string): Read[] {
  const node = parseExpression(text)
  const select = as(node, 'SelectStmt')
  if (select === undefined) return []
  return [
    {
      kind: 'SelectStmt',
      node: select as Record<string, unknown>,
      needle,
      skipped: 0,
      dynamic: false,
      sql: `SELECT ${text}`,
    },
  ]
}

/** The statement that `execute 'constant'` or `execute format('constant', …)` runs. */
function readDynamic(query: string): Read[] {
  const target = as(as(parseExpression(query), 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val
  const call = as(target, 'FuncCall')
  const text = lastWord(call?.funcname) === 'format' ? stringOf(call?.args?.[0]) : stringOf(target)
  if (text === undefined) return []
  const filled = text.replaceAll(/%(\d+\$)?([IsL])/g, (_, __, how: string) => (how === 'L' ? "'0'" : 'dynamic_name'))
  const parsed = parse(filled)
  if ('problem' in parsed) return []
  return parsed.statements.map((each) => {
    pin(each.node, 0)
    return { kind: each.kind, node: each.node, needle: query, skipped: 0, dynamic: true, sql: filled }
  })
}
