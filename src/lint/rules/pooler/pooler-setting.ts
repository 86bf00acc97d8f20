import type { SettingsRule } from '../../rule.js'
import { closest } from '../../settings/closest.js'
import { POOLER_SETTINGS } from '../../settings/pooler-settings.js'

export const poolerSetting: SettingsRule = {
  on: 'pgbouncer.ini',
  id: 'pooler-setting',
  level: 'error',
  summary: 'A setting or value of pgbouncer.ini that PgBouncer does not know; also a comment behind a value.',
  why: 'PgBouncer refuses to start. A comment has to stand on a line of its own: behind a value ; and # are a part of it.',
  remedy: 'See the documentation of PgBouncer 1.25; put comments on lines of their own.',
  *check(file) {
    for (const { name, value, section, at, valueAt, valueEnd } of file.entries) {
      const comment = /\s[;#].*$/.exec(value)
      if (comment !== null && section === 'pgbouncer') {
        const start = valueAt + comment.index
        // The comment moves to a line of its own in front.
        const lineStart = file.source.lineStart(file.source.position(at).line)
        const line = file.source.text.slice(lineStart, start)
        yield {
          at: start + 1,
          message: `"${comment[0].trim()}" is a part of the value of ${name}`,
          fix: { start: lineStart, end: valueEnd, text: `; ${comment[0].trim().replace(/^[;#]\s*/, '')}\n${line}` },
        }
        continue
      }
      if (section !== 'pgbouncer') continue
      const values = POOLER_SETTINGS.get(name)
      if (values === undefined) {
        const near = closest(name, [...POOLER_SETTINGS.keys()])
        yield { at, message: `PgBouncer has no setting ${name}${near === undefined ? '' : `: did you mean ${near}?`}` }
      } else if (values.length > 0 && !values.includes(value.toLowerCase())) {
        yield { at: valueAt, message: `${name} is one of ${values.join(', ')}` }
      }
    }
  },
}
