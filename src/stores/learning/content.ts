import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { FleetError } from '../../errors.js'

/** A JSON value: what states and actions are made of. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** A state or action as it is stored: its canonical JSON (RFC 8785), and the hash of that. */
export interface Content {
  readonly json: string
  readonly hash: string
}

/** The version of the encoding; part of what is hashed, so that a later one cannot collide with this. */
export const CONTENT_VERSION = 1

/** Most characters of canonical JSON. */
export const STATE_LENGTH_MAX = 65_536
export const ACTION_LENGTH_MAX = 8_192

// A NUL character, or half of a surrogate pair, as canonical JSON escapes them: PostgreSQL's jsonb holds neither.
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/

/**
 * Canonical JSON and its hash: equal values give equal hashes, whatever the order of their keys. The hash is a UUID
 * version 8 (RFC 9562, appendix B.2): the first 128 bits of SHA-256 over `pgfleet:1:` and the canonical JSON, less the
 * version and variant bits. Errors: INPUT_INVALID for what is not JSON (NaN, functions, cycles), too long, or holds a
 * character that the database cannot.
 */
export function toContent(field: string, value: unknown, lengthMax: number): Content {
  const refuse = (why: string, cause?: unknown) =>
    new FleetError('INPUT_INVALID', { message: `${field} ${why}`, field, cause })
  let json: string | undefined
  try {
    json = canonicalize(value)
  } catch (error) {
    throw refuse('is not JSON: numbers must be finite, and objects free of cycles', error)
  }
  if (json === undefined) throw refuse('is missing, or not JSON')
  if (json.length > lengthMax) throw refuse(`has ${json.length} characters of JSON, at most ${lengthMax} are allowed`)
  if (json.includes('\\u') && UNSTORABLE.test(json)) throw refuse('holds a NUL character or half of a surrogate pair')
  const hex = hash('sha256', `pgfleet:${CONTENT_VERSION}:${json}`, 'hex')
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16)
  return {
    json,
    hash: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
  }
}
