import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly unset: readonly string[]
  readonly roles: readonly string[]
}

/** M9: is there an end to what hangs? */
export const timeouts = defineCheck<Row>({
  id: 'timeouts',
  title: 'No limit on idle transactions and statements',
  area: 'connections',
  level: 'info',
  order: ORDER.settings,
  scope: 'settings',
  absent: '',
  why: 'A client that hangs inside a transaction, or a statement that never ends, holds its locks and its snapshot until somebody notices.',
  when: 'idle_in_transaction_session_timeout or statement_timeout is 0 for the server and this database, and no role or database has a value of its own.',
  advice:
    'Set them for the roles of applications, not for the whole server: backups and migrations need more time. `transaction_timeout` (PostgreSQL 17) limits whole transactions. Migrations want a lock_timeout of a few seconds.',
  sql: `
    with own as (
      select distinct split_part(c.entry, '=', 1) as name
      from pg_db_role_setting s, unnest(s.setconfig) c (entry) where split_part(c.entry, '=', 2) not in ('0', '')
    )
    select 2 as total, 2 as examined, jsonb_build_array(jsonb_build_object(
      'unset', (select coalesce(jsonb_agg(s.name order by s.name), '[]') from pg_settings s
        where s.name in ('idle_in_transaction_session_timeout', 'statement_timeout') and s.reset_val = '0'
          and s.name not in (select name from own)),
      'roles', (select coalesce(jsonb_agg(quote_ident(r.rolname) order by r.rolname), '[]') from pg_roles r
        where r.rolcanlogin and not r.rolsuper and not r.rolreplication))) as found`,
  evaluate: ([row]) =>
    (row?.unset ?? []).map((name) => {
      const value = name === 'statement_timeout' ? '30s' : '60s'
      const [role] = row?.roles ?? []
      return {
        object: `setting ${name}`,
        summary: `${name} is 0 everywhere: nothing ends what hangs.`,
        remedy: {
          text: `Set it for each role of an application, here for example to ${value}; long reports set their own.`,
          ...(role === undefined || (row?.roles.length ?? 0) > 1
            ? {}
            : { sql: [`alter role ${role} set ${name} = '${value}'`] }),
          lock: 'none; new sessions have it',
          undo: `alter role … reset ${name}`,
        },
      }
    }),
})
