import { type Draft, defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly key: string
  readonly value: string
}

/** M11: settings of PgBouncer that break clients or hide trouble. */
export const poolerSettings = defineCheck<Row>({
  id: 'pooler-settings',
  title: 'Settings of the pooler',
  area: 'connections',
  level: 'warning',
  order: ORDER.settings,
  source: 'pooler',
  scope: 'settings of the pooler',
  absent: '',
  why: 'Behind a pool in transaction mode a named prepared statement of one client is missing for the next, unless the pooler tracks them; and what a session sets is not reset between clients.',
  when: 'In transaction mode max_prepared_statements is 0; auth_type is trust, any, plain or md5; clients may wait for ever (query_wait_timeout 0); or server_reset_query_always is on, which hides that sessions set things.',
  advice:
    'Set max_prepared_statements to 200, auth_type to scram-sha-256 (with auth_query), query_wait_timeout to some seconds more than clients wait.',
  sql: 'show config',
  evaluate: (rows) => {
    const value = new Map(rows.map((row) => [row.key, row.value]))
    const transaction = value.get('pool_mode') !== 'session'
    const faults: (readonly [string, boolean, Draft['level'], string, string])[] = [
      [
        'max_prepared_statements',
        transaction && value.get('max_prepared_statements') === '0',
        'warning',
        'named prepared statements of drivers fail',
        '200',
      ],
      [
        'auth_type',
        ['trust', 'any', 'plain', 'md5'].includes(value.get('auth_type') ?? ''),
        'warning',
        'logins need no proof, or a weak one',
        'scram-sha-256',
      ],
      ['query_wait_timeout', value.get('query_wait_timeout') === '0', 'info', 'clients wait for ever', '30'],
      [
        'server_reset_query_always',
        transaction && value.get('server_reset_query_always') === '1',
        'info',
        'the reset after each transaction hides settings of sessions, and costs a round trip',
        '0',
      ],
    ]
    return faults.flatMap(([name, faulty, level, what, to]) =>
      faulty
        ? [
            {
              object: `pooler setting ${name}`,
              ...(level === undefined ? {} : { level }),
              summary: `${name} of the pooler is ${value.get(name)}: ${what}.`,
              remedy: {
                text: `Set ${name} = ${to} in pgbouncer.ini, and reload.`,
                lock: 'none; reload of the pooler',
                undo: 'set the old value and reload',
              },
            },
          ]
        : [],
    )
  },
})
