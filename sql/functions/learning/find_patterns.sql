-- learning.find_patterns(searches): the inner half of learning.search_patterns. Runs as pgfleet_search, whose policy lets
-- it read patterns without the tenant's: under that policy a condition that is not leakproof, as % is, may not use the
-- index. It carries the tenant predicate itself, takes the tenant from platform.enter alone, and refuses without one.
do $$
begin
  -- It belongs to pgfleet_search, whose members may drop it, but not replace it.
  if to_regprocedure('learning.find_patterns(jsonb)') is not null then
    set local role pgfleet_search;
    drop function learning.find_patterns(jsonb);
    set local role pgfleet_owner;
  end if;
end
$$;
create or replace function learning.find_patterns(p_searches jsonb)
returns table (ordinal integer, patterns jsonb)
language plpgsql volatile security definer
set search_path = pg_catalog, extensions, public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_tenant text := current_setting('pgfleet.tenant', true);
  v_threshold real;
  v_done bigint[] := '{}';
begin
  if coalesce(v_tenant, '') = '' then
    raise exception 'no tenant was entered' using errcode = 'PF001';
  end if;
  -- Two statements: a search within one agent type reads one partition, and starting a statement takes time for each
  -- partition that it may read. Tenant and expiry are written as expressions, so that no other index than the trigrams' can
  -- be taken, however little the planner knows of the table.
  perform set_config('pg_trgm.similarity_threshold', '0.3', true);
  return query
  select x.ordinality::integer, found.list
  from rows from (
    jsonb_to_recordset(p_searches) as (name text, agent_type text, threshold double precision, max_results integer)
  ) with ordinality as x
  cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('id', n.pattern_id, 'agentType', n.agent_type, 'name', n.pattern_name,
      'version', n.version, 'type', n.pattern_type, 'category', n.category, 'data', n.pattern_data, 'similarity', n.score,
      'usageCount', n.usage_count, 'averageReward', n.average_reward, 'confidence', n.confidence)
      order by n.score desc, n.pattern_id), '[]'::jsonb) as list
    from (
      select p.*, similarity(p.pattern_name, x.name) as score
      from learning.patterns p
      where p.tenant_id || '' = v_tenant and p.pattern_name % x.name and p.agent_type = x.agent_type
        and p.expires_at + interval '0' > statement_timestamp()
        and (x.threshold is null or similarity(p.pattern_name, x.name) >= x.threshold::real)
      order by score desc, p.pattern_id
      limit coalesce(x.max_results, 10)
    ) n
  ) found
  where x.agent_type is not null;

  -- Over all types. The most similar names are wanted, and the index finds names of high similarity far quicker than of low:
  -- what a first look at 0.55 finds enough of is done, the others are searched for again at 0.3.
  if not jsonb_path_exists(p_searches, '$[*] ? (!exists(@.agent_type) || @.agent_type == null)') then
    return;
  end if;
  foreach v_threshold in array array[0.55, 0.3]::real[] loop
    perform set_config('pg_trgm.similarity_threshold', v_threshold::text, true);
    for ordinal, patterns in
      select x.ordinality::integer, found.list
      from rows from (
        jsonb_to_recordset(p_searches) as (name text, agent_type text, threshold double precision, max_results integer)
      ) with ordinality as x
      cross join lateral (
        select coalesce(jsonb_agg(jsonb_build_object('id', n.pattern_id, 'agentType', n.agent_type, 'name', n.pattern_name,
          'version', n.version, 'type', n.pattern_type, 'category', n.category, 'data', n.pattern_data, 'similarity', n.score,
          'usageCount', n.usage_count, 'averageReward', n.average_reward, 'confidence', n.confidence)
          order by n.score desc, n.pattern_id), '[]'::jsonb) as list
        from (
          select p.*, similarity(p.pattern_name, x.name) as score
          from learning.patterns p
          where p.tenant_id || '' = v_tenant and p.pattern_name % x.name
            and p.expires_at + interval '0' > statement_timestamp()
            and (x.threshold is null or similarity(p.pattern_name, x.name) >= x.threshold::real)
          order by score desc, p.pattern_id
          limit coalesce(x.max_results, 10)
        ) n
      ) found
      where x.agent_type is null and x.ordinality <> all (v_done)
        and (v_threshold = 0.3::real or x.threshold >= 0.55 or jsonb_array_length(found.list) >= coalesce(x.max_results, 10))
    loop
      v_done := v_done || ordinal::bigint;
      return next;
    end loop;
  end loop;
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
