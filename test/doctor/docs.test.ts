// docs/doctor.md and a page a check are written from the checks themselves: npx vitest run test/doctor/docs.test.ts -u
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { AREAS, type Check } from '../../dist/doctor/check.js'
import { CHECKS } from '../../dist/doctor/checks/index.js'
import { THRESHOLDS } from '../../dist/doctor/thresholds.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const thresholdTable = (names: readonly (keyof typeof THRESHOLDS)[]) =>
  [
    '| threshold | default | meaning |',
    '|---|---|---|',
    ...names.map(
      (name) => `| \`${name}\` | ${THRESHOLDS[name].value.toLocaleString('en-US')} | ${THRESHOLDS[name].meaning} |`,
    ),
  ].join('\n')

function page(check: Check): string {
  const { id, title, area, level, depth = 'catalog', versions, needs = {}, why, when, advice, uses = [] } = check
  const terms = [
    `area ${area}`,
    `up to ${level}`,
    ...(depth === 'catalog' ? [] : [`with \`--${depth}\``]),
    ...(versions?.from === undefined ? [] : [`PostgreSQL ${versions.from} and newer`]),
    ...(needs.extension === undefined ? [] : [`with the extension \`${needs.extension}\``]),
    ...(needs.also === undefined ? [] : [`and \`${needs.also}\``]),
    ...(needs.fact === 'memory' ? ['the memory of the machine has to be known: `--memory`'] : []),
    ...(needs.fact === 'baseline' ? ['with `--baseline`'] : []),
    ...(needs.relation === undefined ? [] : [`with the table \`${needs.relation}\``]),
    ...(needs.rights === undefined ? [] : [`needs ${needs.rights}`]),
  ]
  return `# ${id}

${title}: ${terms.join('; ')}.

${why}

## When

${when}
${uses.length === 0 ? '' : `\n${thresholdTable(uses)}\n`}
## What to do

${advice}
`
}

const overview = () => `# pgfleet doctor

\`\`\`
npx pgfleet doctor postgres://monitor@db.example/shop
\`\`\`

Examines any PostgreSQL 15 to 18, with or without pgfleet's schema: what is wrong, how it was seen, why it matters, what to do,
which lock that takes and how it is undone. It changes nothing: one connection, one read-only transaction a check, each with a
time limit of its own (\`--timeout\`, 5 s), and no wait for a lock beyond 0.2 s. It works through a pooler in transaction mode.
With 1,000 tables and 5,000 indexes the checks took about half a second at the default depth, and the whole program 0.6 to 0.8 s with 82 MB of memory, on two cores
with nothing else to do; with other work besides the checks took 0.8 to 2.1 s.

Each of its ${CHECKS.length} checks ends in one of four ways: it found something; it found nothing; there is nothing of the kind here; or it
could not look, and says why. A role with \`pg_monitor\` sees most. What it does not see: \`pg_stats\` of tables that it may not
read (\`pg_read_all_data\` helps), and \`pg_authid\` (superusers alone). How much a check could examine of how much is told.

## Depth

| option | looks at |
|---|---|
| none | catalogue and statistics |
| \`--sample 60s\` | also watches the server for so long: what statements and waits take the time now, and what is written |
| \`--deep\` | also reads tables and indexes, the largest first, for at most \`--budget\` (5m): free space, by pgstattuple where it is installed; recall of vector indexes, of old and new rows, of each tenant and with more effort; searches with a filter |

\`--memory 64GB\` tells the memory of the server's machine where the server cannot: it reads it from the files of its machine when the
login may, the control group's limit before the machine's. \`--disk-free 80GB\` tells what its disk has free, which no SQL can see: with it
growth since the baseline, and while sampling, is told in days that are left.

## Levels, and for CI

\`error\`: data or service is at risk. \`warning\`: it will cost. \`info\`: worth knowing. The order of the fixes is told at the end.

| exit code | meaning |
|---|---|
| 0 | nothing at \`--level\` (default \`warning\`) or above |
| 1 | findings at that level or above |
| 2 | wrong usage, or the database cannot be examined: no connection, wrong password, no PostgreSQL 15 to 18 |
| 130 | interrupted |

\`--format json\` (or \`--json\`), \`markdown\` and \`sarif\` (2.1.0) are for programs; \`--show warning\` leaves out what is only worth
knowing; \`--check ID...\` asks some only, \`--list\` lists them. Literals of SQL are struck out in every format, and passwords are never shown.

The JSON document has \`findings\` (the gravest first: \`check\`, \`level\`, \`object\`, \`summary\`, \`evidence\`, \`remedy\` with \`text\`, \`sql\`, \`lock\` and
\`undo\`, \`order\`, \`fingerprint\`), \`results\` (of every check its \`outcome\`, \`examined\` of \`total\`, and the \`reason\` where it could not look),
\`ignored\`, \`known\`, \`server\`.

\`--write-baseline FILE\` keeps the fingerprints of what is there, the settings and the size of the databases; with \`--baseline FILE\` only what is new is shown and
counts for the exit code, and [settings-drift](doctor/settings-drift.md) and
[database-growth](doctor/database-growth.md) compare the settings and the sizes.

\`.pgfleet-doctor.json\` in the working directory (or \`--config FILE\`):

\`\`\`json
{
  "thresholds": { "idleInTransactionS": 60 },
  "levels": { "point-in-time": "off", "unused-index": "warning" },
  "ignore": [{ "fingerprint": "superusers:0123456789ab", "reason": "the provider's own roles" }]
}
\`\`\`

An entry of \`ignore\` that nothing fits any more is told. \`--threshold idleInTransactionS=5\` sets one for a run.

## The pooler

\`--pooler postgres://stats@pooler.example:6432/pgbouncer\` also asks PgBouncer's console (a user of \`stats_users\` is enough): clients that wait, the sum of
its pools against what the server allows, its version and its settings.

## Tenants

\`\`\`
npx pgfleet doctor --prove-tenancy --pooled-url postgres://app@pooler.example:6432/shop postgres://admin@db.example/shop
\`\`\`

proves that row-level security holds behind a pooler: see [prove-tenancy](doctor-tenancy.md).

## The checks
${AREAS.map(
  (area) => `
