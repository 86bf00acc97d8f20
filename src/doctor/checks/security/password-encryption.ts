import { defineCheck, ORDER } from '../../check.js'
import { type Setting, settingRemedy } from '../../setting.js'

/** V10: how new passwords are stored. */
export const passwordEncryption = defineCheck<Setting>({
  id: 'password-encryption',
  title: 'New passwords are stored as MD5',
  area: 'security',
  level: 'warning',
  order: ORDER.security,
  scope: 'settings',
  absent: '',
  why: 'Every password that is set from now on is stored in the form that is as good as the password itself.',
  when: 'password_encryption is md5.',
  advice: 'Set it to scram-sha-256, once all clients know SCRAM: libpq does since version 10.',
  sql: `
    select 1 as total, 1 as examined, jsonb_agg(jsonb_build_object('name', s.name, 'value', s.setting, 'unit', s.unit,
      'source', s.source, 'context', s.context)) filter (where s.setting = 'md5') as found
    from pg_settings s where s.name = 'password_encryption'`,
  evaluate: (rows) =>
    rows.map((setting) => ({
      object: 'setting password_encryption',
      summary: 'password_encryption is md5.',
      remedy: settingRemedy(
        setting,
        'scram-sha-256',
        'Store new passwords as SCRAM verifiers, and set the old ones anew.',
      ),
    })),
})
