import type { SettingsRule } from '../../rule.js'
import { type KnownSetting, knownSetting, limitOf, measure, truth } from '../../settings/known-setting.js'

export const settingValue: SettingsRule = {
  on: 'postgresql.conf',
  id: 'setting-value',
  level: 'error',
  summary: 'A value that the setting does not take in this major: out of range, of another kind, with a wrong unit.',
  why: 'The server does not start with it; a reload skips the whole file.',
  remedy: 'See `select min_val, max_val, enumvals, unit from pg_settings where name = …` on a server of that major.',
  *check({ entries }, { version, catalog }) {
    for (const { name, value, valueAt } of entries) {
      const setting = knownSetting(name, version)
      const wrong =
        setting === undefined ? undefined : complaint(setting, value, version, catalog.choices.get(setting.name))
      if (wrong !== undefined) yield { at: valueAt, message: `${name}: ${wrong}` }
    }
  },
}

function complaint(
  setting: KnownSetting,
  value: string,
  version: number,
  built: readonly string[] | undefined,
): string | undefined {
  if (setting.type === 'string') return undefined
  if (setting.type === 'bool') return truth(value) === undefined ? `"${value}" is neither on nor off` : undefined
  if (setting.type === 'enum') {
    if (built !== undefined) {
      if (built.includes(value.toLowerCase()) || truth(value) !== undefined) return undefined
      return `"${value}" is none of ${built.join(', ')}, which this server was built with`
    }
    const words = setting.values.map((each) => each.toLowerCase())
    // What a server was built with decides which compressions and I/O methods it has: one that can be asked was.
    const mayBe = /compression|io_method/.test(setting.name) && /^(lz4|zstd|io_uring|pglz)$/i.test(value)
    if (words.includes(value.toLowerCase()) || mayBe || truth(value) !== undefined) return undefined
    return `"${value}" is none of ${setting.values.join(', ')} in PostgreSQL ${version}`
  }
  const measured = measure(setting, value)
  if (typeof measured === 'string') return measured
  const [least, most] = [limitOf(setting, setting.min), limitOf(setting, setting.max)]
  if (measured >= least && measured <= most) return undefined
  return `${value} is outside ${setting.min} to ${setting.max}${setting.unit === '' ? '' : ` ${setting.unit}`}`
}
