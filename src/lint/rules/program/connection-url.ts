import type { ProgramRule } from '../../rule.js'

const LOCAL = /^(localhost|127\.|\[?::1|host\.docker\.internal|.*\.local$|$)/

export const connectionUrl: ProgramRule = {
  on: 'ts',
  id: 'connection-url',
  level: 'warning',
  summary:
    "A database url in the program that logs in as postgres, asks for no TLS, or names a pooler's port on a host that has none.",
  why: 'A superuser passes by row-level security; without TLS the password crosses the network in the clear; db.<project>.supabase.co:6543 is not the shared pooler.',
  remedy:
    'A role of its own that owns nothing; sslmode=verify-full; on Supabase the host *.pooler.supabase.com with the user postgres.<project>; and the url from the environment.',
  *check(program) {
    for (const { node } of program.places) {
      const raw =
        node.type === 'StringLiteral'
          ? String(node.value)
          : node.type === 'TemplateElement'
            ? String((node.value as { raw: string }).raw)
            : ''
      const [, user = '', host = '', port, query = ''] =
        /^postgres(?:ql)?:\/\/(?:([^:@/\s]*)(?::[^@\s]*)?@)?([^:/?\s]*)(?::(\d+))?[^?\s]*(\?\S*)?$/.exec(raw) ?? []
      if (host === '' || LOCAL.test(host)) continue
      if (/^(postgres|root|rdsadmin|supabase_admin)$/.test(user))
        yield { at: node.start, message: `the program is ${user}: row-level security does not hold for it` }
      if (/sslmode=(disable|allow|prefer)/.test(query))
        yield { at: node.start, message: `the connection to ${host} is not encrypted for sure` }
      if (/^db\..*\.supabase\.co$/.test(host) && port === '6543')
        yield { at: node.start, message: `${host} is the database itself, and 6543 the port of its pooler's host` }
    }
  },
}
