import { settingsOf } from '../../baseline.js'
import { defineCheck, ORDER } from '../../check.js'

/** V4: settings that are not what they were. */
export const settingsDrift = defineCheck<unknown>({
  id: 'settings-drift',
  title: 'Settings that changed since the baseline',
  area: 'settings',
  level: 'info',
  order: ORDER.advice,
  needs: { fact: 'baseline' },
  scope: 'settings',
  absent: '',
  why: 'A setting that nobody remembers changing explains many a surprise.',
  when: 'A setting has another value than in the file given with --baseline. Of settings that may hold secrets hashes are compared.',
  advice: 'Find out who changed it and why; then write the baseline anew.',
  sql: `select count(*)::int as total, count(*)::int as examined, '[]'::jsonb as found from pg_settings`,
  evaluate: (_, { server, baseline }) => {
    const before = baseline?.settings ?? {}
    const now = settingsOf(server.settings)
    return Object.keys({ ...before, ...now })
      .filter((name) => now[name] !== before[name])
      .map((name) => ({
        object: `setting ${name}`,
        summary: `${name} was ${before[name] ?? 'not there'} and is ${now[name] ?? 'not there'}.`,
        remedy: {
          text: 'Find out who changed it and why; write the baseline anew when it is meant so.',
          lock: 'none',
          undo: 'set the old value',
        },
      }))
  },
})
