// docs/checklist.md is written from the questions themselves: npx vitest run test/checklist/docs.test.ts -u
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CONCERNS, type Question } from '../../dist/checklist/question.js'
import { QUESTIONS } from '../../dist/checklist/questions/index.js'
import { CHECKS } from '../../dist/doctor/checks/index.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

function section({ id, question, why, how, mend, checks = [], level = 'warning' }: Question): string {
  const links = checks.map((check) => `[${check}](doctor/${check}.md)`).join(', ')
  const asked = `Findings of the doctor${level === 'info' ? '' : ', from a warning on'}: ${links}.`
  return `### ${id}

${question}

${why}${how === undefined ? '' : `\n\n${how}`}${checks.length === 0 ? '' : `\n\n${asked}`}

To mend it: ${mend}.`
}

const page = () => `# The checklist

\`pgfleet checklist\` asks whether a database is ready for production, and answers by looking.

\`\`\`sh
npx pgfleet checklist --url postgres://monitor@db.example/app --backups /var/backups/pgfleet
npx pgfleet checklist --without standby --format markdown > checklist.md
\`\`\`

It changes nothing in the database, each look is a read-only transaction with a limit of five seconds, and most questions stand on the checks of the
[doctor](doctor.md). An answer is one of four, each with its evidence:

| answer | means |
|---|---|
| yes | it was looked at, and is so |
| no | it is not; the command that mends it is named |
| cannot tell | what has to be given to know is named: an option, a right, an extension |
| not applicable | there is nothing of the kind here |

What no database can tell is given: \`--backups DIR\`, \`--rehearse URL\` (restores the newest backup into a scratch database of that server and drops it),
\`--pooler URL\` (the console of PgBouncer), \`--memory 64GB\`, \`--disk-free 80GB\`. \`--deep\` reads tables and indexes for five minutes at most.
\`--age-max\` (26h) is the oldest that the newest backup and the last runs of maintenance may be. \`--without ID...\` leaves out questions that do not
apply to an installation.

It prints a list, \`--format markdown\` a list of tasks for a ticket, \`--format json\` (or \`--json\`) a document. It exits with 0 when no question is
answered by no, with 1 when one is, and with 2 for wrong usage or a database that cannot be examined. A login with \`pg_monitor\` sees most of
the server; what a login may not see is answered by cannot tell.

What is not asked, because a number without its circumstances says nothing: a ratio of cache hits, counts of dead rows, the age of a table's last
vacuum, and whether every plan uses an index.
${CONCERNS.map(
  (concern) =>
    `\n## ${concern.charAt(0).toUpperCase()}${concern.slice(1)}\n\n${QUESTIONS.filter(
      (each) => each.concern === concern,
    )
      .map(section)
      .join('\n\n')}\n`,
).join('')}`

test('docs/checklist.md is the list of questions', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/checklist.md')
})

describe('questions', () => {
  test('have ids of their own, those of their files, in the folders of their concerns', async () => {
    const folder = join(ROOT, 'src/checklist/questions')
    const files = (await readdir(folder, { recursive: true })).filter(
      (file) => file.endsWith('.ts') && file !== 'index.ts',
    )
    expect(files.sort()).toEqual(QUESTIONS.map(({ id, concern }) => `${concern}/${id}.ts`).sort())
  })

  test('stand on checks that exist, or look themselves', () => {
    const ids = new Set(CHECKS.map(({ id }) => id))
    for (const { id, checks = [], ask } of QUESTIONS) {
      expect(
        checks.filter((check) => !ids.has(check)),
        id,
      ).toEqual([])
      expect(checks.length > 0 || ask !== undefined, id).toBe(true)
    }
  })

  // What lists of this kind ask for, in the order of two that are often copied, and what stands for it here.
  test.each([
    ['a server that is supported', ['versions']],
    ['memory settings', ['memory']],
    ['a pooler', ['pool']],
    ['all indexes', ['schema', 'indexes']],
    ['summaries refreshed', ['summaries']],
    ['statistics of statements', ['statement-statistics']],
    ['autovacuum for tables that are written a lot', ['vacuum']],
    ['dashboards', ['monitoring', 'logging']],
    ['alerts for latency, deadlocks, connections', ['incidents', 'connection-room', 'monitoring']],
    ['backups and an archive of the WAL', ['backup-recent', 'point-in-time']],
    ['expiry as a scheduled job', ['expiry', 'maintenance']],
    ['a test of load, look-ups within 5 ms', ['hot-operations']],
    ['no "too many connections"', ['connection-room', 'pool']],
    ['parameters of HNSW validated', ['vectors']],
    ['a small overhead of row-level security', ['policy-cost', 'tenant-policies']],
    ['partitions by the month, made by a job', ['partitions', 'maintenance']],
    ['plans reviewed', ['indexes', 'hot-operations']],
    ['backups that were tested', ['backup-restorable']],
  ])('cover %s', (_, ids) => {
    expect(ids.filter((id) => !QUESTIONS.some((question) => question.id === id))).toEqual([])
  })
})

