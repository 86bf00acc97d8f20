import type { Node } from 'libpg-query'
import { Catalog } from './catalog/catalog.js'
import { applyStatement } from './catalog/changes.js'
import { namesMade, type Prepare, type Refusal, refusedStatements } from './catalog/prepare.js'
import type { Trace, TraceProblem } from './catalog/trace.js'
import { type Configuration, levelIn } from './configuration.js'
import { type Document, readDocument } from './document.js'
import type { Finding, Level, Located, PgVersion, Pooling, Problem, Rule, Surroundings } from './rule.js'
import { ASKED, OWN_FINDINGS, RULES } from './rules/index.js'
import type { SettingsFile } from './settings/settings-file.js'
import type { Source } from './source.js'
import { loadParser } from './sql/parser.js'
import type { Statement } from './sql/statement.js'
import { as, columnOf, operatorOf, under } from './sql/tree.js'
import { suppressionsOf } from './suppression.js'

/** How to lint. */
export interface LintOptions {
  readonly version: PgVersion
  readonly pooling?: Pooling | undefined
  readonly configuration?: Configuration
  /** What a database holds; what the files create is added to it. */
  readonly catalog?: Catalog
  /** Asks a server whether it takes a statement. */
  readonly prepare?: Prepare
  /** Runs the files in a transaction that is rolled back. */
  readonly trace?: Trace
  readonly signal?: AbortSignal
}

/** What came of it. Findings are in the order of files, lines, columns and rules. */
export interface LintReport {
  readonly findings: readonly Located[]
  readonly suppressed: readonly Located[]
  readonly files: number
  readonly statements: number
}

