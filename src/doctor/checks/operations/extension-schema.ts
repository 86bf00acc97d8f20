import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly extension: string
  readonly relocatable: boolean
  readonly writers: boolean
}

/** 2.8: extensions among the objects of everybody. */
export const extensionSchema = defineCheck<Row>({
  id: 'extension-schema',
  title: 'Extensions in the schema public',
  area: 'operations',
  level: 'info',
  order: ORDER.advice,
  scope: 'extensions',
  absent: 'there are no extensions',
  why: 'Functions of an extension in public stand among those of applications. Where others may create objects there too, somebody can put a function or an operator of the same name beside it that fits the arguments better, and is called in its place.',
  when: 'An extension lies in public, and everybody may create objects there. plpgsql and what has a schema of its own is left out.',
  advice:
    'Put extensions into a schema of their own that nobody may create objects in, and into the search_path of those who use them.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('extension', quote_ident(e.extname), 'relocatable', e.extrelocatable) order by e.extname)
        filter (where n.nspname = 'public' and exists (select from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
          where x.grantee = 0 and x.privilege_type = 'CREATE')) as found
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace`,
  evaluate: (rows) =>
    rows.map(({ extension, relocatable }) => ({
      object: `extension ${extension}`,
      summary: `${extension} lies in public, where everybody may create objects.`,
      remedy: {
        text: relocatable
          ? 'Take the right to create objects in public from everybody; or move it, and see that search_path of its users has the new schema.'
          : 'Take the right to create objects in public from everybody; this extension cannot be moved.',
        sql: ['revoke create on schema public from public'],
        lock: 'none to speak of',
        undo: 'grant create on schema public to public',
      },
    })),
})
