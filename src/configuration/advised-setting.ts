import type { Machine } from './machine.js'
import type { MemoryBudget } from './memory-budget.js'

/** The groups that settings are advised, tried and measured in. */
export const GROUPS = ['memory', 'connections', 'wal', 'planner', 'parallelism', 'io', 'autovacuum', 'logging'] as const
/** One of the groups. */
export type GroupName = (typeof GROUPS)[number]

/** What a value is worked out from. */
export interface Given {
  readonly machine: Machine
  readonly memory: MemoryBudget
}

/** How a setting is advised: all that is known of it stands in one place. */
export interface SettingDeclaration {
  readonly name: string
  /** Where the formula is from: P the documentation of PostgreSQL, T pgtune, W its wiki and developers, O our own. */
  readonly source: string
  /** Majors that have it. @default all */
  readonly versions?: readonly [from: number, to: number]
  /** The formula, in words. */
  readonly formula: string
  /** Why it is not left alone, in one sentence; by value where one has another reason than the other. */
  readonly why: string | ((value: string) => string)
  /** What it costs when it is wrong. */
  readonly cost: string
  /**
   * The value as postgresql.conf has it, the best first: the first that the server takes is used. Empty when the setting is
   * best left as it is.
   */
  values(given: Given): readonly string[]
}

/** Settings that belong together: they are measured together, and kept or dropped together. */
export interface SettingGroup {
  readonly name: GroupName
  readonly title: string
  /** `speed` has to win when it is measured; `safety` must not lose. */
  readonly purpose: 'speed' | 'safety'
  readonly settings: readonly SettingDeclaration[]
}

/** A size as postgresql.conf has it, in the largest unit that leaves no remainder. */
export function sizeText(bytes: number): string {
  const kilobytes = Math.floor(bytes / 1024)
  if (kilobytes % 1024 ** 2 === 0) return `${kilobytes / 1024 ** 2}GB`
  return kilobytes % 1024 === 0 ? `${kilobytes / 1024}MB` : `${kilobytes}kB`
}
