import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FleetError } from '../errors.js'
import { kindOfPath, Source, type SourceKind } from './source.js'

/** How sources are found. */
export interface FileOptions {
  /** The kind of all of them, whatever their names. */
  readonly as?: SourceKind
  /** True for paths to leave out. */
  excludes?(path: string): boolean
  /** Reads standard input, for `-`. */
  stdin(): Promise<Buffer>
  readonly signal?: AbortSignal
}

/** Larger files are no source that somebody wrote. */
const BYTES_MAX = 10 * 1024 * 1024
const FILES_MAX = 100_000
const SKIPPED = /^(node_modules|dist|build|coverage|vendor|\..+)$/

/**
 * Reads the sources that the operands name: files, folders with all they hold of a known kind, or `-`. In the order of the
 * operands, folders by name. Errors: INPUT_INVALID for what is not there, binary, too large, or of no kind.
 */
export async function readSources(operands: readonly string[], options: FileOptions): Promise<Source[]> {
  const sources: Source[] = []
  const seen = new Set<string>()
  for (const operand of operands) {
    if (operand === '-') {
      sources.push(toSource('<stdin>', options.as ?? 'sql', await options.stdin()))
      continue
    }
    const found = await stat(operand).catch((cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'ENOENT' ? 'there is no file' : `cannot be read (${cause.code})`
      throw new FleetError('INPUT_INVALID', { message: `${operand}: ${why}`, field: 'file', cause })
    })
    const paths = found.isDirectory() ? await walk(operand) : [operand]
    for (const path of paths) {
      options.signal?.throwIfAborted()
      if (seen.has(path) || (found.isDirectory() && options.excludes?.(path) === true)) continue
      seen.add(path)
      const kind = options.as ?? kindOfPath(path)
      if (kind === undefined) {
        if (found.isDirectory()) continue
        throw new FleetError('INPUT_INVALID', {
          message: `${path}: its name does not tell what it is`,
          field: 'file',
          hint: 'Say it: --as sql, ts, postgresql.conf or pgbouncer.ini.',
        })
      }
      if (sources.length >= FILES_MAX) {
        throw new FleetError('INPUT_INVALID', { message: `more than ${FILES_MAX} files`, field: 'file' })
      }
      sources.push(toSource(path, kind, await read(path)))
    }
  }
  return sources
}

async function read(path: string): Promise<Buffer> {
  const { size } = await stat(path)
  if (size > BYTES_MAX) {
    throw new FleetError('INPUT_INVALID', { message: `${path}: more than ${BYTES_MAX / 1024 ** 2} MB`, field: 'file' })
  }
  return await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new FleetError('INPUT_INVALID', { message: `${path}: cannot be read (${cause.code})`, field: 'file', cause })
  })
}

/** Makes a source of bytes. Errors: INPUT_INVALID for binary ones. */
export function toSource(path: string, kind: SourceKind, bytes: Buffer): Source {
  let text: string
  try {
    const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8'
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new FleetError('INPUT_INVALID', {
      message: `${path}: is not text in UTF-8; it looks like a binary file, or one in another encoding`,
      field: 'file',
      hint: 'Give text files; iconv turns other encodings into UTF-8. In a folder, leave the file out by `exclude`.',
      cause,
    })
  }
  if (text.includes('\0')) {
    throw new FleetError('INPUT_INVALID', {
      message: `${path}: holds NUL characters; it looks like a binary file`,
      field: 'file',
      hint: 'Give text files.',
    })
  }
  return new Source(path, kind, text)
}

/** The bytes of a text in the encoding of others, and with their mark: a file is written as it was read. */
export function encodeAs(text: string, bytes: Buffer): Buffer {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return Buffer.from(`\ufeff${text}`, 'utf16le')
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return Buffer.from(isMarked ? `\ufeff${text}` : text)
}

async function walk(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new FleetError('INPUT_INVALID', {
      message: `${folder}: cannot be read (${cause.code})`,
      field: 'file',
      cause,
    })
  })
  const paths: string[] = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!SKIPPED.test(entry.name)) paths.push(...(await walk(path)))
    } else if (entry.isFile() && kindOfPath(path) !== undefined) paths.push(path)
  }
  return paths
}
