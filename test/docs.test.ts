import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS } from 'pgfleet'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** docs/errors.md, as ERRORS has it. */
function errorPage(): string {
  const rows = Object.entries(ERRORS).map(([code, kind]) => {
    const sqlstate = 'sqlstate' in kind ? kind.sqlstate : ''
    return `| \`${code}\` | ${kind.retryable ? 'yes' : 'no'} | ${sqlstate} | ${kind.summary} | ${kind.hint} |`
  })
  return `# Errors

Everything that pgfleet throws is a \`FleetError\` with one of these codes. Codes are never renamed. \`retryable\` says
whether the same call may succeed later without a change; it is also \`error.retryable\`. The SQLSTATE is the one by which
the SQL functions raise it, for those who call them directly. \`error.hint\` is the way out, more exact where more is known;
\`error.field\` names the argument at fault, \`error.cause\` is what the driver said.

Generated from \`src/errors.ts\`: \`npx vitest run test/docs.test.ts -u\` writes it anew.

| Code | Retryable | SQLSTATE | Meaning | Way out |
|---|---|---|---|---|
${rows.join('\n')}
`
}

test('docs/errors.md is the table of errors', async () => {
  await expect(errorPage()).toMatchFileSnapshot('../docs/errors.md')
})

test('no error can be confused with another by its SQLSTATE', () => {
  const states = Object.values(ERRORS).flatMap((kind) => ('sqlstate' in kind ? [kind.sqlstate] : []))
  expect(new Set(states).size).toBe(states.length)
})

test('every SQLSTATE that a function raises is in the table, and the other way round', async () => {
  const raised = new Set<string>()
  for (const file of await readdir(join(ROOT, 'sql/functions'), { recursive: true })) {
    if (!file.endsWith('.sql')) continue
    const text = await readFile(join(ROOT, 'sql/functions', file), 'utf8')
    for (const [, state] of text.matchAll(/errcode = '(PF\d{3})'/g)) raised.add(state as string)
  }
  const known = Object.values(ERRORS).flatMap((kind) => ('sqlstate' in kind ? [kind.sqlstate as string] : []))
  expect([...raised].sort()).toEqual(known.sort())
})

describe('links', async () => {
  const pages: string[] = []
  for (const folder of ['.', 'docs', 'bench', 'examples']) {
    const there = await readdir(join(ROOT, folder)).catch(() => [])
    pages.push(...there.filter((file) => file.endsWith('.md')).map((file) => join(folder, file)))
  }

  /** Headings as the anchors that GitHub makes of them. */
  const anchorsOf = (text: string) =>
    [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      (heading as string)
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    )

  test.each(pages)('of %s lead somewhere', async (page) => {
    const text = await readFile(join(ROOT, page), 'utf8')
    const links = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(
      ([, link]) => link as string,
    )
    for (const link of links.filter((each) => !/^[a-z]+:/.test(each))) {
      const [path, anchor] = link.split('#')
      const target = path ? join(ROOT, dirname(page), path) : join(ROOT, page)
      expect(
        await stat(target).then(
          () => true,
          () => false,
        ),
        link,
      ).toBe(true)
      if (anchor && target.endsWith('.md')) expect(anchorsOf(await readFile(target, 'utf8')), link).toContain(anchor)
    }
  })
})
