import type { Json } from '../../../content.js'
import { toJson } from '../../../content.js'

/** A member that differs: `type`, `name`, or one of the properties. */
export interface Difference {
  /** `['name']`, or `['properties', 'team']`. */
  readonly path: readonly string[]
  /** Undefined where there was none. */
  readonly before: Json | undefined
  readonly after: Json | undefined
}

interface Described {
  readonly type: string
  readonly name: string
  readonly properties: Readonly<Record<string, Json>>
}

/** What differs between two descriptions, by name; where one is missing, all of the other. */
export function differences(before: Described | undefined, after: Described | undefined): Difference[] {
  const found: Difference[] = []
  const compare = (path: readonly string[], was: Json | undefined, is: Json | undefined) => {
    if (canonical(was) !== canonical(is)) found.push({ path, before: was, after: is })
  }
  compare(['type'], before?.type, after?.type)
  compare(['name'], before?.name, after?.name)
  const names = new Set([...Object.keys(before?.properties ?? {}), ...Object.keys(after?.properties ?? {})])
  for (const name of [...names].sort()) {
    compare(['properties', name], own(before?.properties, name), own(after?.properties, name))
  }
  return found
}

/** Equal for equal values, whatever the order of their members. */
function canonical(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : toJson('properties', value, Number.POSITIVE_INFINITY)
}

function own(properties: Readonly<Record<string, Json>> | undefined, name: string): Json | undefined {
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined
}
