import { expect, test } from 'vitest'
import { asyncForm } from '../../dist/database/statement.js'
import { MAINTENANCE_STATEMENTS } from '../../dist/maintenance/index.js'
import { DELIVERY_STATEMENTS } from '../../dist/stores/delivery/index.js'
import { LEARNING_STATEMENTS } from '../../dist/stores/learning/index.js'
import { MEMORY_STATEMENTS } from '../../dist/stores/memory/index.js'
import { METADATA_STATEMENTS } from '../../dist/stores/metadata/index.js'
import { TENANT_STATEMENTS } from '../../dist/tenants.js'
import { TUNING_STATEMENTS } from '../../dist/tuning/trial-records.js'
import { openTestFleet } from '../setup/index.js'

const fleet = await openTestFleet()
const statements = [
  ...LEARNING_STATEMENTS,
  ...MEMORY_STATEMENTS,
  ...DELIVERY_STATEMENTS,
  ...METADATA_STATEMENTS,
  ...TENANT_STATEMENTS,
  ...MAINTENANCE_STATEMENTS,
  ...TUNING_STATEMENTS,
]

test.each(statements)('$name fits the schema', async ({ text }) => {
  await fleet.database.lend(async (connection) => {
    await connection.query('begin')
    try {
      await connection.query(`prepare fits as ${text}`)
    } finally {
      await connection.query('rollback')
      await connection.query('deallocate all')
    }
  })
})

test('those of operations have a form whose commit does not wait', async () => {
  const operations = statements.filter(({ text }) => /\$1::text, \$2::jsonb/.test(text))
  expect(operations.length).toBeGreaterThan(50)
  await fleet.database.lend(async (connection) => {
    for (const operation of operations) {
      const { name, text } = asyncForm(operation)
      await connection.query('begin')
      try {
        await connection.query(`prepare fits as ${text}`)
      } catch (error) {
        throw new Error(`${name} does not fit`, { cause: error })
      } finally {
        await connection.query('rollback')
        await connection.query('deallocate all')
      }
    }
  })
})

test('names are unique: two texts under one name would be prepared as one', () => {
  const names = statements.map(({ name }) => name)
  expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([])
})

test('every placeholder is cast, so that a plan never depends on the first value', () => {
  for (const { name, text } of statements) expect(text, name).not.toMatch(/\$\d+(?!\d|::)/)
})

test('nothing is missing from the lists: every statement() of the stores is in them', async () => {
  const { readdir, readFile } = await import('node:fs/promises')
  const listed = new Set(statements.map(({ name }) => name))
  const folders = [
    'src/stores/learning/',
    'src/stores/memory/',
    'src/stores/delivery/',
    'src/stores/metadata/',
    'src/tenants/',
    'src/maintenance/',
    'src/maintenance/services/',
    'src/maintenance/archives/',
    'src/',
  ]
  for (const folder of folders) {
    const url = new URL(`../../${folder}`, import.meta.url)
    for (const file of (await readdir(url)).filter((each) => each.endsWith('.ts'))) {
      const source = await readFile(new URL(file, url), 'utf8')
      for (const [, name] of source.matchAll(/\b(?:statement|readStatement)(?:<[^(]*>)?\(\s*'([^']+)'/g)) {
        if (['platform.enter', 'platform.set_async', 'platform.fetch_export'].includes(name as string)) continue
        expect(listed.has(name as string), `${folder}${file}: ${name}`).toBe(true)
      }
    }
  }
})
