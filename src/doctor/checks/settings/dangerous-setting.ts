import { defineCheck, type Level, ORDER } from '../../check.js'
import { type Setting, settingRemedy } from '../../setting.js'

/** Values with which the server may lose or invent data. */
const DANGERS: Readonly<Record<string, { when: (value: string) => boolean; to: string; level: Level; what: string }>> =
  {
    fsync: { when: (v) => v === 'off', to: 'on', level: 'error', what: 'a crash of the machine corrupts the database' },
    full_page_writes: {
      when: (v) => v === 'off',
      to: 'on',
      level: 'error',
      what: 'a crash of the machine can leave torn pages, unless the file system never tears them',
    },
    zero_damaged_pages: {
      when: (v) => v === 'on',
      to: 'off',
      level: 'error',
      what: 'damaged pages are silently emptied',
    },
    ignore_checksum_failure: { when: (v) => v === 'on', to: 'off', level: 'error', what: 'corrupt pages are used' },
    ignore_system_indexes: { when: (v) => v === 'on', to: 'off', level: 'error', what: 'a setting for rescues only' },
    ignore_invalid_pages: {
      when: (v) => v === 'on',
      to: 'off',
      level: 'error',
      what: 'recovery goes on over lost pages',
    },
    allow_in_place_tablespaces: {
      when: (v) => v === 'on',
      to: 'off',
      level: 'warning',
      what: 'a setting for developers only',
    },
    synchronous_commit: {
      when: (v) => v === 'off',
      to: 'on',
      level: 'warning',
      what: 'a crash loses the last commits of everybody, though they were confirmed',
    },
    pre_auth_delay: {
      when: (v) => v !== '0',
      to: '0',
      level: 'warning',
      what: 'every login waits: a setting for developers',
    },
    post_auth_delay: {
      when: (v) => v !== '0',
      to: '0',
      level: 'warning',
      what: 'every login waits: a setting for developers',
    },
  }

/** V7: settings that risk the data. */
export const dangerousSetting = defineCheck<Setting>({
  id: 'dangerous-setting',
  title: 'Settings that risk the data',
  area: 'settings',
  level: 'error',
  order: ORDER.data,
  scope: 'settings',
  absent: '',
  why: 'These settings trade the safety of the data for speed, or are meant for the rescue of a broken database.',
  when: 'fsync, full_page_writes or synchronous_commit is off for the whole server; or a setting for rescues or for developers is on.',
  advice:
    'Put them back. Writes that may be lost can say so themselves: SET LOCAL synchronous_commit = off in their transactions.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', s.name, 'value', coalesce(s.reset_val, s.setting), 'unit', s.unit,
        'source', s.source, 'context', s.context) order by s.name) as found
    from pg_settings s
    where s.name in ('fsync', 'full_page_writes', 'zero_damaged_pages', 'ignore_checksum_failure', 'ignore_system_indexes',
      'ignore_invalid_pages', 'allow_in_place_tablespaces', 'synchronous_commit', 'pre_auth_delay', 'post_auth_delay')`,
  evaluate: (rows) =>
    rows.flatMap((setting) => {
      const danger = DANGERS[setting.name]
      if (danger === undefined || !danger.when(setting.value)) return []
      return [
        {
          object: `setting ${setting.name}`,
          level: danger.level,
          summary: `${setting.name} is ${setting.value}: ${danger.what}.`,
          remedy: settingRemedy(setting, danger.to, 'Put it back.'),
        },
      ]
    }),
})
