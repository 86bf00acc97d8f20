import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { FleetError } from './errors.js'
import { isStorable } from './input.js'

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

/** Deepest nesting of a JSON value. */
export const DEPTH_MAX = 200

/**
 * What keeps a value from being JSON that the database can hold, as `path: reason`; undefined when nothing does. JSON is
 * null, booleans, finite numbers, strings without NUL and lone surrogates, arrays without holes, and plain objects:
 * what JSON.stringify would quietly change (a Date, a Map, undefined, a function) is refused.
 */
export function jsonProblem(value: unknown): string | undefined {
  return isJson(value, 0) ? undefined : findJsonProblem(value, '', 0)
}

/** Whether jsonProblem finds nothing: without the paths, which cost four times the rest and are asked for once something is found. */
function isJson(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return isStorable(value)
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'boolean' || value === null) return true
  if (typeof value !== 'object' || depth >= DEPTH_MAX) return false
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isJson(value[i], depth + 1)) return false
    return true
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const key in value) {
    if (!isStorable(key) || !isJson((value as Record<string, unknown>)[key], depth + 1)) return false
  }
  return true
}

function findJsonProblem(value: unknown, path: string, depth: number): string | undefined {
  const refuse = (why: string) => `${path}: ${why}`
  switch (typeof value) {
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : refuse('a number must be finite')
    case 'string':
      return isStorable(value) ? undefined : refuse('holds a NUL character or half of a surrogate pair')
    case 'object':
      break
    default:
      return refuse(`${typeof value} is not JSON`)
  }
  if (value === null) return undefined
  if (depth >= DEPTH_MAX) return refuse(`is nested more than ${DEPTH_MAX} levels deep, or within itself`)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const problem = findJsonProblem(value[i], `${path}[${i}]`, depth + 1)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return refuse('only plain objects are JSON')
  for (const key of Object.keys(value)) {
    if (!isStorable(key)) return refuse('a key holds a NUL character or half of a surrogate pair')
    const problem = findJsonProblem((value as Record<string, unknown>)[key], `${path}.${key}`, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Canonical JSON. Errors: INPUT_INVALID for what is not JSON (see `jsonProblem`), or too long. */
export function toJson(field: string, value: unknown, lengthMax: number): string {
  const problem = value === undefined ? ': is missing' : jsonProblem(value)
  if (problem !== undefined) {
    const [path, why] = problem.split(/: (?=[^:]*$)/)
    throw new FleetError('INPUT_INVALID', { message: `${field}${path?.slice(0, 100)} ${why}`, field })
  }
  const json = canonicalize(value) as string
  if (json.length > lengthMax) {
    throw new FleetError('INPUT_INVALID', {
      message: `${field} has ${json.length} characters of JSON, at most ${lengthMax} are allowed`,
      field,
    })
  }
  return json
}

/**
 * Canonical JSON and its hash: equal values give equal hashes, whatever the order of their keys. The hash is a UUID
 * version 8 (RFC 9562, appendix B.2): the first 128 bits of SHA-256 over `pgfleet:1:` and the canonical JSON, less the
 * version and variant bits. Errors: as `toJson`.
 */
export function toContent(field: string, value: unknown, lengthMax: number): Content {
  const json = toJson(field, value, lengthMax)
  const hex = hash('sha256', `pgfleet:${CONTENT_VERSION}:${json}`, 'hex')
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16)
  return {
    json,
    hash: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
  }
}
