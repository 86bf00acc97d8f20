import Table from 'cli-table3'
import picocolors from 'picocolors'

/** Where a command writes. Results go to stdout; notes and progress to stderr. */
export interface Terminal {
  /** One JSON document is asked for; nothing else may go to stdout. */
  readonly json: boolean
  /** Notes and progress are not wanted. */
  readonly quiet: boolean
  /** Someone looks at stderr: it can be redrawn. */
  readonly live: boolean
  readonly colors: ReturnType<typeof picocolors.createColors>
  /** Prints the result: as text, or with `--json` the value. */
  result(value: unknown, text: () => string): void
  /** Tells something on the side. Silent with `--quiet` and `--json`. */
  note(text: string): void
  /** Columns of the terminal; 80 where nobody looks, at most 120. */
  readonly width: number
  /** Prints a text to stdout whatever the format of results: a document in a format of its own. */
  text(text: string): void
  /** A table: left-aligned unless the column's head begins with ">". */
  table(head: readonly string[], rows: readonly (readonly string[])[]): string
}

/** Colours and redrawing follow the terminal: NO_COLOR, FORCE_COLOR, and whether anybody looks. */
export function createTerminal(options: { json: boolean; quiet: boolean }): Terminal {
  const { json, quiet } = options
  const colors = picocolors.createColors(hasColors(process.stdout))
  return {
    json,
    quiet,
    live: process.stderr.isTTY === true && !quiet && process.env.TERM !== 'dumb',
    colors,
    result(value, text) {
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text()}\n`)
    },
    width: Math.max(60, Math.min(process.stdout.columns ?? 80, 120)),
    text(text) {
      process.stdout.write(`${text}\n`)
    },
    note(text) {
      if (!quiet && !json) process.stderr.write(`${text}\n`)
    },
    table(head, rows) {
      const table = new Table({
        head: head.map((cell) => colors.bold(cell.replace(/^>/, ''))),
        colAligns: head.map((cell) => (cell.startsWith('>') ? 'right' : 'left')),
        style: { head: [], border: [], compact: true },
      })
      table.push(...rows.map((row) => [...row]))
      return table.toString()
    },
  }
}

/** Whether to colour what goes to the stream. */
export function hasColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0'
  return stream.isTTY === true && TERM !== 'dumb'
}
