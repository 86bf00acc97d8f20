import { defineQuestion } from '../../question.js'

/** Policies hold nobody who may pass them. */
export const loginRights = defineQuestion({
  id: 'login-rights',
  concern: 'isolation',
  question: 'Does the application have a login of its own, without the rights of a superuser?',
  why: 'pgfleet takes an unprivileged role for each call, whoever logs in. An application that logs in as a superuser can do everything else, and so can whoever gets hold of its password.',
  how: 'Logins that may act as pgfleet_app, superusers aside, are looked for; none of them may bypass row-level security.',
  mend: 'create role app login password …; grant pgfleet_app to app; and name it in the application’s url',
  checks: ['superusers'],
  async ask({ query }) {
    const logins = await query<{ name: string; bypasses: boolean }>(`
      select r.rolname as name, r.rolbypassrls as bypasses from pg_roles r
      where r.rolcanlogin and not r.rolsuper and exists (select from pg_roles a where a.rolname = 'pgfleet_app' and pg_has_role(r.oid, a.oid, 'member'))
      order by 1`)
    if (logins.length === 0) return { answer: 'no', evidence: ['nobody but superusers may act as pgfleet_app'] }
    const bypass = logins.filter(({ bypasses }) => bypasses).map(({ name }) => name)
    if (bypass.length > 0) return { answer: 'no', evidence: [`${bypass.join(', ')}: BYPASSRLS`] }
    return { answer: 'yes', evidence: [`logins: ${logins.map(({ name }) => name).join(', ')}`] }
  },
})
