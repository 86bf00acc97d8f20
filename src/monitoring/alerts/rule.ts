import type { Level } from '../../doctor/check.js'
import type { Condition } from './condition.js'

/** How long a condition may be gone before its alert is over, in milliseconds: what comes and goes is told once. */
export const KEEP_FIRING_MS = 300_000

/** One thing to be warned of. All rules have this one shape, and one file each. */
export interface AlertRule {
  /** Kebab-case, never renamed. Also the name of its file, and in camel case behind `Pgfleet` that of the Prometheus alert. */
  readonly id: string
  /** What is wrong, in a few words. */
  readonly title: string
  /** How much it matters, as the doctor's levels do. */
  readonly level: Level
  /** When it is due. */
  readonly condition: Condition
  /** For how many seconds the condition has to hold first. */
  readonly forS: number
  /** One sentence about one alert; `{label}` is a label, `{value|bytes}` the number: bytes, count, duration or percent. */
  readonly summary: string
  /** What it leads to; whole sentences. */
  readonly meaning: string
  /** What to do; whole sentences. */
  readonly action: string
  /** The doctor's check that explains it and names the statements. */
  readonly check?: string
}

/** Declares a rule. */
export function defineAlert(rule: AlertRule): AlertRule {
  return Object.freeze(rule)
}

/** The name of the Prometheus alert: `PgfleetServerDown` of server-down. */
export function alertName({ id }: AlertRule): string {
  return `Pgfleet${id.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}`
}

/** The label `severity`, in the words that Alertmanager's users route by. */
export function severityOf({ level }: AlertRule): 'critical' | 'warning' | 'info' {
  return level === 'error' ? 'critical' : level
}
