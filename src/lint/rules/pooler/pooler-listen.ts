import type { SettingsRule } from '../../rule.js'

export const poolerListen: SettingsRule = {
  on: 'pgbouncer.ini',
  id: 'pooler-listen',
  level: 'warning',
  summary: 'A pooler that listens on all addresses without TLS.',
  why: 'Passwords and rows cross every network of the machine in the clear.',
  remedy: 'Bind a private address; client_tls_sslmode = require with a key and a certificate.',
  *check(file) {
    const listen = file.get('listen_addr', 'pgbouncer')
    if (listen === undefined || !/(^|,)\s*(\*|0\.0\.0\.0|::)(\s|,|$)/.test(listen.value)) return
    const tls = file.get('client_tls_sslmode', 'pgbouncer')
    if (/^(require|verify)/i.test(tls?.value ?? '') || (tls === undefined && file.partial)) return
    yield {
      at: listen.at,
      message: `${listen.value.split(/\s/)[0]} is every network that the machine is in, and TLS is not required`,
    }
  },
}
