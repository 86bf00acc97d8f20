import type { Json } from '../../content.js'
import { jsonProblem } from '../../content.js'
import { FleetError } from '../../errors.js'
import { isStorable } from '../../input.js'

/** What an entry may hold. A whole number beyond 2^53 - 1 is a bigint; of bytes a Buffer is read. */
export type MetadataValue = Json | bigint | Uint8Array

export const VALUE_TYPES = ['json', 'text', 'integer', 'float', 'boolean', 'bytes'] as const

/** How an entry's value is kept. */
export type ValueType = (typeof VALUE_TYPES)[number]

/** Most characters of a value as it travels: JSON as text, bytes in base64. Quotas of tenants are lower. */
export const VALUE_LENGTH_MAX = 1024 * 1024

/** A value as text, with its type. */
export interface EncodedValue {
  readonly type: ValueType
  readonly text: string
}

const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 63n - 1n

/**
 * The value as text. Without a type it follows from the value: strings are text, whole safe numbers and bigints integers,
 * other numbers floats, Uint8Array bytes, all else JSON. Errors: INPUT_INVALID, which names the `value` of what is given.
 */
export function encodeValue(of: string, value: unknown, wanted: ValueType | undefined): EncodedValue {
  const refuse = (why: string): never => {
    const field = `${of}.value`
    throw new FleetError('INPUT_INVALID', { message: `${field}: ${why}`, field })
  }
  const type = wanted ?? typeOf(value)
  const text = textOf(type, value, refuse)
  if (text.length > VALUE_LENGTH_MAX) refuse(`has ${text.length} characters, at most ${VALUE_LENGTH_MAX} are allowed`)
  return { type, text }
}

/** The value of that text; a Buffer for bytes, a bigint for whole numbers that a number cannot hold. */
export function decodeValue(type: ValueType, text: string): Json | bigint | Buffer {
  switch (type) {
    case 'json':
      return JSON.parse(text) as Json
    case 'text':
      return text
    case 'integer': {
      const number = Number(text)
      return Number.isSafeInteger(number) ? number : BigInt(text)
    }
    case 'float':
      return Number(text)
    case 'boolean':
      return text === 'true'
    case 'bytes':
      return Buffer.from(text, 'base64')
  }
}

function typeOf(value: unknown): ValueType {
  switch (typeof value) {
    case 'string':
      return 'text'
    case 'boolean':
      return 'boolean'
    case 'bigint':
      return 'integer'
    case 'number':
      return Number.isSafeInteger(value) ? 'integer' : 'float'
    default:
      return value instanceof Uint8Array ? 'bytes' : 'json'
  }
}

function textOf(type: ValueType, value: unknown, refuse: (why: string) => never): string {
  switch (type) {
    case 'text':
      if (typeof value !== 'string') return refuse('is no text')
      if (!isStorable(value)) return refuse('holds a NUL character or half of a surrogate pair')
      return value
    case 'integer':
      if (typeof value === 'bigint') {
        return value >= INTEGER_MIN && value <= INTEGER_MAX ? String(value) : refuse('is beyond 64 bits')
      }
      return Number.isSafeInteger(value) ? String(value) : refuse('is no whole number of at most 2^53 - 1')
    case 'float':
      if (typeof value !== 'number' || !Number.isFinite(value)) return refuse('is no finite number')
      return Object.is(value, -0) ? '-0' : String(value)
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : refuse('is neither true nor false')
    case 'bytes': {
      if (!(value instanceof Uint8Array)) return refuse('is no Uint8Array')
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
    }
    case 'json': {
      const problem = value === undefined ? ': is missing' : jsonProblem(value)
      if (problem !== undefined) return refuse(problem.slice(problem.lastIndexOf(': ') + 2))
      return JSON.stringify(value)
    }
  }
}
