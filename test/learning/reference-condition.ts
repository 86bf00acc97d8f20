import type { Condition, Json } from 'pgfleet/learning'
import { canonical } from './reference.js'

/** Whether a condition holds in a context: the documentation of `Condition`, in TypeScript. */
export function conditionHolds(condition: Condition, context: Json): boolean {
  return Object.entries(condition).every(([key, member]) => {
    if (key === '$and') return (member as Condition[]).every((part) => conditionHolds(part, context))
    if (key === '$or') return (member as Condition[]).some((part) => conditionHolds(part, context))
    const actual = read(context, key.split('.'))
    return isTest(member)
      ? Object.entries(member).every(([operator, wanted]) => holds(operator, actual, wanted))
      : actual !== undefined && isEqual(actual, member as Json)
  })
}

function holds(operator: string, actual: Json | undefined, wanted: Json): boolean {
  switch (operator) {
    case '$eq':
      return actual !== undefined && isEqual(actual, wanted)
    case '$ne':
      return actual === undefined || !isEqual(actual, wanted)
    case '$in':
      return actual !== undefined && (wanted as Json[]).some((one) => isEqual(actual, one))
    case '$nin':
      return actual === undefined || !(wanted as Json[]).some((one) => isEqual(actual, one))
    case '$exists':
      return (actual !== undefined) === wanted
    default: {
      const order = compare(actual, wanted)
      if (order === undefined) return false
      if (operator === '$lt') return order < 0
      if (operator === '$lte') return order <= 0
      if (operator === '$gt') return order > 0
      if (operator === '$gte') return order >= 0
      throw new Error(`no operator ${operator}`)
    }
  }
}

/** Numbers by value, strings by code point; undefined for anything else. */
function compare(a: Json | undefined, b: Json): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return Math.sign(a - b)
  if (typeof a !== 'string' || typeof b !== 'string') return undefined
  return Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

function read(value: Json | undefined, path: readonly string[]): Json | undefined {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (Array.isArray(value)) return /^-?\d+$/.test(key) ? read(value.at(Number(key)), rest) : undefined
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return read((value as Record<string, Json>)[key], rest)
}

const isEqual = (a: Json, b: Json) => canonical(a) === canonical(b)

const isTest = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).some((key) => key.startsWith('$'))
