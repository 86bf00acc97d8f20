import type { Source } from '../source.js'
import type { Statement } from '../sql/statement.js'
import { as, numberOf, stringOf } from '../sql/tree.js'

/** A setting as it stands in a file. */
export interface Entry {
  /** In lower case. */
  readonly name: string
  /** Without quotes. */
  readonly value: string
  /** The section of an ini file; empty before the first. */
  readonly section: string
  /** Offsets in the source: of the name, of the value, and of the value's end. */
  readonly at: number
  readonly valueAt: number
  readonly valueEnd: number
}

/** postgresql.conf or pgbouncer.ini, read; or what the ALTER SYSTEM statements of an SQL file set. */
export interface SettingsFile {
  readonly source: Source
  readonly kind: 'postgresql.conf' | 'pgbouncer.ini'
  readonly entries: readonly Entry[]
  /** Lines that cannot be read. */
  readonly unread: readonly { readonly at: number; readonly message: string }[]
  /** True when it may be a part only: then a setting that is missing says nothing. */
  readonly partial: boolean
  /** The entry that counts, which is the last of its name. */
  get(name: string, section?: string): Entry | undefined
}

/** Reads postgresql.conf: `name = value`, `name value`, quotes with '' or \' inside, comments behind #. */
export function readPostgresqlConf(source: Source): SettingsFile {
  const entries: Entry[] = []
  const unread: { at: number; message: string }[] = []
  let partial = false
  for (let line = 1; line <= source.lineCount; line++) {
    const start = source.lineStart(line)
    const text = source.line(line)
    if (/^\s*(#|$)/.test(text)) continue
    const [, before = '', name, gap = '', quoted, bare] =
      /^(\s*)([A-Za-z_][\w.$]*)(\s*=\s*|\s+)(?:'((?:[^'\\]|''|\\.)*)'|([^\s#']+))\s*(?:#.*)?$/.exec(text) ?? []
    if (name === undefined) {
      const at = start + (/\S/.exec(text)?.index ?? 0)
      unread.push({ at, message: 'the line is not of the form name = value' })
      continue
    }
    if (/^include(_dir|_if_exists)?$/i.test(name)) {
      partial = true
      continue
    }
    const at = start + before.length
    const valueAt = at + name.length + gap.length
    entries.push({
      name: name.toLowerCase(),
      value:
        quoted === undefined ? (bare ?? '') : quoted.replaceAll(/''|\\(.)/g, (all, after: string) => after ?? all[0]),
      section: '',
      at,
      valueAt,
      valueEnd: valueAt + (quoted === undefined ? (bare ?? '').length : quoted.length + 2),
    })
  }
  return file(source, 'postgresql.conf', entries, unread, partial)
}

/** Reads pgbouncer.ini: sections, `key = value`, comments on lines of their own behind ; or #. */
export function readPgbouncerIni(source: Source): SettingsFile {
  const entries: Entry[] = []
  const unread: { at: number; message: string }[] = []
  let section = ''
  let partial = false
  for (let line = 1; line <= source.lineCount; line++) {
    const start = source.lineStart(line)
    const text = source.line(line)
    if (/^\s*([;#]|$)/.test(text)) continue
    if (/^%include\s/i.test(text)) {
      partial = true
      continue
    }
    const header = /^\s*\[([^\]]+)\]\s*$/.exec(text)
    if (header !== null) {
      section = (header[1] ?? '').toLowerCase()
      continue
    }
    const [, before = '', name, gap = '', value = ''] =
      /^(\s*)("(?:[^"]|"")*"|[^\s=]+)(\s*=\s*)(.*?)\s*$/.exec(text) ?? []
    if (name === undefined) {
      unread.push({ at: start, message: 'the line is neither a [section] nor of the form key = value' })
      continue
    }
    const at = start + before.length
    const valueAt = at + name.length + gap.length
    entries.push({ name: name.toLowerCase(), value, section, at, valueAt, valueEnd: valueAt + value.length })
  }
  return file(source, 'pgbouncer.ini', entries, unread, partial)
}

/** The settings of ALTER SYSTEM statements; undefined when there are none. */
export function alterSystemSettings(source: Source, statements: readonly Statement[]): SettingsFile | undefined {
  const entries = statements.flatMap((statement): Entry[] => {
    const set = statement.is('AlterSystemStmt')?.setstmt
    if (set?.kind !== 'VAR_SET_VALUE' || set.name === undefined) return []
    const [argument] = set.args ?? []
    const value = stringOf(argument) ?? numberOf(argument)?.toString()
    if (value === undefined) return []
    const at = as(argument, 'A_Const')?.location ?? statement.start
    return [{ name: set.name.toLowerCase(), value, section: '', at: statement.start, valueAt: at, valueEnd: at }]
  })
  return entries.length === 0 ? undefined : file(source, 'postgresql.conf', entries, [], true)
}

function file(
  source: Source,
  kind: SettingsFile['kind'],
  entries: readonly Entry[],
  unread: SettingsFile['unread'],
  partial: boolean,
): SettingsFile {
  return {
    source,
    kind,
    entries,
    unread,
    partial,
    get: (name, section) =>
      entries.findLast((each) => each.name === name && (section ?? each.section) === each.section),
  }
}
