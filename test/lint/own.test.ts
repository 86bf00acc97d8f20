import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { fits, readConfiguration } from '../../dist/lint/configuration.js'
import { readSources } from '../../dist/lint/files.js'
import { lint } from '../../dist/lint/lint.js'
import { isAtLeast } from '../../dist/lint/reports/text.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

test('the product itself has nothing of warning level or above that is not argued', async () => {
  const configuration = await readConfiguration(`${ROOT}.pgfleet-lint.json`, { required: true })
  const sources = await readSources([`${ROOT}sql`, `${ROOT}src`, `${ROOT}scripts/services`], {
    stdin: () => Promise.reject(new Error('not asked for')),
  })
  expect(sources.length).toBeGreaterThan(400)
  const { findings } = await lint(sources, { version: 17, pooling: 'transaction', configuration })
  const bad = findings.map(({ finding }) => finding).filter(({ level }) => isAtLeast(level, 'warning'))
  expect(bad.map(({ path, line, rule, message }) => `${path.replace(ROOT, '')}:${line} ${rule}: ${message}`)).toEqual(
    [],
  )
})

test('no override of the configuration is left that fits no file', async () => {
  const { overrides } = await readConfiguration(`${ROOT}.pgfleet-lint.json`, { required: true })
  const sources = await readSources([`${ROOT}sql`, `${ROOT}src`, `${ROOT}scripts/services`], {
    stdin: () => Promise.reject(new Error('not asked for')),
  })
  for (const { files } of overrides) {
    for (const pattern of files)
      expect(
        sources.some(({ path }) => fits(pattern, path)),
        pattern,
      ).toBe(true)
  }
})
