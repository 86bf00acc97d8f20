import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { lint } from '../../dist/lint/lint.js'
import { RULES as OUR_RULES } from '../../dist/lint/rules/index.js'
import { Source } from '../../dist/lint/source.js'

// squawk is the migration linter that most know. Over the product's own migrations both have to agree, or the difference is
// argued here.
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Squawk {
  readonly file: string
  readonly line: number
  readonly rule_name: string
}

/** squawk's rules that speak here, what ours is called, and why ours may be silent where squawk speaks. */
const RULES: Readonly<Record<string, { readonly ours: string; readonly silent: string }>> = {
  'ban-drop-table': {
    ours: 'drop-table',
    silent: 'the table got its name in the same file, by which a new one took its place, and its rows were copied',
  },
  'require-lock-timeout': {
    ours: 'lock-timeout-missing',
    silent: 'nothing but what the file itself creates is locked, so nobody can wait for it',
  },
  'require-statement-timeout': {
    ours: 'lock-timeout-missing',
    silent: 'a long statement that holds up nobody may be long; what holds up others is bounded by the lock_timeout',
  },
  'require-concurrent-index-creation': {
    ours: 'index-without-concurrently',
    silent:
      'the file argues it: a partitioned table cannot have it built so; no row of it is in the index yet, or the head tells the time',
  },
  'require-concurrent-index-deletion': {
    ours: 'drop-index-without-concurrently',
    silent: 'the file argues it: an index of a partitioned table, made anew in the next statement under the same lock',
  },
  'prefer-bigint-over-int': {
    ours: 'integer-key',
    silent: 'the columns are counts, sizes and settings with checks on their range; only keys from sequences run out',
  },
  'prefer-bigint-over-smallint': {
    ours: 'integer-key',
    silent: 'the column is the number of one of four slots of a ring',
  },
}

const run = (files: readonly string[]) =>
  new Promise<Squawk[]>((resolve, reject) => {
    const parameters = ['--reporter', 'Json', '--assume-in-transaction', '--pg-version', '17.0', ...files]
    execFile(
      join(ROOT, 'node_modules/.bin/squawk'),
      parameters,
      { cwd: ROOT, maxBuffer: 50_000_000 },
      (error, stdout) => {
        // It exits with 1 when it found something.
        if (stdout === '') reject(error ?? new Error('squawk said nothing'))
        else resolve(JSON.parse(stdout) as Squawk[])
      },
    )
  })

const migrations = (await readdir(join(ROOT, 'sql/migrations')))
  .filter((file) => file.endsWith('.sql') && !file.endsWith('.down.sql'))
  .sort()
  .map((file) => `sql/migrations/${file}`)

test('over the migrations both find the same, or the difference is argued', async () => {
  const sources = await Promise.all(
    migrations.map(async (file) => new Source(file, 'sql', await readFile(join(ROOT, file), 'utf8'))),
  )
  const { findings } = await lint(sources, { version: 17 })
  const ours = findings.map(({ finding }) => finding)
  const theirs = await run(migrations)
  // Nothing that squawk says is of a kind that nobody looked at.
  expect([...new Set(theirs.map(({ rule_name }) => rule_name))].filter((rule) => RULES[rule] === undefined)).toEqual([])
  // Ours at warning or above are found by squawk too, in the same file.
  const alone = ours.filter(
    ({ level, path, rule }) =>
      level !== 'info' && !theirs.some((each) => each.file === path && RULES[each.rule_name]?.ours === rule),
  )
  expect(alone).toEqual([])
  // And where both speak of tables that are dropped, they differ by the argued one alone.
  const dropped = theirs
    .filter(({ rule_name }) => rule_name === 'ban-drop-table')
    .map(({ file, line }) => `${file}:${line + 1}`)
  const found = ours.filter(({ rule }) => rule === 'drop-table').map(({ path, line }) => `${path}:${line}`)
  expect(dropped.filter((place) => !found.includes(place))).toEqual(['sql/migrations/0003_pattern_partitions.sql:69'])
})

