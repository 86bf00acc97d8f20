import type { Sample } from '../snapshot.js'

/** A row of pg_settings of type bool, integer or real. */
export interface SettingRow {
  readonly name: string
  readonly setting: string
  readonly unit: string | null
  readonly vartype: string
}

const SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 }
const BYTES: Readonly<Record<string, number>> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 }

/** Every setting that is a number is a family of its own, `pg_settings_NAME`, in seconds or bytes where it has a unit. */
export const SETTING_PREFIX = 'pg_settings_'

/** The metric of a setting; undefined for what is no number. A special value such as -1 stays what it is. */
export function settingSample({ name, setting, unit, vartype }: SettingRow): Sample | undefined {
  const { amount, kind } = unitOf(unit)
  const number = vartype === 'bool' ? Number(setting === 'on') : Number(setting)
  if (!Number.isFinite(number)) return undefined
  const metric = `${SETTING_PREFIX}${name.replaceAll(/[^A-Za-z0-9_]/g, '_')}${kind === '' ? '' : `_${kind}`}`
  return { metric, labels: {}, value: number < 0 ? number : Number((number * amount).toPrecision(15)) }
}

/** A unit like `8kB` or `ms` as seconds or bytes. */
function unitOf(unit: string | null): { amount: number; kind: '' | 'seconds' | 'bytes' } {
  const [, times = '', name = ''] = /^(\d*)(\w+)$/.exec(unit ?? '') ?? []
  const factor = times === '' ? 1 : Number(times)
  const seconds = SECONDS[name]
  if (seconds !== undefined) return { amount: seconds * factor, kind: 'seconds' }
  const bytes = BYTES[name]
  if (bytes !== undefined) return { amount: bytes * factor, kind: 'bytes' }
  return { amount: 1, kind: '' }
}