/** Looks for problems in the sources. Nothing is run, but by `trace`; what does not parse is a finding. */
export async function lint(sources: readonly Source[], options: LintOptions): Promise<LintReport> {
  await loadParser()
  const catalog = options.catalog ?? new Catalog()
  const counted = new Set<string>()
  const made = new Set<string>()
  // Each source is read twice: first for what it creates. The trees of all at once would take too much memory.
  for (const [i, source] of sources.entries()) {
    options.signal?.throwIfAborted()
    // A program creates nothing; what matters of it are the columns that it updates.
    if (source.kind !== 'sql' && !(source.kind === 'ts' && /\bupdate\b/i.test(source.text))) continue
    const document = readDocument(source)
    for (const name of namesMade(document)) made.add(name)
    for (const statement of document.statements) {
      if (source.kind === 'sql') applyStatement(catalog, statement)
      for (const column of countedColumns(statement)) counted.add(column)
      statement.forget()
    }
    // Thousands of files are read without holding up what else the process does.
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const found: Located[] = []
  const suppressed: Located[] = []
  let statements = 0
  for (const [i, source] of sources.entries()) {
    options.signal?.throwIfAborted()
    const document = readDocument(source)
    const refusals =
      options.prepare === undefined ? [] : await refusedStatements(document, made, options.prepare, options.signal)
    const traced = options.trace === undefined ? [] : await options.trace(document, options.signal)
    statements += document.statements.length
    const surroundings: Surroundings = {
      catalog,
      version: options.version,
      pooling: options.pooling,
      counted,
      statements: document.statements,
    }
    const located = [...problemsOf(document, surroundings), ...refused(refusals), ...tracedOf(traced)].flatMap(
      ({ rule, problem, start }) => {
        const level = levelOf(rule, problem, document.source, options.configuration)
        return level === 'off' ? [] : [locate(document.source, rule, problem, start, level)]
      },
    )
    const { kept, silenced, own } = suppress(document, located, options)
    found.push(...[...kept, ...own].sort(byPlace))
    suppressed.push(...silenced.sort(byPlace))
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return { findings: unique(found), suppressed: unique(suppressed), files: sources.length, statements }
}

function refused(refusals: readonly Refusal[]): Raw[] {
  return refusals.map(({ statement, message, at }) => ({
    rule: OWN_FINDINGS.refused,
    problem: { at, message },
    start: statement.start,
  }))
}

function tracedOf(problems: readonly TraceProblem[]): Raw[] {
  return problems.map(({ kind, statement, at, message }) => ({
    rule: OWN_FINDINGS[kind],
    problem: { at, message },
    start: statement.start,
  }))
}

type RuleText = Pick<Rule, 'id' | 'level' | 'remedy'>

interface Raw {
  readonly rule: RuleText
  readonly problem: Problem
  /** Where the statement begins, for problems without a place of their own. */
  readonly start: number
}

function* problemsOf(document: Document, surroundings: Surroundings): Generator<Raw> {
  const { statements, settings, program, problems } = document
  for (const { at, message } of problems) yield { rule: OWN_FINDINGS.syntax, problem: { at, message }, start: at }
  for (const statement of statements) {
    for (const rule of RULES) {
      if (rule.on !== 'sql') continue
      for (const problem of rule.check(statement, surroundings)) yield { rule, problem, start: statement.start }
    }
    statement.forget()
  }
  for (const rule of RULES) {
    if (rule.on === 'sql') continue
    if (rule.on === 'ts') {
      if (program === undefined) continue
      for (const problem of rule.check(program, surroundings)) yield { rule, problem, start: 0 }
    } else {
      const file: SettingsFile | undefined = settings?.kind === rule.on ? settings : undefined
      if (file === undefined) continue
      for (const problem of rule.check(file, surroundings)) yield { rule, problem, start: 0 }
    }
  }
}

function levelOf(rule: RuleText, problem: Problem, source: Source, config: Configuration | undefined): Level | 'off' {
  const level = problem.level ?? rule.level
  return config === undefined ? level : levelIn(config, source.path, rule.id, level)
}

function locate(source: Source, rule: RuleText, problem: Problem, start: number, level: Level): Located {
  const offset = problem.at ?? start
  const { line, column } = source.position(offset)
  const finding: Finding = {
    rule: rule.id,
    level,
    path: source.path,
    line,
    column,
    message: problem.message,
    remedy: problem.remedy ?? rule.remedy,
    excerpt: source.line(line),
    fixable: problem.fix !== undefined,
  }
  return { finding, source, fix: problem.fix, offset }
}

function suppress(document: Document, located: readonly Located[], { prepare, trace }: LintOptions) {
  const suppressions = suppressionsOf(document)
  const used = new Set<string>()
  const kept: Located[] = []
  const silenced: Located[] = []
  for (const each of located) {
    const { rule, line } = each.finding
    const by = suppressions.find(
      (one) => one.reason !== '' && one.rules.includes(rule) && one.from <= line && one.to >= line,
    )
    if (by === undefined) {
      kept.push(each)
      continue
    }
    used.add(`${by.at} ${rule}`)
    silenced.push({ ...each, finding: { ...each.finding, suppressed: by.reason } })
  }
  const known = new Set<string>([...RULES.map(({ id }) => id), ...Object.values(OWN_FINDINGS).map(({ id }) => id)])
  const own = suppressions.flatMap((one) => {
    const say = (rule: RuleText, message: string) =>
      locate(document.source, rule, { at: one.at, message }, one.at, rule.level as Level)
    if (one.reason === '') return [say(OWN_FINDINGS.invalid, 'a suppression without a reason suppresses nothing')]
    return one.rules.flatMap((rule) => {
      if (!known.has(rule)) return [say(OWN_FINDINGS.invalid, `there is no rule "${rule}"`)]
      if (ASKED.has(rule) && prepare === undefined && trace === undefined) return []
      return used.has(`${one.at} ${rule}`) ? [] : [say(OWN_FINDINGS.unused, `nothing here breaks the rule "${rule}"`)]
    })
  })
  return { kept, silenced, own }
}

function byPlace(a: Located, b: Located): number {
  return (
    a.finding.line - b.finding.line ||
    a.finding.column - b.finding.column ||
    (a.finding.rule < b.finding.rule ? -1 : a.finding.rule > b.finding.rule ? 1 : 0)
  )
}

/** One finding of a rule a place. */
function unique(located: readonly Located[]): Located[] {
  const seen = new Set<string>()
  return located.filter(({ finding }) => {
    const key = `${finding.path}\n${finding.line}:${finding.column}\n${finding.rule}\n${finding.message}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** Columns that an update computes from themselves or from an upsert's values, as `table.column`. */
function countedColumns(statement: Statement): string[] {
  const found: string[] = []
  const take = (table: string | undefined, targets: readonly Node[] | undefined) => {
    for (const each of targets ?? []) {
      const target = as(each, 'ResTarget')
      if (target?.name === undefined || table === undefined) continue
      const value = columnOf(target.val)
      const isCopied = value?.qualifier === 'excluded' && value.name === target.name
      const isComputed = under(target.val, 'A_Expr').some(
        (each) =>
          /^[-+*/]$/.test(operatorOf({ A_Expr: each }) ?? '') &&
          under({ A_Expr: each }, 'ColumnRef').some((one) => columnOf({ ColumnRef: one })?.name === target.name),
      )
      const isOwn = isCopied || isComputed
      if (isOwn) found.push(`${table}.${target.name}`)
    }
  }
  for (const { node } of statement.all('UpdateStmt')) take(node.relation?.relname, node.targetList)
  for (const { node } of statement.all('InsertStmt')) take(node.relation?.relname, node.onConflictClause?.targetList)
  return found
}
