import type { Terminal } from '../terminal.js'
import type { Line, Style } from './frame.js'

/** A line as it is written: with the colours of the terminal, if it has any. */
export function paintLine(line: Line, colors: Terminal['colors']): string {
  const paint: Readonly<Record<Style, (text: string) => string>> = {
    none: (text) => text,
    bold: colors.bold,
    dim: colors.dim,
    warning: colors.yellow,
    critical: colors.red,
    // Reversed without colours too: it is no colour, and all that tells which row is chosen.
    chosen: (text) => `\u001b[7m${text}\u001b[27m`,
    head: colors.underline,
  }
  // The last gate: whatever was forgotten before, no control character passes.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are kept out
  return line.map(([text, style]) => paint[style](text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd'))).join('')
}
