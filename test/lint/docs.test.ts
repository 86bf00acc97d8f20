import { expect, test } from 'vitest'
import { PROBLEM_KINDS } from '../../dist/explain/problems/index.js'
import { OWN_FINDINGS, RULES } from '../../dist/lint/rules/index.js'
import { EXAMPLES } from './examples/index.js'

const code = (example: string | { text: string } | undefined) =>
  typeof example === 'string' ? example : (example?.text ?? '')

const KINDS = { sql: 'sql', ts: 'ts', 'postgresql.conf': 'conf', 'pgbouncer.ini': 'ini' } as const

function rulesPage(): string {
  const own = Object.values(OWN_FINDINGS).map(
    ({ id, level, summary, why, remedy }) => `### ${id}\n\n${level}. ${summary} ${why} ${remedy}\n`,
  )
  const rules = RULES.map(({ id, level, on, summary, why, remedy }) => {
    const { bad, good } = EXAMPLES[id] ?? { bad: [], good: [] }
    const fence = (text: string) => `\`\`\`${KINDS[on]}\n${text}\n\`\`\``
    return `### ${id}\n\n${level}. ${summary}\n\n${why}\n\n${remedy}\n\n${fence(code(bad[0]))}\n\nRight:\n\n${fence(code(good[0]))}\n`
  })
  return `# The rules of pgfleet lint

Generated from \`src/lint/rules\` and the tests' examples: \`npx vitest run test/lint/docs.test.ts -u\` writes it anew. How to run
the linter, and how to suppress a finding, is on [its page](lint.md).

The first word is the level: an error fails, loses data or shows it to the wrong people; a warning will hurt; info is worth
knowing.

## Of reading

${own.join('\n')}
## Rules

${rules.join('\n')}`
}

function problemsTable(): string {
  return PROBLEM_KINDS.map(
    ({ id, level, title, remedy }) => `| ${id} | ${level} | ${title} | ${remedy.replaceAll('|', '\\|')} |`,
  ).join('\n')
}

test('docs/lint-rules.md is the rules', async () => {
  await expect(rulesPage()).toMatchFileSnapshot('../../docs/lint-rules.md')
})

test('docs/explain.md holds the table of problems', async () => {
  const { readFile } = await import('node:fs/promises')
  const page = await readFile(new URL('../../docs/explain.md', import.meta.url), 'utf8')
  expect(page).toContain(problemsTable())
})
