import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly role: string
}

/** V11: how many may do everything. */
export const superusers = defineCheck<Row>({
  id: 'superusers',
  title: 'Many superusers',
  area: 'security',
  level: 'warning',
  order: ORDER.security,
  scope: 'roles that may log in',
  absent: 'no role may log in',
  why: 'A superuser passes every check of rights, row-level security too, and may run programs on the server.',
  when: 'More roles than the threshold are superusers that may log in.',
  advice:
    'Take the attribute from roles that do not administer the server: predefined roles such as pg_monitor, pg_read_all_data or pg_maintain give narrower rights.',
  uses: ['superusers'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('role', quote_ident(r.rolname)) order by r.rolname) filter (where r.rolsuper) as found
    from pg_roles r where r.rolcanlogin`,
  evaluate: (rows, { thresholds }) =>
    rows.length <= thresholds.superusers
      ? []
      : [
          {
            object: 'superusers',
            summary: `${count(rows.length)} roles that may log in are superusers.`,
            evidence: [rows.map(({ role }) => role).join(', ')],
            remedy: {
              text: 'Grant each what it needs, then alter role … nosuperuser.',
              lock: 'none; open sessions stay what they are',
              undo: 'alter role … superuser',
            },
          },
        ],
})
