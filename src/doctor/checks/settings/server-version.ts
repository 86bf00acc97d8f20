import { defineCheck, ORDER } from '../../check.js'

/** Newest minor of each major when this was written, and until when the project corrects it. */
const RELEASES: Readonly<Record<number, { minor: number; endOfLife: string }>> = {
  15: { minor: 19, endOfLife: '2027-11-11' },
  16: { minor: 15, endOfLife: '2028-11-09' },
  17: { minor: 11, endOfLife: '2029-11-08' },
  18: { minor: 6, endOfLife: '2030-11-14' },
}
/** Days before the end of a major at which to speak of it. */
const NOTICE_DAYS = 180

interface Row {
  readonly major: number
  readonly minor: number
  readonly today: string
}

/** V1: is the server still corrected, and has it the corrections? */
export const serverVersion = defineCheck<Row>({
  id: 'server-version',
  title: 'The version of the server',
  area: 'settings',
  level: 'error',
  order: ORDER.security,
  scope: 'servers',
  absent: '',
  why: 'Minor releases hold nothing but corrections, of data loss and security among them. A major past its end gets none.',
  when: 'The major is past its end (error) or near it (warning); or the minor is older than the newest that this doctor knows: two or more behind are a warning, one is info, because distributions take a while.',
  advice:
    'Install the newest minor: the data stay, a restart is enough; the release notes tell what to do afterwards. For a new major plan an upgrade.',
  sql: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object(
      'major', current_setting('server_version_num')::int / 10000,
      'minor', current_setting('server_version_num')::int % 10000, 'today', current_date)) as found`,
  evaluate: ([row]) => {
    const release = RELEASES[row?.major ?? 0]
    if (row === undefined || release === undefined) return []
    const behind = release.minor - row.minor
    const daysLeft = (Date.parse(release.endOfLife) - Date.parse(row.today)) / 86_400_000
    const remedy = (text: string) => ({ text, lock: 'a restart ends all sessions', undo: 'install the older packages' })
    return [
      ...(daysLeft < NOTICE_DAYS
        ? [
            {
              object: `major ${row.major}`,
              level: daysLeft < 0 ? ('error' as const) : ('warning' as const),
              summary: `PostgreSQL ${row.major} ${daysLeft < 0 ? 'has had' : 'gets'} no more corrections ${daysLeft < 0 ? 'since' : 'after'} ${release.endOfLife}.`,
              remedy: remedy(
                'Plan the upgrade to a newer major: pg_upgrade, or logical replication with hardly any downtime.',
              ),
            },
          ]
        : []),
      ...(behind > 0
        ? [
            {
              object: `minor of ${row.major}`,
              level: behind > 1 ? ('warning' as const) : ('info' as const),
              summary: `The server is ${row.major}.${row.minor}; ${row.major}.${release.minor} is out.`,
              remedy: remedy('Install the newest minor from where the packages come from, and restart.'),
            },
          ]
        : []),
    ]
  },
})
