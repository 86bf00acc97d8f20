import {
  alterSystemSettings,
  readPgbouncerIni,
  readPostgresqlConf,
  type SettingsFile,
} from './settings/settings-file.js'
import { isExtensionScript, isMigration, type Source } from './source.js'
import { readBody } from './sql/body.js'
import { parse, relocate } from './sql/parser.js'
import { readScript } from './sql/script.js'
import { Statement, type Transaction } from './sql/statement.js'
import { type Program, readProgram } from './typescript/program.js'
import { sqlLiterals } from './typescript/sql-literal.js'

/** A source, read: what the rules look at. */
export interface Document {
  readonly source: Source
  /** All statements in order, those of bodies behind the one that holds them. */
  readonly statements: readonly Statement[]
  readonly settings: SettingsFile | undefined
  readonly program: Program | undefined
  /** What could not be parsed. */
  readonly problems: readonly { readonly at: number; readonly message: string }[]
}

/** Reads a source by its kind. What does not parse becomes a problem; nothing is thrown for it. */
export function readDocument(source: Source): Document {
  const empty = { source, statements: [], settings: undefined, program: undefined, problems: [] }
  switch (source.kind) {
    case 'sql':
      return readSql(source)
    case 'ts':
      return readTypeScript(source)
    case 'postgresql.conf':
      return { ...empty, ...withProblems(readPostgresqlConf(source)) }
    case 'pgbouncer.ini':
      return { ...empty, ...withProblems(readPgbouncerIni(source)) }
  }
}

const withProblems = (settings: SettingsFile) => ({ settings, problems: settings.unread })

/** psql's own commands, and data behind COPY FROM stdin, are no SQL: blanks take their place. */
function withoutPsql(text: string): string {
  if (!/^\\|\\g|^copy\b[^;]*\bfrom\s+stdin/im.test(text)) return text
  const blank = (part: string) => part.replaceAll(/[^\n]/g, ' ')
  return (
    text
      .replaceAll(
        /^(copy\b[^;]*\bfrom\s+stdin[^;]*;[ \t]*\r?\n)((?:(?!\\\.).*\n)*)(\\\..*)?/gim,
        (_, copy: string, data: string, end = '') => blank(copy) + blank(data) + blank(end as string),
      )
      // \g and its like send what stands before them.
      .replaceAll(/\\(?:g|gx|gset|gexec|gdesc|crosstabview|watch)\b.*$/gm, (part) => `;${blank(part).slice(1)}`)
      .replaceAll(/^\\.*$/gm, blank)
  )
}

/** Each variable of psql becomes a name or a string of the same length. */
function withoutVariables(text: string): string {
  return text.replaceAll(/(?:(?<![:\w\]])|(?<=::)):(?=['"]?[A-Za-z_])/g, ' ')
}

/** What CREATE EXTENSION fills into a script, @extschema@ and its like, becomes a name of the same length. */
function withoutPlaces(text: string): string {
  return text.replaceAll(/@ext(?:schema(?::\w+)?|owner)@/g, (place) => place.replaceAll(/[@:]/g, '_'))
}

function readSql(source: Source): Document {
  const text = withoutPlaces(withoutPsql(source.text))
  const migration = isMigration(source.path)
  const statements: Statement[] = []
  const plain = readScript(text)
  // psql's variables, :name, :'name' and :"name", are looked for where there would be no SQL otherwise.
  const hasVariables = plain.problems.some(({ message }) => message.includes('":"'))
  const filled = hasVariables ? withoutVariables(text) : text
  const whole = hasVariables ? readScript(filled) : plain
  const problems = whole.problems.map(({ offset, message }) => ({ at: offset, message }))
  const isWrapped = (migration && !runsOutside(source.text)) || isExtensionScript(source.path)
  let transaction: Transaction = isWrapped ? 'inside' : 'outside'
  whole.statements.forEach((each, index) => {
    const kind = (each.node as { kind?: string }).kind
    if (each.kind === 'TransactionStmt' && /_(BEGIN|START)$/.test(kind ?? '')) transaction = 'inside'
    const place = { source, index, migration }
    statements.push(new Statement({ ...each, ...place, transaction, sql: text.slice(each.start, each.end) }))
    if (each.kind === 'TransactionStmt' && /_(COMMIT|ROLLBACK)$/.test(kind ?? '')) transaction = 'outside'
    const body = readBody(filled, each.kind, each.node, each.start, each.end)
    for (const inner of body.statements) statements.push(new Statement({ ...inner, ...place, transaction: 'inside' }))
    if (body.problem !== undefined) problems.push({ at: body.problem.offset, message: body.problem.message })
  })
  return { source, statements, settings: alterSystemSettings(source, statements), program: undefined, problems }
}

/** Whether the comments of a migration say that it runs outside a transaction, in the words of the usual tools. */
function runsOutside(text: string): boolean {
  return /^\s*(?:--|\/\*).*(?:no[-_ ]?transaction|transaction\s*[:=]\s*false|executeInTransaction\s*=\s*false|outside (?:of )?a transaction|disable_ddl_transaction)/im.test(
    text,
  )
}

function readTypeScript(source: Source): Document {
  let program: Program
  try {
    program = readProgram(source)
  } catch (error) {
    const at = (error as { pos?: number }).pos ?? 0
    const message =
      error instanceof RangeError
        ? 'nested too deeply to be looked at'
        : (error as Error).message.replace(/\s*\(\d+:\d+\)$/, '')
    return { source, statements: [], settings: undefined, program: undefined, problems: [{ at, message }] }
  }
  const statements: Statement[] = []
  const problems: { at: number; message: string }[] = []
  sqlLiterals(program).forEach((literal, index) => {
    if (literal.problem !== undefined) problems.push({ at: literal.problem.offset, message: literal.problem.message })
    const parsed = parse(literal.sql)
    if ('problem' in parsed) return
    let transaction: Transaction = 'unknown'
    const place = { source, index, migration: false, composed: literal.composed }
    for (const each of parsed.statements) {
      const kind = (each.node as { kind?: string }).kind
      if (each.kind === 'TransactionStmt') transaction = /_(BEGIN|START)$/.test(kind ?? '') ? 'inside' : 'unknown'
      const body = readBody(literal.sql, each.kind, each.node, each.start, each.end)
      const all = [{ ...each, transaction, sql: literal.sql.slice(each.start, each.end) }]
      const inner = body.statements.map((one) => ({ ...one, transaction: 'inside' as const }))
      for (const one of [...all, ...inner]) {
        relocate(one.node, literal.place)
        const [start, end] = [literal.place(one.start), Math.max(literal.place(one.end), literal.place(one.start) + 1)]
        statements.push(new Statement({ ...one, ...place, start, end }))
      }
    }
  })
  return { source, statements, settings: undefined, program, problems }
}
