import { FleetError } from '../../errors.js'

/** The servers of a url. */
export interface ServerUrls {
  /** A url for each host, in their order, at most 16. */
  readonly urls: readonly string[]
  /** True when connections are wanted to the one that takes writes, whichever it is. */
  readonly wantsPrimary: boolean
}

/** Hosts of one url. */
const HOSTS_MAX = 16
/** What libpq's `target_session_attrs` may say here. */
const WANTED = ['any', 'read-write', 'primary']

/**
 * Takes a url apart that may name several hosts as libpq knows it: `postgres://app@db1,db2:5433/agents`. Of several the
 * primary is wanted; of one only with `target_session_attrs=primary` or `read-write`, which mean the same here. Errors:
 * OPTIONS_INVALID, which never shows the url.
 */
export function serverUrls(url: string): ServerUrls {
  const [, scheme = '', login = '', authority = '', rest = ''] =
    /^(postgres(?:ql)?:\/\/)((?:[^/?#]*@)?)([^/?#]*)(.*)$/.exec(url) ?? []
  const hosts = authority.split(',')
  const [path = '', query = ''] = rest.split(/\?(.*)/s)
  const parameters = query.split('&').filter((parameter) => parameter !== '')
  const [, wanted = 'any'] = parameters.find(isWanted)?.split('=') ?? []
  if (!WANTED.includes(wanted)) refuse(`target_session_attrs is ${wanted}, which is none of ${WANTED.join(', ')}`)
  if (hosts.length > HOSTS_MAX) refuse(`a url names at most ${HOSTS_MAX} hosts`)
  if (hosts.length > 1 && hosts.includes('')) refuse('one of the hosts of the url is empty')
  if (new Set(hosts).size < hosts.length) refuse('a host of the url is named twice')
  const others = parameters.filter((parameter) => !isWanted(parameter)).join('&')
  const end = `${path}${others === '' ? '' : `?${others}`}`
  return {
    urls:
      hosts.length === 1 && parameters.every((one) => !isWanted(one))
        ? [url]
        : hosts.map((host) => `${scheme}${login}${host}${end}`),
    wantsPrimary: hosts.length > 1 || wanted !== 'any',
  }
}

function isWanted(parameter: string): boolean {
  return parameter.startsWith('target_session_attrs=')
}

function refuse(message: string): never {
  throw new FleetError('OPTIONS_INVALID', { message: `option url: ${message}`, field: 'url' })
}
