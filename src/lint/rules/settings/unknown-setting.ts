import type { SettingsRule } from '../../rule.js'
import { closest } from '../../settings/closest.js'
import { knownSetting, settingMajors, settingNames } from '../../settings/known-setting.js'

export const unknownSetting: SettingsRule = {
  on: 'postgresql.conf',
  id: 'unknown-setting',
  level: 'error',
  summary: 'A setting that this major does not have.',
  why: 'The server does not start with it ("unrecognized configuration parameter"); a reload skips the whole file.',
  remedy: 'Remove it, or spell it as the server does: `select name from pg_settings`.',
  *check({ entries }, { version }) {
    for (const { name, at } of entries) {
      // A name with a point belongs to an extension, which may not be loaded here.
      if (name.includes('.') || knownSetting(name, version) !== undefined) continue
      const majors = settingMajors(name)
      const near = closest(name, settingNames())
      const hint =
        majors !== undefined
          ? `it exists in ${majors[0] === majors[1] ? majors[0] : `${majors[0]} to ${majors[1]}`}`
          : near === undefined
            ? 'no major from 15 to 18 has it'
            : `did you mean ${near}?`
      yield { at, message: `PostgreSQL ${version} has no setting ${name}: ${hint}` }
    }
  },
}
