import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** A numbered migration: tables and indexes, applied once. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly text: string
  /** SHA-256 of the text, in hex. */
  readonly checksum: string
  readonly down: { readonly text: string; readonly losesData: boolean }
}

/** A file of one function or view, applied again whenever its text changes. */
export interface Routine {
  /** Like `learning/learn`. */
  readonly path: string
  readonly text: string
  readonly checksum: string
}

/** Everything that makes the schema of this package. */
export interface MigrationFiles {
  readonly bootstrap: string
  readonly ledger: string
  readonly migrations: readonly Migration[]
  readonly routines: readonly Routine[]
  readonly packageVersion: string
}

const PACKAGE = new URL('../../', import.meta.url)

/** Reads the SQL files that ship with the package. Throws when they contradict each other: a fault of the package. */
export async function readMigrationFiles(): Promise<MigrationFiles> {
  const read = (path: string) => readFile(new URL(path, PACKAGE), 'utf8')
  const list = async (path: string) => (await readdir(new URL(path, PACKAGE))).sort()
  const migrations = await Promise.all(
    (await list('sql/migrations/'))
      .filter((file) => !file.endsWith('.down.sql'))
      .map(async (file, index): Promise<Migration> => {
        const [, number, name] = /^(\d{4})_(\w+)\.sql$/.exec(file) ?? []
        const text = await read(`sql/migrations/${file}`)
        const down = await read(`sql/migrations/${file.replace(/sql$/, 'down.sql')}`)
        if (Number(number) !== index + 1 || name === undefined)
          throw new Error(`${file}: migrations are numbered without gaps`)
        if (!/^--! breaking: (yes|no) +lock: .+ +rewrite: .+ +time: .+/.test(text))
          throw new Error(`${file}: header missing`)
        const [, loss] = /^--! data-loss: (yes|no)$/m.exec(down) ?? []
        if (loss === undefined) throw new Error(`${file}: its down script does not say whether it loses data`)
        return {
          version: index + 1,
          name,
          text,
          checksum: sha256(text),
          down: { text: down, losesData: loss === 'yes' },
        }
      }),
  )
  const routines: Routine[] = []
  for (const schema of await list('sql/functions/')) {
    for (const file of await list(`sql/functions/${schema}/`)) {
      const text = await read(`sql/functions/${schema}/${file}`)
      routines.push({ path: `${schema}/${file.replace(/\.sql$/, '')}`, text, checksum: sha256(text) })
    }
  }
  const isView = (routine: Routine) => /^create (or replace )?view /m.test(routine.text)
  return {
    bootstrap: await read('sql/bootstrap.sql'),
    ledger: await read('sql/ledger.sql'),
    migrations,
    // Functions first: bodies are checked when they run, views when they are made.
    routines: [...routines.filter((routine) => !isView(routine)), ...routines.filter(isView)],
    packageVersion: (JSON.parse(await read('package.json')) as { version: string }).version,
  }
}

/** Where the package's SQL lies, for those who want to read it or run it by hand. */
export const sqlDirectory: string = fileURLToPath(new URL('sql/', PACKAGE))

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
