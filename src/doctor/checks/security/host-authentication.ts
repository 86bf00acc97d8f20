import { defineCheck, type Level, ORDER } from '../../check.js'

interface Row {
  readonly line: number
  readonly type: string
  readonly databases: string
  readonly users: string
  readonly address: string | null
  readonly netmask: string | null
  readonly method: string
  readonly error: string | null
}

const LOOPBACK = /^(127\.|::1$|localhost$)/

/** V10: who is let in without proof, or with a weak one. */
export const hostAuthentication = defineCheck<Row>({
  id: 'host-authentication',
  title: 'Weak rules for logins',
  area: 'security',
  level: 'error',
  order: ORDER.security,
  needs: { rights: 'a superuser, or the right to execute pg_hba_file_rules()' },
  scope: 'rules of pg_hba.conf',
  absent: 'there are no rules',
  why: 'trust lets anybody in as anybody; password sends the password in the clear; md5 rules accept weak hashes.',
  when: 'A rule is trust (error from other machines, warning from this one), password without TLS, md5 (info, since such a rule also takes SCRAM passwords), or cannot be read.',
  advice: 'Use scram-sha-256, peer for sockets, or certificates; hostssl instead of host for other machines.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('line', h.line_number, 'type', h.type, 'databases', array_to_string(h.database, ','),
        'users', array_to_string(h.user_name, ','), 'address', h.address, 'netmask', h.netmask, 'method', h.auth_method,
        'error', h.error) order by h.line_number)
        filter (where h.auth_method in ('trust', 'password', 'md5') or h.error is not null) as found
    from pg_hba_file_rules h`,
  evaluate: (rows) =>
    rows.map(({ line, type, databases, users, address, method, error }) => {
      const remote = type !== 'local' && !LOOPBACK.test(address ?? '')
      const level: Level =
        error !== null
          ? 'error'
          : method === 'trust'
            ? remote
              ? 'error'
              : 'warning'
            : method === 'password' && type !== 'hostssl'
              ? 'warning'
              : 'info'
      return {
        object: error === null ? `rule ${type} ${databases} ${users} ${address ?? ''} ${method}` : `line ${line}`,
        level,
        summary:
          error === null
            ? `Line ${line} of pg_hba.conf: ${method} for user ${users}, database ${databases}, ${address === null ? 'on the local socket' : `from ${address}`}.`
            : `Line ${line} of pg_hba.conf cannot be read: ${error}.`,
        remedy: {
          text: 'Change the method to scram-sha-256 (peer for a local socket), make sure that the roles have a SCRAM password, and reload.',
          lock: 'none; open sessions stay',
          undo: 'put the line back and reload',
        },
      }
    }),
})
