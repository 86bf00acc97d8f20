import { defineCheck, ORDER } from '../../check.js'

/** First version without the known faults. */
const SOUND = [1, 25, 2] as const

interface Row {
  readonly version: string
}

/** V2: PgBouncer in a version with known faults. */
export const poolerVersion = defineCheck<Row>({
  id: 'pooler-version',
  title: 'A pooler with known faults',
  area: 'connections',
  level: 'info',
  order: ORDER.security,
  source: 'pooler',
  scope: 'poolers',
  absent: '',
  why: 'PgBouncer before 1.25.2 has faults that were corrected since, of security among them; before 1.21 it does not track prepared statements in transaction mode.',
  when: 'The version is older than 1.25.2. Info, because distributions correct the gravest in packages of an older number.',
  advice: 'Update it; clients are let finish by SHUTDOWN WAIT_FOR_CLIENTS, or by so_reuseport with two of them.',
  sql: 'show version',
  evaluate: (rows) =>
    rows.flatMap(({ version }) => {
      const numbers = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(version)?.slice(1).map(Number) ?? []
      const place = SOUND.findIndex((number, index) => (numbers[index] || 0) !== number)
      if (numbers.length === 0 || place < 0 || (numbers[place] || 0) > (SOUND[place] ?? 0)) return []
      return [
        {
          object: 'pooler',
          summary: `The pooler is ${version}; ${SOUND.join('.')} has corrections.`,
          remedy: {
            text: 'Update it.',
            lock: 'none; clients have to connect again',
            undo: 'install the older package',
          },
        },
      ]
    }),
})
