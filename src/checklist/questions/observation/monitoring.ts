import { defineQuestion } from '../../question.js'

/** Somebody is to watch. */
export const monitoring = defineQuestion({
  id: 'monitoring',
  concern: 'observation',
  question: 'Does monitoring have a login of its own?',
  why: 'Deadlocks, lags and a filling disk are seen by whoever looks all the time. It needs to see statistics, not rows: a member of pg_monitor, no superuser.',
  how: 'Logins that are members of pg_monitor and no superusers are looked for. Whether an alert reaches somebody cannot be seen in a database.',
  mend: 'create role monitor login password …; grant pg_monitor to monitor; then pgfleet monitor --webhook URL as a service, or pgfleet doctor from a timer, with its exit code as the alert',
  async ask({ query }) {
    const logins = await query<{ name: string }>(`
      select r.rolname as name from pg_roles r
      where r.rolcanlogin and not r.rolsuper and pg_has_role(r.oid, 'pg_monitor', 'member') order by 1`)
    if (logins.length === 0) return { answer: 'no', evidence: ['no login but superusers is a member of pg_monitor'] }
    return { answer: 'yes', evidence: [`logins: ${logins.map(({ name }) => name).join(', ')}`] }
  },
})
