import type { StatementRule } from '../../rule.js'

/** What is no name: strings, bodies and comments. */
/** Strings and comments, which are no names; then names, quoted and plain. In their order: each may hold what begins another. */
const TOKEN =
  /[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|"(?<quoted>(?:[^"]|"")+)"|(?<plain>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/g
/** NAMEDATALEN - 1. */
const BYTES_MAX = 63

export const identifierTooLong: StatementRule = {
  on: 'sql',
  id: 'identifier-too-long',
  level: 'warning',
  summary: 'A name of more than 63 bytes.',
  why: 'PostgreSQL cuts it off with no more than a notice: two names that differ behind the cut are one, and programs look for the long one in vain.',
  remedy: 'Choose a name of at most 63 bytes.',
  *check(statement) {
    if (statement.routine !== undefined || statement.composed) return
    const { source, start, end } = statement
    for (const match of source.text.slice(start, end).matchAll(TOKEN)) {
      const name = match.groups?.quoted?.replaceAll('""', '"') ?? match.groups?.plain
      if (name === undefined) continue
      const bytes = Buffer.byteLength(name)
      if (bytes > BYTES_MAX) yield { at: start + match.index, message: `${name} has ${bytes} bytes and is cut off` }
    }
  },
}
