import { createHash, timingSafeEqual } from 'node:crypto'
import { FleetError } from '../errors.js'

/** Who may read the metrics: whoever shows a token, or a user’s password. */
export type Authorization =
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }

/** Reads one line, `bearer TOKEN` or `basic USER:PASSWORD`. Errors: OPTIONS_INVALID (`authFile`), without the secret. */
export function parseAuthorization(text: string): Authorization {
  const [, scheme = '', rest = ''] = /^(bearer|basic)[ \t]+(\S.*)$/i.exec(text.trim()) ?? []
  if (scheme.toLowerCase() === 'bearer' && !/\s/.test(rest)) return { scheme: 'bearer', token: rest }
  const colon = rest.indexOf(':')
  if (scheme.toLowerCase() === 'basic' && colon > 0 && colon < rest.length - 1)
    return { scheme: 'basic', user: rest.slice(0, colon), password: rest.slice(colon + 1) }
  throw new FleetError('OPTIONS_INVALID', {
    message: 'the file has to hold one line, `bearer TOKEN` or `basic USER:PASSWORD`',
    field: 'authFile',
  })
}

/** Whether a request's header is the one that is wanted; takes as long whatever it is. */
export function isAuthorized(wanted: Authorization, header: string | undefined): boolean {
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(.*)$/.exec(header ?? '') ?? []
  const isScheme = scheme.toLowerCase() === wanted.scheme
  const shown = wanted.scheme === 'basic' ? Buffer.from(credentials, 'base64').toString('utf8') : credentials
  const secret = wanted.scheme === 'basic' ? `${wanted.user}:${wanted.password}` : wanted.token
  return timingSafeEqual(digest(shown), digest(secret)) && isScheme
}

const digest = (text: string) => createHash('sha256').update(text).digest()