/** Advice that was found wrong or dangerous, by its number in the list of errors of such documents, and how it would show. */
const WRONG: readonly (readonly [string, RegExp])[] = [
  ['1: now() in the predicate of an index', /create index[^;]*where[^;]*now\(\)/i],
  ['3: vacuum inside a block', /do \$\$[\s\S]*vacuum/i],
  ['4, 5: columns that statistics do not have', /pg_stat_user_(tables|indexes)[\s\S]{0,200}\b(tablename|indexname)\b/i],
  ['6: columns of before PostgreSQL 13', /\b(total_time|mean_time|stddev_time)\b/i],
  ['7: storage parameters of a partitioned parent', /alter table[^;]*set \(autovacuum[^;]*parent/i],
  ['10: pg_restore -t with a schema', /pg_restore -t \w+\./i],
  ['11: sizes by names put together', /pg_total_relation_size\([^)]*\|\|/i],
  ['12: a setting of the session for everybody', /\bset (session )?log_min_duration/i],
  ['13: no encryption', /sslmode=disable/i],
  [
    '14, 57: the tenant, or a search, set for the session',
    /(?<!alter system )\bset (?!local)(session )?(hnsw|app|pgfleet)\./i,
  ],
  ['15: measured as the owner, or with policies off', /disable row level security/i],
  ['16: the application as superuser', /postgres:\/\/postgres[:@]/i],
  ['18, 19: lost updates are acceptable', /lost updates?|commutative/i],
  ['21: ON CONFLICT is optimistic locking', /optimistic/i],
  ['22: serializable is many times slower', /serializable/i],
  ['23, 27, 28: indexes that hold what changes, or a constant', /include \(q_value/i],
  ['33, 34: bloat as a share of sizes', /bloat_pct|total_relation_size[^;]*\/[^;]*relation_size/i],
  ['35: REINDEX against dead rows or sequential scans', /\breindex (table|database|index)\b/i],
  ['36: VACUUM FULL as upkeep', /vacuum\s*(\(\s*)?full/i],
  ['37: a cost delay of 10 ms', /cost_delay\s*=\s*10/i],
  ['40: counts of dead rows, hours since a vacuum', /dead (tuples|rows) (>|over|more than) ?\d|last_autovacuum/i],
  ['41: MD5', /auth_type\s*=\s*md5|encryption\s*=\s*'?md5/i],
  ['42, 50: no prepared statements behind a pooler', /max_prepared_statements\s*=\s*0/i],
  ['43: every address, in the clear', /0\.0\.0\.0/],
  ['44: a pool for each database', /per database|per DB/i],
  ['45: asynchronous commits for all', /synchronous_commit\s*(=|to)\s*'?off/i],
  ['47: unlogged staging without a word', /create unlogged/i],
  ['48: dropping a schema to go back', /drop schema/i],
  ['51 to 54: VectorChord, memory by four bytes a link', /vectorchord|vchord/i],
  ['55, 56: m and ef_construction by a rule', /ef_construction|\bm = \d/i],
  ['59: rebuilding after a tenth of inserts', /rebuild[^.]*10 ?%/i],
  ['62: the tenant first in every index', /always[^.]*tenant/i],
  ['66: no sequential scans', /no sequential scan|sequential scans should/i],
  ['67: detaching without CONCURRENTLY', /detach partition(?! \S+ concurrently)/i],
  ['71: a cache that nobody invalidates', /redis/i],
  ['72: work_mem for every connection', /work_mem\s*=\s*\d/i],
  ['pools of cores times two and one', /(×|x|\*) ?2\)? ?\+ ?1/i],
  ['ratios of cache hits as an alarm', /hit ratio|blks_hit/i],
  ['scaling out from a number of rows', /million rows|1M rows/i],
  ['a version that gets no corrections', /PostgreSQL 1[0-4]\b/i],
]

describe('no wrong advice', async () => {
  const folder = join(ROOT, 'src/checklist')
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'))
  const texts = await Promise.all(
    files.map(async (file) => [file, await readFile(join(folder, file), 'utf8')] as const),
  )

  test.each(WRONG)('%s', (_, pattern) => {
    expect(texts.filter(([, text]) => pattern.test(text)).map(([file]) => file)).toEqual([])
    expect(pattern.test(page())).toBe(false)
  })
})
