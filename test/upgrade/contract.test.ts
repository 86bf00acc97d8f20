// What processes of the previous version ask of the schema is still there: each of its statements is parsed by the server, and
// returns what it did. How the two versions work side by side is tried in rolling.test.ts.
import pg from 'pg'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { describeStatements, readContract } from './contract.js'

const contract = await readContract()

test('the contract is of the version that the schema says it serves', async () => {
  const { readMigrationFiles } = await import('../../dist/database/migration-files.js')
  const { routines, migrations } = await readMigrationFiles()
  const text = routines.find(({ path }) => path === 'platform/compatible_from')?.text
  expect(text).toContain(`select '${contract.packageVersion}', ${contract.migration}\n`)
  expect(contract.migration).toBeLessThanOrEqual(migrations.length)
  expect(contract.statements.length).toBeGreaterThan(250)
})

onEngines(['direct', 'pooled'], 'the driver of a server describes statements; the schema is the same').describe(
  'statements of the previous version',
  () => {
    test('fit the schema, and return the columns that they did', async () => {
      const database = await createTestDatabase()
      const described = await describeStatements(database.options.url as string, contract.statements)
      for (const { name, columns } of contract.statements) {
        const now = described.get(name)
        expect(now, name).not.toBeInstanceOf(Error)
        expect(now, name).toMatchObject(columns)
      }
    })

    test('do not fit where a function, or a column of an answer, is gone or of another type', async () => {
      const database = await createTestDatabase()
      const admin = new pg.Client({ connectionString: database.adminUrl() })
      await admin.connect()
      afterFile(() => admin.end())
      await admin.query('drop function platform.is_held(text)')
      await admin.query('alter table memory.key_values alter column version type numeric')
      const statements = ['select platform.is_held($1::text)', 'select version from memory.key_values'].map((text) => ({
        name: text,
        text,
      }))
      const [gone, other] = [...(await describeStatements(database.adminUrl(), statements)).values()]
      expect(gone).toBeInstanceOf(Error)
      expect(other).toEqual({ version: 'numeric' })
    })
  },
)
