import { readFile } from 'node:fs/promises'
import pg from 'pg'

/** A statement of the previous version, with what it returns: name and type of each column. */
export interface ContractStatement {
  readonly name: string
  readonly text: string
  readonly columns: Readonly<Record<string, string>>
}

/** What processes of the previous version ask of the schema. Written by `scripts/contract.ts`. */
export interface Contract {
  /** The last commit of the previous version. */
  readonly commit: string
  readonly packageVersion: string
  /** Its newest migration. */
  readonly migration: number
  readonly statements: readonly ContractStatement[]
}

export const CONTRACT_FILE: URL = new URL('previous-version.json', import.meta.url)

export async function readContract(): Promise<Contract> {
  return JSON.parse(await readFile(CONTRACT_FILE, 'utf8')) as Contract
}

/** The messages that the driver hands to whoever waits for the server's answer. */
interface Wire {
  parse(statement: { name: string; text: string; types: number[] }): void
  describe(what: { type: 'S'; name: string }): void
  sync(): void
}

type Fields = readonly { readonly name: string; readonly dataTypeID: number }[]

/** Has the server parse a statement and tell its columns; it is not run. */
class Description {
  readonly #text: string
  #fields: Fields = []
  #resolve: (fields: Fields) => void = () => {}
  #reject: (error: Error) => void = () => {}
  readonly ended: Promise<Fields>

  constructor(text: string) {
    this.#text = text
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(wire: Wire): void {
    wire.parse({ name: '', text: this.#text, types: [] })
    wire.describe({ type: 'S', name: '' })
    wire.sync()
  }

  handleRowDescription({ fields }: { fields: Fields }): void {
    this.#fields = fields
  }

  /** The last that is heard of a statement that is refused. */
  handleError(error: Error): void {
    this.#reject(error)
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#fields)
  }
}

/** What each statement returns on that database, or the error with which the server refuses it. */
export async function describeStatements(
  url: string,
  statements: readonly { readonly name: string; readonly text: string }[],
): Promise<Map<string, Record<string, string> | Error>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const described = new Map<string, Record<string, string> | Error>()
    for (const { name, text } of statements) {
      const description = new Description(text)
      client.query(description as unknown as pg.Submittable)
      const fields = await description.ended.catch((error: unknown) => error as Error)
      if (fields instanceof Error) {
        described.set(name, fields)
        continue
      }
      const { rows } = await client.query<{ type: string }>(
        'select format_type(t.id, null) as type from unnest($1::oid[]) with ordinality t (id, place) order by t.place',
        [fields.map(({ dataTypeID }) => dataTypeID)],
      )
      described.set(name, Object.fromEntries(fields.map((field, place) => [field.name, rows[place]?.type as string])))
    }
    return described
  } finally {
    await client.end()
  }
}
