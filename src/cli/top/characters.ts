import { eastAsianWidth } from 'get-east-asian-width'

/** Characters of a text that are looked at for one line: what is behind them is never seen. */
const LOOKED_AT = 4000
const PLAIN = /^[\x20-\x7e]*$/

/**
 * A text as it may be drawn on one line, whatever it holds: no control characters, so that no escape sequence reaches the
 * terminal, none that change the direction or join others, and no more than two marks on a letter. White space is folded.
 */
export function clean(text: string): string {
  if (PLAIN.test(text) && !text.includes('  ')) return text
  return text
    .slice(0, LOOKED_AT)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu, '')
    .replaceAll(/\p{C}|\p{Zl}|\p{Zp}/gu, picture)
    .replaceAll(/(\p{M}{2})\p{M}+/gu, '$1')
}

/** The picture of a control character, or the sign of what cannot be shown. */
function picture(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  return code === 0x7f ? '\u2421' : '\ufffd'
}

/** How many cells of the terminal a cleaned text takes, at most. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const character of text) width += widthOfOne(character)
  return width
}

function widthOfOne(character: string): number {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x300) return 1
  return /^[\p{Mn}\p{Me}]$/u.test(character) ? 0 : eastAsianWidth(code)
}

/** Any text, cleaned, in exactly so many cells. */
export function fill(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  return place(clean(text), width, align)
}

/** A text that is clean already in exactly so many cells: cut off with `…`, or filled with spaces. */
export function place(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  if (width <= 0) return ''
  const size = widthOf(text)
  if (size > width) {
    const cut = `${head(text, width - 1)}…`
    return cut + ' '.repeat(width - widthOf(cut))
  }
  const space = ' '.repeat(width - size)
  return align === 'right' ? space + text : text + space
}

/** As many characters as fill, from the beginning. */
function head(text: string, width: number): string {
  if (PLAIN.test(text)) return text.slice(0, width)
  let taken = ''
  let room = width
  for (const character of text) {
    room -= widthOfOne(character)
    if (room < 0) break
    taken += character
  }
  return taken
}

/** A text as lines of at most so many cells, broken at spaces where there are some. At most so many lines. */
export function wrap(text: string, width: number, linesMax = 1000): string[] {
  const lines: string[] = []
  for (const paragraph of text.split(/\r\n|[\r\n\v\f\u2028\u2029]/)) {
    // What a line is indented by tells of its place in the statement.
    const indent = ' '.repeat(Math.min(/^[ \t]*/.exec(paragraph)?.[0].replaceAll('\t', '  ').length ?? 0, width >> 1))
    let rest = indent + cleanWhole(paragraph.trim())
    do {
      if (lines.length >= linesMax) return lines
      let line = head(rest, Math.max(1, width))
      // A character that is wider than the line is left out.
      if (line === '' && rest !== '') line = [...rest][0] ?? ''
      if (line.length < rest.length && rest[line.length] !== ' ') {
        const space = line.lastIndexOf(' ')
        if (space > line.length / 2) line = line.slice(0, space)
      }
      rest = rest.slice(line.length).replace(/^ /, '')
      lines.push(widthOf(line) > width ? '' : line)
    } while (rest !== '')
  }
  return lines
}

/** The same as `clean` for a text of any length. */
function cleanWhole(text: string): string {
  let cleaned = ''
  for (let at = 0; at < text.length; at += LOOKED_AT) cleaned += clean(text.slice(at, at + LOOKED_AT))
  return cleaned
}
