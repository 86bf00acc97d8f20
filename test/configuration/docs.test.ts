// The table of formulas in docs/configuration.md is what the program works by.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { SETTING_GROUPS } from '../../dist/configuration/groups/index.js'

const PAGE = fileURLToPath(new URL('../../docs/configuration.md', import.meta.url))

test('docs/configuration.md has every setting with its formula', async () => {
  const page = await readFile(PAGE, 'utf8')
  const [before, rest = ''] = page.split('<!-- formulas -->\n')
  const [, after = rest] = rest.split('<!-- /formulas -->\n')
  const rows = SETTING_GROUPS.flatMap(({ title, settings }) => [
    `| **${title}** | | | |`,
    ...settings.map(
      ({ name, versions, formula, source, cost }) =>
        `| \`${name}\`${versions === undefined ? '' : ` (${versions[0]}${versions[1] === versions[0] ? '' : ` to ${versions[1]}`})`} | ${formula} | ${source} | ${cost} |`,
    ),
  ])
  const table = ['| setting | formula | source | when it is wrong |', '|---|---|---|---|', ...rows].join('\n')
  await expect(`${before}<!-- formulas -->\n${table}\n<!-- /formulas -->\n${after}`).toMatchFileSnapshot(PAGE)
})
