import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly function: string
  readonly owner: string
  readonly superuser: boolean
  readonly public: boolean
}

/** 2.8: functions that lend their owner’s rights to whoever puts a table in their way. */
export const definerSearchPath = defineCheck<Row>({
  id: 'definer-search-path',
  title: 'SECURITY DEFINER functions without a search_path',
  area: 'security',
  level: 'error',
  order: ORDER.security,
  scope: 'SECURITY DEFINER functions',
  absent: 'there are no SECURITY DEFINER functions',
  why: 'Such a function runs with its owner’s rights, but looks names up along the caller’s search_path. A caller who puts a table, function or operator of the same name in front makes the owner use it.',
  when: 'A SECURITY DEFINER function sets no search_path: an error when it belongs to a superuser and everybody may execute it, else a warning. Functions of extensions and of new-style SQL bodies, whose names are bound, are left out.',
  advice: 'Set it to the schemas that it needs, pg_temp last.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('function', p.oid::regprocedure, 'owner', r.rolname, 'superuser', r.rolsuper,
        'public', p.proacl is null or exists (select from aclexplode(p.proacl) x where x.grantee = 0)) order by p.oid::regprocedure::text)
        filter (where not exists (select from unnest(p.proconfig) c (entry) where c.entry like 'search\\_path=%') and p.prosqlbody is null) as found
    from pg_proc p join pg_roles r on r.oid = p.proowner join pg_namespace n on n.oid = p.pronamespace
    where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema')
      and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')`,
  evaluate: (rows) =>
    rows.map(({ function: name, owner, superuser, public: everybody }) => ({
      object: `function ${name}`,
      level: superuser && everybody ? ('error' as const) : ('warning' as const),
      summary: `${name} runs as ${owner}${superuser ? ', a superuser,' : ''} along the search_path of ${everybody ? 'anybody' : 'its callers'}.`,
      remedy: {
        text: 'Set the search_path; add the schemas that its body names without qualifying them, before pg_temp.',
        sql: [`alter function ${name} set search_path = pg_catalog, pg_temp`],
        lock: 'none to speak of',
        undo: `alter function ${name} reset search_path`,
      },
    })),
})