### ${area}

| check | finds | level |
|---|---|---|
${CHECKS.filter((check) => check.area === area)
  .map(
    ({ id, title, level, depth = 'catalog' }) =>
      `| [${id}](doctor/${id}.md) | ${title}${depth === 'catalog' ? '' : ` (\`--${depth}\`)`} | ${level} |`,
  )
  .join('\n')}
`,
).join('')}
## Thresholds

${thresholdTable(Object.keys(THRESHOLDS) as (keyof typeof THRESHOLDS)[])}
`

test('docs/doctor.md is what the checks say', async () => {
  await expect(overview()).toMatchFileSnapshot('../../docs/doctor.md')
})

describe('a page a check', () => {
  test.each(CHECKS.map((check) => [check.id, check] as const))('%s', async (id, check) => {
    await expect(page(check)).toMatchFileSnapshot(`../../docs/doctor/${id}.md`)
  })

  test('and no others', async () => {
    const pages = (await readdir(`${ROOT}docs/doctor`)).map((file) => file.replace('.md', ''))
    expect(pages.toSorted()).toEqual(CHECKS.map(({ id }) => id).toSorted())
  })
})

describe('the checks', async () => {
  const files = (await readdir(`${ROOT}src/doctor/checks`, { recursive: true })).filter((file) =>
    /\/.*\.ts$/.test(file),
  )

  test('are the files, a check a file, under its area and id', () => {
    expect(files.map((file) => file.replace('.ts', '')).toSorted()).toEqual(
      CHECKS.map(({ area, id }) => `${area}/${id}`).toSorted(),
    )
  })

  test('have ids of one form, and say all they have to', () => {
    for (const check of CHECKS) {
      expect(check.id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
      for (const text of [check.why, check.when, check.advice]) expect(text, check.id).toMatch(/[.)]$/)
    }
  })

  test('use every threshold, and name those that they use', async () => {
    const used = new Set(CHECKS.flatMap(({ uses = [] }) => uses))
    expect(Object.keys(THRESHOLDS).filter((name) => !used.has(name as keyof typeof THRESHOLDS))).toEqual([])
    for (const { area, id, uses = [] } of CHECKS) {
      const source = await readFile(`${ROOT}src/doctor/checks/${area}/${id}.ts`, 'utf8')
      const named = Object.keys(THRESHOLDS).filter((name) =>
        new RegExp(`\\b${name}\\b(?![-'])`).test(source.replace(/uses: \[[^\]]*\]/, '')),
      )
      for (const name of uses) expect(named, `${id} uses ${name}`).toContain(name)
    }
  })

  test('every one of them is tested: by a fault, or by its rows', async () => {
    const tests = (await readdir(`${ROOT}test/doctor`, { recursive: true })).filter(
      (file) => file.endsWith('.test.ts') && file !== 'docs.test.ts',
    )
    const texts = await Promise.all(tests.map((file) => readFile(`${ROOT}test/doctor/${file}`, 'utf8')))
    const missing = CHECKS.filter(({ id }) => !texts.some((text) => text.includes(`'${id}'`))).map(({ id }) => id)
    expect(missing).toEqual([])
  })
})

describe('advice', async () => {
  const everything = JSON.stringify(CHECKS.map(({ why, when, advice, title }) => [why, when, advice, title]))
  const sources = await Promise.all(
    CHECKS.map(
      async ({ area, id }) => [id, await readFile(`${ROOT}src/doctor/checks/${area}/${id}.ts`, 'utf8')] as const,
    ),
  )

  test('never locks everybody out, and never gives up durability for all', () => {
    for (const [id, source] of sources) {
      expect(source, id).not.toMatch(/sql: \[`?'?vacuum full/i)
      expect(source, id).not.toMatch(/reindex (index|table|database) (?!concurrently)/i)
      expect(source, id).not.toMatch(/sql: .*synchronous_commit.*off/i)
    }
    expect(everything).not.toMatch(/autovacuum = off|enable_seqscan = off|scram.*md5 instead/i)
  })

  test('names columns that the statistics have', () => {
    for (const [id, source] of sources) {
      // relname and indexrelname are theirs; pg_stats alone has tablename.
      for (const view of ['pg_stat_user_indexes', 'pg_stat_all_indexes', 'pg_stat_user_tables', 'pg_stat_all_tables'])
        expect(source, `${id}, ${view}`).not.toMatch(new RegExp(`${view} (\\w+)[\\s\\S]*\\b\\1\\.tablename`))
      expect(source, id).not.toMatch(/\b(total_time|mean_time|stddev_time)\b/)
      expect(source, id).not.toMatch(/schemaname \|\| '\.' \|\|/)
    }
  })
})
