import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly rights: string
}

/** 2.8: tables that everybody may change. */
export const publicWrite = defineCheck<Row>({
  id: 'public-write',
  title: 'Tables that everybody may change',
  area: 'security',
  level: 'warning',
  order: ORDER.security,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'A grant to PUBLIC holds for every role there is and will be, that of a monitoring tool too.',
  when: 'PUBLIC may insert into, update, delete from or truncate a table outside the system’s schemas.',
  advice: 'Grant to roles by name.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', c.oid::regclass, 'rights', g.rights) order by c.oid::regclass::text) filter (where g.rights is not null) as found
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join lateral (select string_agg(lower(x.privilege_type), ', ') as rights from aclexplode(c.relacl) x
      where x.grantee = 0 and x.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')) g on true
    where c.relkind in ('r', 'p', 'v', 'f') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_temp'`,
  evaluate: (rows) =>
    rows.map(({ table, rights }) => ({
      object: `table ${table}`,
      summary: `Everybody may ${rights} on ${table}.`,
      remedy: {
        text: 'Revoke it; roles that need it get it by name.',
        sql: [`revoke ${rights} on ${table} from public`],
        lock: 'none to speak of',
        undo: `grant ${rights} on ${table} to public`,
      },
    })),
})
