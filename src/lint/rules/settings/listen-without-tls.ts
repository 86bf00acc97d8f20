import type { SettingsRule } from '../../rule.js'
import { truth } from '../../settings/known-setting.js'

export const listenWithoutTls: SettingsRule = {
  on: 'postgresql.conf',
  id: 'listen-without-tls',
  level: 'warning',
  summary: 'A server that listens on all addresses without TLS.',
  why: 'Rows, and with password or MD5 the passwords, cross the network in the clear.',
  remedy: '`ssl = on` with a certificate, hostssl lines in pg_hba.conf, and a private address.',
  *check(file) {
    const listen = file.get('listen_addresses')
    if (listen === undefined || !/(^|,)\s*(\*|0\.0\.0\.0|::)\s*(,|$)/.test(listen.value)) return
    const ssl = file.get('ssl')
    if ((ssl === undefined && file.partial) || truth(ssl?.value ?? 'off') === true) return
    yield { at: listen.at, message: `${listen.value} is every network that the machine is in, and ssl is off` }
  },
}
