/** Longest statement that a report shows, in characters. */
const SHOWN_MAX = 300

/**
 * A statement without what users put into it: literals become `?`, comments go, white space is folded. Quoted
 * identifiers stay. A statement that the server has cut off inside a literal loses the rest too.
 */
export function redact(statement: string): string {
  const parts = statement.matchAll(
    // Comments, dollar quotes, strings with a backslash escape, plain strings, quoted identifiers, numbers, words, the rest.
    /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?(?:\1|$)|\b[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|(?:\b(?:[bBxXnN]|[uU]&))?'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\$\d+|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?\w*|[\s\S]/g,
  )
  let text = ''
  for (const [part] of parts) {
    if (/^(--|\/\*)/.test(part)) text += ' '
    else if (/^(?:[eEbBxXnN]|[uU]&)?'|^\$(?!\d)|^\.?\d/.test(part)) text += part === '$' ? '$' : '?'
    else text += part
  }
  const folded = text.replaceAll(/\s+/g, ' ').trim()
  return folded.length > SHOWN_MAX ? `${folded.slice(0, SHOWN_MAX)}…` : folded
}
