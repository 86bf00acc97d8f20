// Writes test/upgrade/previous-version.json: what processes of the previous version ask of the schema, which this version's
// migrations have to leave as it is. Written anew after a release, with the commit of the release:
//   npm run services -- exec -- npx tsx scripts/contract.ts COMMIT
// Needs a server: DATABASE_URL of a superuser.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkOut } from '../test/upgrade/checkout.js'
import { CONTRACT_FILE, type Contract, describeStatements } from '../test/upgrade/contract.js'
import { withScratchDatabase } from './scratch-database.js'

const [commit] = process.argv.slice(2)
const url = process.env.DATABASE_URL
if (!commit || !url) {
  process.stderr.write('npm run services -- exec -- npx tsx scripts/contract.ts COMMIT\n')
  process.exit(2)
}
const { directory, remove } = await checkOut(commit)
try {
  await writeFile(CONTRACT_FILE, `${JSON.stringify(await contractOf(commit, directory, new URL(url)), null, 2)}\n`)
} finally {
  await remove()
}

/** What the built version in the directory asks, on a database that it migrated itself. */
async function contractOf(commit: string, directory: string, server: URL): Promise<Contract> {
  return await withScratchDatabase(server, 'contract', async (scratch) => {
    const door = (await import(pathToFileURL(join(directory, 'dist/index.js')).href)) as typeof import('pgfleet')
    await (await door.openFleet({ url: scratch.href })).close()
    const statements = await statementsOf(join(directory, 'dist'))
    const described = await describeStatements(scratch.href, statements)
    const { version } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as { version: string }
    const migrations = await readdir(join(directory, 'sql/migrations'))
    return {
      commit,
      packageVersion: version,
      migration: migrations.filter((file) => !file.endsWith('.down.sql')).length,
      statements: statements.map(({ name, text }) => {
        const columns = described.get(name)
        if (columns === undefined || columns instanceof Error) throw columns ?? new Error(name)
        return { name, text, columns }
      }),
    }
  })
}

interface Text {
  readonly name: string
  readonly text: string
}

/** Every statement that the modules under the stores export, alone or in lists, by name. */
async function statementsOf(dist: string): Promise<Text[]> {
  const isStatement = (value: unknown): value is Text =>
    typeof value === 'object' && value !== null && 'name' in value && 'text' in value && typeof value.text === 'string'
  const found = new Map<string, Text>()
  for (const file of (await readdir(dist, { recursive: true })).sort()) {
    if (!/^(database|stores|tenants|maintenance)[/.].*js$/.test(file) || /embedded-worker|\.map$/.test(file)) continue
    const module = (await import(pathToFileURL(join(dist, file)).href)) as Record<string, unknown>
    for (const value of Object.values(module).flat()) {
      if (isStatement(value)) found.set(value.name, { name: value.name, text: value.text })
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
