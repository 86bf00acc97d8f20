import type { SettingsRule } from '../../rule.js'

export const passwordEncryption: SettingsRule = {
  on: 'postgresql.conf',
  id: 'password-encryption-md5',
  level: 'warning',
  summary: 'password_encryption = md5.',
  why: 'The hash is what logs in: whoever reads it needs no password. Support is deprecated in 18 and will be removed.',
  remedy: 'scram-sha-256, and set the passwords anew.',
  *check(file) {
    const entry = file.get('password_encryption')
    if (entry === undefined || !/^md5$/i.test(entry.value)) return
    const fix = {
      start: entry.valueAt,
      end: entry.valueEnd,
      text: file.source.text[entry.valueAt] === "'" ? "'scram-sha-256'" : 'scram-sha-256',
    }
    yield { at: entry.at, message: 'new passwords are hashed with MD5', ...(entry.valueEnd > entry.valueAt && { fix }) }
  },
}
