import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly schema: string
}

/** 2.8: schemas in which everybody may create objects. */
export const publicCreate = defineCheck<Row>({
  id: 'public-create',
  title: 'Schemas in which everybody may create objects',
  area: 'security',
  level: 'warning',
  order: ORDER.security,
  scope: 'schemas',
  absent: '',
  why: 'Who may create functions in a schema on the search_path of others can make them run. Databases that come from before PostgreSQL 15 still allow it in public.',
  when: 'PUBLIC has CREATE on a schema.',
  advice: 'Revoke it, and grant it to the roles that own what is in there.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('schema', quote_ident(n.nspname)) order by n.nspname)
        filter (where exists (select from aclexplode(n.nspacl) x where x.grantee = 0 and x.privilege_type = 'CREATE')) as found
    from pg_namespace n where n.nspname not like 'pg\\_%'`,
  evaluate: (rows) =>
    rows.map(({ schema }) => ({
      object: `schema ${schema}`,
      summary: `Everybody may create objects in schema ${schema}.`,
      remedy: {
        text: 'Revoke it; roles that need it get it by name.',
        sql: [`revoke create on schema ${schema} from public`],
        lock: 'none to speak of',
        undo: `grant create on schema ${schema} to public`,
      },
    })),
})
