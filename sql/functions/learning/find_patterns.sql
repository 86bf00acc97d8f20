-- learning.find_patterns(searches): the inner half of learning.search_patterns. Runs as pgfleet_search, whose policy lets
-- it read patterns without the tenant's: under that policy a condition that is not leakproof, as % is, may not use the
-- index. It carries the tenant predicate itself, takes the tenant from platform.enter alone, and refuses without one.
create or replace function learning.find_patterns(p_searches jsonb)
returns table (ordinal integer, patterns jsonb)
language plpgsql stable security definer
set search_path = pg_catalog, extensions, public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_tenant text := current_setting('pgfleet.tenant', true);
begin
  if coalesce(v_tenant, '') = '' then
    raise exception 'no tenant was entered' using errcode = 'PF001';
  end if;
  return query
  select x.ordinality::integer, coalesce(found.list, '[]'::jsonb)
  from rows from (
    jsonb_to_recordset(p_searches) as (name text, agent_type text, threshold double precision, max_results integer)
  ) with ordinality as x
  cross join lateral (
    select jsonb_agg(jsonb_build_object('id', n.pattern_id, 'agentType', n.agent_type, 'name', n.pattern_name, 'version', n.version,
      'type', n.pattern_type, 'category', n.category, 'data', n.pattern_data, 'similarity', n.score,
      'usageCount', n.usage_count, 'averageReward', n.average_reward, 'confidence', n.confidence)
      order by n.score desc, n.pattern_id) as list
    from (
      select p.*, similarity(p.pattern_name, x.name) as score
      from learning.patterns p
      where p.tenant_id = v_tenant and p.pattern_name % x.name
        and (x.agent_type is null or p.agent_type = x.agent_type)
        and p.expires_at > statement_timestamp()
        and similarity(p.pattern_name, x.name) >= coalesce(x.threshold, 0.3)::real
      order by score desc, p.pattern_id
      limit coalesce(x.max_results, 10)
    ) n
  ) found;
end
$$;
comment on function learning.find_patterns(jsonb) is 'Patterns by similarity of name, for the tenant that was entered; the inner half of learning.search_patterns.';
revoke all on function learning.find_patterns(jsonb) from public;
grant execute on function learning.find_patterns(jsonb) to pgfleet_app;
do $$
begin
  if (select p.proowner::regrole::text from pg_proc p where p.oid = 'learning.find_patterns(jsonb)'::regprocedure) <> 'pgfleet_search' then
    -- The new owner must be allowed to create in the schema for that moment.
    grant create on schema learning to pgfleet_search;
    alter function learning.find_patterns(jsonb) owner to pgfleet_search;
    revoke create on schema learning from pgfleet_search;
  end if;
end
$$;
