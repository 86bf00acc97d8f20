import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { FleetError } from '../errors.js'
import type { ArchiveStore } from './archive-store.js'
import { openFolderStore } from './folder-store.js'
import { openS3Store, type S3Place } from './s3-store.js'

/** A place for archives, as it was named. */
export interface Place {
  /** The same as a url, which is recorded: absolute, without credentials. */
  readonly url: string
  /** A folder of this machine. */
  readonly folder?: string
  readonly s3?: S3Place
}

const S3_OPTIONS = ['region', 'endpoint', 'path-style']

/**
 * Reads a place: a folder, as a path or `file:///path`, or `s3://bucket/prefix`, with `?region=`, `endpoint=` and `path-style=true` where
 * they are needed. Errors: OPTIONS_INVALID.
 */
export function parsePlace(text: string, field = 'to'): Place {
  const invalid = (why: string) => new FleetError('OPTIONS_INVALID', { message: `the place of archives ${why}`, field })
  if (text === '') throw invalid('is empty')
  if (!/^[a-z0-9+.-]+:\/\//i.test(text)) return { url: pathToFileURL(resolve(text)).href, folder: resolve(text) }
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw invalid('is not a url')
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('holds credentials; they belong into the environment or a profile of the SDK')
  }
  if (url.protocol === 'file:') {
    if (url.host !== '' || url.search !== '') throw invalid('is no folder of this machine: file:///path is expected')
    const folder = fileURLToPath(url)
    return { url: pathToFileURL(folder).href, folder }
  }
  if (url.protocol !== 's3:') throw invalid('is neither a folder nor s3://bucket/prefix')
  if (url.hostname === '') throw invalid('names no bucket')
  const unknown = [...url.searchParams.keys()].find((name) => !S3_OPTIONS.includes(name))
  if (unknown !== undefined) throw invalid(`has an option ${unknown}; ${S3_OPTIONS.join(', ')} are known`)
  const endpoint = url.searchParams.get('endpoint') ?? undefined
  if (endpoint !== undefined && !isPlainUrl(endpoint)) {
    throw invalid('has an endpoint that is not a url like https://store.example, without credentials')
  }
  const path = decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, '')
  return {
    url: url.href,
    s3: {
      bucket: url.hostname,
      prefix: path === '' ? '' : `${path}/`,
      region: url.searchParams.get('region') ?? undefined,
      endpoint,
      pathStyle: url.searchParams.get('path-style') === 'true',
    },
  }
}

/** Opens the store at a place; the caller closes it. */
export async function openStore(place: Place): Promise<ArchiveStore> {
  return place.s3 === undefined ? openFolderStore(place.folder as string) : await openS3Store(place.s3)
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}
