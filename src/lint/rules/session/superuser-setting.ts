import type { StatementRule } from '../../rule.js'
import { knownSetting } from '../../settings/known-setting.js'

export const superuserSetting: StatementRule = {
  on: 'sql',
  id: 'superuser-setting',
  level: 'warning',
  summary: 'SET of a setting that a normal role may not change, or that takes a reload or restart.',
  why: '"permission denied to set parameter"; and where it is allowed it holds for this session only.',
  remedy:
    'ALTER ROLE or ALTER DATABASE … SET by a superuser (or GRANT SET ON PARAMETER), ALTER SYSTEM and a reload, or auto_explain for slow queries.',
  *check(statement, { version }) {
    const set = statement.is('VariableSetStmt')
    if (set?.name === undefined || set.kind !== 'VAR_SET_VALUE') return
    const setting = knownSetting(set.name, version)
    if (setting === undefined || setting.context === 'user') return
    const why =
      setting.context === 'superuser'
        ? 'takes a superuser'
        : setting.context === 'postmaster'
          ? 'takes a restart of the server'
          : 'is read from the configuration alone'
    yield { message: `${set.name} ${why}` }
  },
}
