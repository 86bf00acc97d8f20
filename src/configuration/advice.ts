import { type KnownSetting, knownSetting } from '../lint/settings/known-setting.js'
import { refusalOf } from './acceptance.js'
import type { GroupName } from './advised-setting.js'
import { SETTING_GROUPS } from './groups/index.js'
import type { Machine } from './machine.js'
import { memoryBudget } from './memory-budget.js'

/** A line of the configuration. */
export interface AdvisedLine {
  readonly name: string
  /** As postgresql.conf has it, without quotes. */
  readonly value: string
  readonly group: GroupName
  /** The unit of a bare number: kB, 8kB, ms, s, min, MB; empty for none. */
  readonly unit: string
  /** Who may set it, and when: user, superuser, sighup, postmaster ... */
  readonly context: string
  /** True when the server has to be restarted for it; else a reload does. */
  readonly restart: boolean
  readonly formula: string
  readonly why: string
  readonly cost: string
}

/** A value that was considered and is not advised. */
export interface RejectedLine {
  readonly name: string
  readonly value: string
  /** Who would not have it: what the build says of its settings, its start, the measurement, or the service. */
  readonly by: 'build' | 'boot' | 'measurement' | 'service'
  /** The server's own words, or the figures. */
  readonly reason: string
}

/** A configuration for a machine. */
export interface Advice {
  readonly machine: Machine
  readonly lines: readonly AdvisedLine[]
  readonly rejected: readonly RejectedLine[]
}

/** Tells what a build says of a setting; undefined for one that it does not have. */
export type SettingFacts = (name: string) => KnownSetting | undefined

/**
 * Works the configuration of a machine out. `facts` are those of the very build, where it could be asked; else what every build
 * of the major has, so that nothing is advised that only some were built with. What `refused` names is passed over.
 */
export function adviseConfiguration(
  machine: Machine,
  facts: SettingFacts = (name) => knownSetting(name, machine.version),
  refused: readonly RejectedLine[] = [],
): Advice {
  const given = { machine, memory: memoryBudget(machine) }
  const lines: AdvisedLine[] = []
  const rejected: RejectedLine[] = [...refused]
  for (const group of SETTING_GROUPS) {
    for (const { name, versions: [from, to] = [15, 18], formula, why, cost, values } of group.settings) {
      if (machine.version < from || machine.version > to) continue
      const setting = facts(name)
      for (const value of values(given)) {
        if (refused.some((one) => one.name === name && one.value === value)) continue
        const reason = refusalOf(name, value, setting)
        if (reason === undefined && setting !== undefined) {
          const { unit, context } = setting
          lines.push({
            name,
            value,
            group: group.name,
            unit,
            context,
            restart: context === 'postmaster',
            formula,
            why: typeof why === 'string' ? why : why(value),
            cost,
          })
          break
        }
        if (reason !== undefined) rejected.push({ name, value, by: 'build', reason })
      }
    }
  }
  return { machine, lines, rejected }
}
