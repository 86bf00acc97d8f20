import { defineQuestion } from '../../question.js'

/** Passwords and rows cross networks. */
export const encryptedConnections = defineQuestion({
  id: 'encrypted-connections',
  concern: 'isolation',
  question: 'Are connections from other machines encrypted?',
  why: 'What crosses a network in the clear can be read and changed on the way.',
  how: 'The server’s `ssl` and the addresses that it listens on are read, and sessions from other machines that came without encryption are counted.',
  mend: 'alter system set ssl = on, with a certificate; and hostssl in pg_hba.conf: docs/deploying.md',
  async ask({ query, server }) {
    const { ssl, listen_addresses: addresses = '' } = server.settings
    const local = addresses.split(',').every((each) => /^\s*(|localhost|127\.\S*|::1)\s*$/.test(each))
    if (ssl !== 'on' && local) return { answer: 'not applicable', evidence: [`it listens on "${addresses}" alone`] }
    if (ssl !== 'on') return { answer: 'no', evidence: [`ssl is off, and it listens on "${addresses}"`] }
    const [row] = await query<{ plain: number; all: number }>(`
      select count(*)::int as all, (count(*) filter (where not s.ssl))::int as plain
      from pg_stat_activity a join pg_stat_ssl s on s.pid = a.pid
      where a.client_addr is not null and not a.client_addr <<= inet '127.0.0.0/8' and a.client_addr <> inet '::1'`)
    const { plain = 0, all = 0 } = row ?? {}
    if (plain > 0)
      return { answer: 'no', evidence: [`${plain} of ${all} sessions from other machines are not encrypted`] }
    if (!server.monitor) return { answer: 'cannot tell', evidence: ['ssl is on; the login may not see other sessions'] }
    return { answer: 'yes', evidence: [`ssl is on; ${all} sessions from other machines, all encrypted`] }
  },
})
