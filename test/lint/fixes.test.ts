import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readDocument } from '../../dist/lint/document.js'
import { applyFixes } from '../../dist/lint/fixes.js'
import { type LintReport, lint } from '../../dist/lint/lint.js'
import { Source, type SourceKind } from '../../dist/lint/source.js'
import { loadParser, parse } from '../../dist/lint/sql/parser.js'

await loadParser()

const report = (text: string, as: SourceKind = 'sql') =>
  lint([new Source(as === 'sql' ? 'a.sql' : as, as, text)], { version: 18, pooling: 'transaction' })
const fixed = async (text: string, as: SourceKind = 'sql') => applyFixes(await report(text, as))[0]?.text ?? text
const fixable = ({ findings }: LintReport) => findings.filter(({ fix }) => fix !== undefined)

/** The trees of a script, without places and without what a fix may change. */
function trees(text: string): unknown[] {
  const parsed = parse(text)
  if ('problem' in parsed) throw new Error(`${parsed.problem.message}: ${text}`)
  const RENAMED: Record<string, string> = {
    relname: 'tablename',
    indexrelname: 'indexname',
    total_exec_time: 'total_time',
  }
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip)
    if (typeof value === 'string') return RENAMED[value] ?? value
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(
      Object.entries(value)
        .filter(([member]) => !['location', 'concurrent', 'is_local'].includes(member))
        .map(([member, child]) => [member === 'relname' ? 'table' : member, strip(child)]),
    )
  }
  return parsed.statements.map(({ kind, node }) => [kind, strip(node)])
}

const STATEMENTS = [
  'create index i on jobs (name)',
  'CREATE UNIQUE INDEX if not exists "I j" ON jobs (name, id) where id > 0',
  'drop index i',
  'DROP INDEX IF EXISTS i',
  'reindex table jobs',
  "begin; set app.tenant = 'a'; commit",
  "BEGIN; SET SESSION app.tenant TO 'é😀'; COMMIT",
  'select tablename from pg_stat_user_tables',
  'select i.indexname, idx_scan from pg_stat_user_indexes i where i.idx_scan = 0',
  'select query, total_time from pg_stat_statements order by total_time desc',
  "select id from jobs where name = 'create index i on jobs (name)'",
  'update jobs set name = $1 where id = $2',
]
const BLANKS = fc.constantFrom(' ', '\n', '\r\n', '\t', ' -- 😀 é\n', ' /* create index; */ ', '\n\n')
const script = fc
  .array(fc.tuple(fc.constantFrom(...STATEMENTS), BLANKS, BLANKS), { minLength: 1, maxLength: 6 })
  .map((all) => all.map(([sql, before, between]) => `${before}${sql.replace(' ', between)};`).join(''))

test('a fixed script parses, says the same but for what is fixed, and leaves nothing to fix', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (text) => {
      const before = fixable(await report(text))
      const after = await fixed(text)
      expect(trees(after)).toEqual(trees(text))
      const rest = fixable(await report(after)).map(({ finding }) => finding.rule)
      expect(rest).toEqual([])
      expect(await fixed(after)).toBe(after)
      if (before.length > 0) expect(after).not.toBe(text)
    }),
    { numRuns: 200 },
  )
})

const LINES = {
  'pgbouncer.ini': [
    'pool_mode = transaction  ; comment',
    'pool_mode = session # a comment',
    'default_pool_size = 5',
    '; only a comment',
    'auth_type = scram-sha-256 ;x',
    '',
  ],
  'postgresql.conf': [
    'password_encryption = md5',
    "password_encryption = 'md5' # as ever",
    'work_mem = 4MB # comment',
    '# comment',
    '',
  ],
} as const

test.each(Object.entries(LINES))('fixed settings of %s are the same settings', async (as, lines) => {
  const kind = as as SourceKind
  const entries = (text: string) =>
    (readDocument(new Source(as, kind, text)).settings?.entries ?? []).map(({ name, value }) => [
      name,
      // What the fix is for: the comment that is no comment, and the hash.
      value.replace(/\s*[;#].*$/, '').replace(/^md5$/, 'scram-sha-256'),
    ])
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...lines), { maxLength: 6 }),
      fc.constantFrom('\n', '\r\n'),
      async (all, end) => {
        const text = [...(as === 'pgbouncer.ini' ? ['[pgbouncer]'] : []), ...all].join(end)
        const after = await fixed(text, kind)
        expect(entries(after)).toEqual(entries(text))
        expect(fixable(await report(after, kind))).toEqual([])
      },
    ),
    { numRuns: 100 },
  )
})
