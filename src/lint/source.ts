/** What a file is, which decides how it is read. */
export const SOURCE_KINDS = ['sql', 'ts', 'postgresql.conf', 'pgbouncer.ini'] as const
export type SourceKind = (typeof SOURCE_KINDS)[number]

/** A place in a file, both counted from 1; columns in UTF-16 units. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A file that is linted: its text, and where the lines of it are. */
export class Source {
  /** As given by the user; `<stdin>` for standard input. */
  readonly path: string
  readonly kind: SourceKind
  readonly text: string
  readonly #lines: readonly number[]

  constructor(path: string, kind: SourceKind, text: string) {
    this.path = path
    this.kind = kind
    this.text = text
    const lines = [0]
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.push(at + 1)
    this.#lines = lines
  }

  /** How many lines there are; an empty file has one. */
  get lineCount(): number {
    return this.#lines.length
  }

  /** Where an offset is. Offsets outside the text are taken for its ends. */
  position(offset: number): Position {
    const at = Math.max(0, Math.min(offset, this.text.length))
    let low = 0
    let high = this.#lines.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#lines[middle] ?? 0) <= at) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: at - (this.#lines[low] ?? 0) + 1 }
  }

  /** The offset at which a line begins, counted from 1; the text's end for a line behind the last. */
  lineStart(line: number): number {
    return this.#lines[line - 1] ?? this.text.length
  }

  /** A line without its end. */
  line(line: number): string {
    return this.text.slice(this.lineStart(line), this.lineStart(line + 1)).replace(/\r?\n$/, '')
  }
}

/** The kind that a file's name tells; undefined for one that is none of them. */
export function kindOfPath(path: string): SourceKind | undefined {
  const name = path.replace(/^.*[/\\]/, '').toLowerCase()
  if (/\.sql$/.test(name)) return 'sql'
  if (/\.d\.[cm]?ts$/.test(name)) return undefined
  if (/\.[cm]?[jt]sx?$/.test(name)) return 'ts'
  if (/pgbouncer.*\.ini$/.test(name)) return 'pgbouncer.ini'
  if (/^postgresql.*\.conf$/.test(name)) return 'postgresql.conf'
  return undefined
}

/** True for a file that a migration tool runs: it lies in a folder of migrations, or its name begins with a number or V1__. */
export function isMigration(path: string): boolean {
  return (
    /(^|[/\\])(migrations?|migrate|versions)[/\\]/i.test(path) ||
    /(^|[/\\])(\d{3,}|[VU]\d+(\.\d+)*__?)[^/\\]*\.sql$/.test(path)
  )
}

/** True for a script that CREATE EXTENSION or ALTER EXTENSION runs, in a transaction: name--1.0.sql, name--1.0--1.1.sql. */
export function isExtensionScript(path: string): boolean {
  return /[^/\\]--[^/\\]+\.sql$/.test(path)
}
