import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { lint } from '../../dist/lint/lint.js'
import { Source, type SourceKind } from '../../dist/lint/source.js'

// The documents that describe the systems pgfleet unites lie beside the repository, where they are there at all.
const FOLDERS = ['../../../shared/sources/', '../../../../shared/sources/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)
const FOLDER = FOLDERS.find((folder) => existsSync(folder))

/** The rules that have to speak about the code blocks of each. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  'ci-cd-tuning.md': [
    'blocking-by-join',
    'gin-on-scalar',
    'not-in-transaction',
    'pool-option',
    'relation-name-joined',
    'rollback-hides-error',
    'superuser-setting',
    'text-search-null',
    'unknown-system-column',
    'volatile-index',
    'cumulative-hit-ratio',
    'checkpoint-by-size',
  ],
  'llmspell-tuning.md': [
    'bloat-from-size',
    'detach-without-concurrently',
    'drop-index-without-concurrently',
    'duplicate-name',
    'memory-sum',
    'offset-pagination',
    'pooler-listen',
    'pooler-prepared-statements',
    'pooler-setting',
    'session-setting',
    'table-vacuum-cost',
    'unknown-system-column',
    'volatile-index',
    'select-star',
  ],
  'metadata-updates.md': ['buffer-cleared-after-await', 'extract-field', 'query-in-loop'],
  'q-learning-tuning.md': [
    'constant-index-key',
    'index-breaks-hot',
    'memory-sum',
    'policy-setting',
    'pooler-auth',
    'pooler-sum',
    'row-security-not-forced',
    'upsert-averages',
    'upsert-keeps-expiry',
    'upsert-loses-update',
    'vacuum-budget',
    'numeric-measure',
  ],
}
const KINDS: Readonly<Record<string, SourceKind>> = {
  sql: 'sql',
  typescript: 'ts',
  javascript: 'ts',
  ini: 'postgresql.conf',
  conf: 'postgresql.conf',
}

test.skipIf(FOLDER === undefined).each(Object.entries(EXPECTED))(
  `what is wrong in %s is found${FOLDER === undefined ? ' [the documents are not beside the repository]' : ''}`,
  async (document, expected) => {
    const text = await readFile(`${FOLDER}${document}`, 'utf8')
    const blocks = [...text.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```/gm)]
    const sources = blocks.flatMap(([, language = '', code = ''], i) => {
      const kind = code.includes('[pgbouncer]') ? 'pgbouncer.ini' : KINDS[language]
      return kind === undefined ? [] : [new Source(`${i}.${kind}`, kind, code)]
    })
    const { findings } = await lint(sources, { version: 18, pooling: 'transaction' })
    const found = new Set(findings.map(({ finding }) => finding.rule))
    expect(expected.filter((rule) => !found.has(rule))).toEqual([])
  },
)
