-- delivery.find_workflows(query, tags, metadata, after, limit): ids of the workflows whose name or description has these
-- words (as in a search engine: "or", quotes, -not), that have all these tags, and whose metadata contains this; newest
-- first. Runs as pgfleet_search, whose policy lets it read details without the tenant's: under that policy conditions that
-- are not leakproof, as @@ and @>, may not use an index. It carries the tenant predicate itself, takes the tenant from
-- platform.enter alone, and refuses without one.
do $$
begin
  -- It belongs to pgfleet_search, whose members may drop it, but not replace it.
  if to_regprocedure('delivery.find_workflows(text,text[],jsonb,uuid,integer)') is not null then
    set local role pgfleet_search;
    drop function delivery.find_workflows(text, text[], jsonb, uuid, integer);
    set local role pgfleet_owner;
  end if;
end
$$;
create or replace function delivery.find_workflows(p_query text, p_tags text[], p_metadata jsonb, p_after uuid, p_limit integer)
returns table (workflow_id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_tenant text := current_setting('pgfleet.tenant', true);
  v_words tsquery;
begin
  if coalesce(v_tenant, '') = '' then
    raise exception 'no tenant was entered' using errcode = 'PF001';
  end if;
  -- The tenant is written as an expression, so that no other index than the condition's own can be taken.
  if p_query is not null then
    v_words := websearch_to_tsquery('simple', p_query) || websearch_to_tsquery('english', p_query);
    return query
    select d.workflow_id from delivery.workflow_details d
    where d.tenant_id || '' = v_tenant and d.search @@ v_words and (p_tags is null or d.tags @> p_tags)
      and (p_metadata is null or d.metadata @> p_metadata) and (p_after is null or d.workflow_id < p_after)
    order by d.workflow_id desc
    limit p_limit;
  elsif p_tags is not null then
    return query
    select d.workflow_id from delivery.workflow_details d
    where d.tenant_id || '' = v_tenant and d.tags @> p_tags
      and (p_metadata is null or d.metadata @> p_metadata) and (p_after is null or d.workflow_id < p_after)
    order by d.workflow_id desc
    limit p_limit;
  else
    return query
    select d.workflow_id from delivery.workflow_details d
    where d.tenant_id || '' = v_tenant and d.metadata @> p_metadata and (p_after is null or d.workflow_id < p_after)
    order by d.workflow_id desc
    limit p_limit;
  end if;
end
$$;
comment on function delivery.find_workflows(text, text[], jsonb, uuid, integer) is 'Workflows by words, tags and metadata, for the tenant that was entered.';
revoke all on function delivery.find_workflows(text, text[], jsonb, uuid, integer) from public;
grant execute on function delivery.find_workflows(text, text[], jsonb, uuid, integer) to pgfleet_app;
do $$
begin
  if (select p.proowner::regrole::text from pg_proc p where p.oid = 'delivery.find_workflows(text,text[],jsonb,uuid,integer)'::regprocedure) <> 'pgfleet_search' then
    -- The new owner must be allowed to create in the schema for that moment.
    grant create on schema delivery to pgfleet_search;
    alter function delivery.find_workflows(text, text[], jsonb, uuid, integer) owner to pgfleet_search;
    revoke create on schema delivery from pgfleet_search;
  end if;
end
$$;
