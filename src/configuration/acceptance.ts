import { type KnownSetting, limitOf, measure, truth } from '../lint/settings/known-setting.js'

/**
 * Why a build would not take a value, by what it says of the setting (pg_settings: vartype, enumvals, min_val, max_val);
 * undefined when it would. `setting` is undefined where the build has none of the name.
 */
export function refusalOf(name: string, value: string, setting: KnownSetting | undefined): string | undefined {
  if (setting === undefined) return `unrecognized configuration parameter "${name}"`
  switch (setting.type) {
    case 'string':
      return undefined
    case 'bool':
      return truth(value) === undefined ? `parameter "${name}" requires a Boolean value` : undefined
    case 'enum': {
      const words = setting.values.map((word) => word.toLowerCase())
      return words.includes(value.toLowerCase())
        ? undefined
        : `invalid value for parameter "${name}": "${value}"; available values: ${setting.values.join(', ')}`
    }
    default: {
      const measured = measure(setting, value)
      if (typeof measured === 'string') return `invalid value for parameter "${name}": ${measured}`
      if (measured >= limitOf(setting, setting.min) && measured <= limitOf(setting, setting.max)) return undefined
      return `${value} is outside the valid range for parameter "${name}" (${setting.min} .. ${setting.max})`
    }
  }
}

/** True when two texts are the same value of a setting: `1GB` and `131072` pages, `on` and `true`. */
export function isSameValue(setting: KnownSetting, a: string, b: string): boolean {
  if (setting.type === 'bool') return truth(a) === truth(b)
  if (setting.type === 'enum') return a.toLowerCase() === b.toLowerCase()
  if (setting.type === 'string') return listOf(a).join(',') === listOf(b).join(',')
  const [left, right] = [measure(setting, a), measure(setting, b)]
  return typeof left === 'number' && typeof right === 'number' ? Math.abs(left - right) < 1e-9 : a === b
}

/** The members of a list such as `shared_preload_libraries`, without quotes. */
export function listOf(value: string): string[] {
  return value
    .split(',')
    .map((each) => each.trim().replaceAll('"', ''))
    .filter((each) => each !== '')
}
