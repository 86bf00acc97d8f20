import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly role: string
  readonly ident: string
}

/** V10: passwords whose stored form is as good as the password. */
export const md5Password = defineCheck<Row>({
  id: 'md5-password',
  title: 'Passwords stored as MD5',
  area: 'security',
  level: 'warning',
  order: ORDER.security,
  needs: { rights: 'a superuser: nobody else may read pg_authid' },
  scope: 'roles with a password',
  absent: 'no role has a password',
  why: 'Who has an MD5 hash can log in with it, and MD5 is quickly guessed. PostgreSQL 18 calls it deprecated; a later version removes it.',
  when: 'The stored form of a role’s password begins with md5.',
  advice:
    'Set password_encryption to scram-sha-256, then set each of the passwords anew, by psql’s \\password so that it stays out of the log. Clients that know no SCRAM have to be updated first.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('role', r.rolname, 'ident', quote_ident(r.rolname)) order by r.rolname)
        filter (where r.rolpassword ~ '^md5') as found
    from pg_authid r where r.rolpassword is not null`,
  evaluate: (rows) =>
    rows.map(({ role }) => ({
      object: `role ${role}`,
      summary: `The password of role ${role} is stored as an MD5 hash.`,
      remedy: {
        text: `Set its password anew with password_encryption = 'scram-sha-256': \\password ${role} in psql.`,
        lock: 'none; open sessions stay',
        undo: 'none needed',
      },
    })),
})
