import type { StatementRule } from '../../rule.js'
import { closest } from '../../settings/closest.js'
import { knownSetting, settingMajors, settingNames } from '../../settings/known-setting.js'

/** What SET takes besides the settings that the server lists. */
const OTHERS: ReadonlySet<string> = new Set([
  'session authorization',
  'session_authorization',
  'role',
  'names',
  'transaction',
  'session characteristics',
  'seed',
  'timezone',
  'client_encoding',
  'is_superuser',
])

export const unknownSessionSetting: StatementRule = {
  on: 'sql',
  id: 'unknown-session-setting',
  level: 'error',
  summary: 'SET, or ALTER SYSTEM, ROLE, DATABASE or FUNCTION … SET, of a setting that this major does not have.',
  why: '"unrecognized configuration parameter".',
  remedy: 'Spell it as the server does: `select name from pg_settings`.',
  *check(statement, { version }) {
    if (statement.routine?.dynamic === true) return
    for (const { node } of statement.all('VariableSetStmt')) {
      const name = node.name?.toLowerCase()
      if (name === undefined || name.includes('.') || OTHERS.has(name)) continue
      // A name that the program fills in.
      if (/^hole_\d+$/.test(name)) continue
      if (/^VAR_(SET_MULTI|RESET_ALL)$/.test(node.kind ?? '') || knownSetting(name, version) !== undefined) continue
      const majors = settingMajors(name)
      const near = closest(name, settingNames())
      const hint =
        majors !== undefined
          ? `it is there in ${majors[0]} to ${majors[1]}`
          : near === undefined
            ? 'no major from 15 to 18 has it'
            : `did you mean ${near}?`
      yield { message: `PostgreSQL ${version} has no setting ${name}: ${hint}` }
    }
  },
}