/** A change of each kind, with what squawk and we call it. */
const CHANGES: readonly (readonly [sql: string, squawk: string, ours: string])[] = [
  ['create index i on jobs (name);', 'require-concurrent-index-creation', 'index-without-concurrently'],
  ['drop index i;', 'require-concurrent-index-deletion', 'drop-index-without-concurrently'],
  ['alter table jobs add constraint c check (n > 0);', 'constraint-missing-not-valid', 'constraint-without-not-valid'],
  [
    'alter table jobs add constraint f foreign key (a) references b (id);',
    'adding-foreign-key-constraint',
    'constraint-without-not-valid',
  ],
  ['alter table jobs add constraint u unique (name);', 'disallowed-unique-constraint', 'constraint-builds-index'],
  ['alter table jobs add primary key (id);', 'adding-serial-primary-key-field', 'constraint-builds-index'],
  ['alter table jobs add column n int not null;', 'adding-required-field', 'add-column-not-null'],
  [
    'alter table jobs add column u uuid default gen_random_uuid();',
    'adding-field-with-default',
    'add-column-volatile-default',
  ],
  ['alter table jobs alter column n set not null;', 'adding-not-nullable-field', 'set-not-null'],
  ['alter table jobs alter column n type bigint;', 'changing-column-type', 'change-type'],
  ['alter table jobs drop column n;', 'ban-drop-column', 'drop-table'],
  ['alter table jobs rename column n to m;', 'renaming-column', 'rename'],
  ['alter table jobs rename to tasks;', 'renaming-table', 'rename'],
  ['alter table jobs alter column n drop not null;', 'ban-drop-not-null', 'drop-not-null'],
  ['drop database app;', 'ban-drop-database', 'drop-cascade'],
  ['truncate jobs cascade;', 'ban-truncate-cascade', 'drop-cascade'],
  ['create table a (code char(3));', 'ban-char-field', 'column-type'],
  ['create table a (at timestamp);', 'prefer-timestamp-tz', 'column-type'],
  ['create table a (id serial);', 'prefer-identity', 'integer-key'],
  [
    'begin; create index concurrently i on jobs (name); commit;',
    'ban-concurrent-index-creation-in-transaction',
    'not-in-transaction',
  ],
]

test.each(CHANGES)('%s is found by both', async (sql, squawk, ours) => {
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises')
  const { tmpdir } = await import('node:os')
  const folder = await mkdtemp(join(tmpdir(), 'pgfleet-squawk-'))
  try {
    await writeFile(join(folder, 'a.sql'), sql)
    expect((await run([join(folder, 'a.sql')])).map((each) => each.rule_name)).toContain(squawk)
  } finally {
    await rm(folder, { recursive: true })
  }
  const { findings } = await lint([new Source('a.sql', 'sql', sql)], { version: 17 })
  expect(findings.map(({ finding }) => finding.rule)).toContain(ours)
})

/** What squawk has besides: the rule of ours, or why there is none. */
const OTHERS: Readonly<Record<string, string>> = {
  'ban-alter-domain-with-add-constraint': 'constraint-without-not-valid',
  'ban-create-domain-with-constraint':
    'A domain that is created has no column yet, so nothing is locked; a check on it holds for all its columns alike.',
  'ban-uncommitted-transaction': 'transaction-nesting',
  'identifier-too-long': 'identifier-too-long',
  'prefer-repack': 'rewrite-table',
  'prefer-robust-stmts':
    'A migration in a transaction is whole or not there. IF NOT EXISTS beside what runs alone may leave an invalid index behind unseen.',
  'prefer-text-field':
    'varchar(n) costs nothing; what hurts is changing it, which change-type tells, and hashes in it, which text-hash tells.',
  'require-concurrent-partition-detach': 'detach-without-concurrently',
  'require-concurrent-reindex': 'reindex-without-concurrently',
  'require-enum-value-ordering':
    'ADD VALUE without BEFORE or AFTER puts it last, which is what is nearly always meant.',
  'require-table-schema': 'Which schema is meant is for the search_path to say, and tools set it for a reason.',
  'transaction-nesting': 'transaction-nesting',
}

test('each rule of squawk has one of ours, or a reason why not', async () => {
  const ours = new Set(OUR_RULES.map(({ id }) => id))
  for (const [theirs, mine] of Object.entries(OTHERS)) {
    expect(ours.has(mine) || mine.endsWith('.'), theirs).toBe(true)
    // squawk refuses names that it does not know.
    await run(['--exclude', theirs, migrations[0] ?? ''])
  }
})
