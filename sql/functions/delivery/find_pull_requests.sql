-- delivery.find_pull_requests(filter): the ids of pull requests by the words of their text, by labels and by metadata, newest
-- first. filter: {query text (the syntax of web search engines: "a phrase", or, -not), labels jsonb array, metadata jsonb object,
-- repository, status, author, review_status, ci_status, security_status text, after uuid, max integer}; what is left out matches
-- all. Runs as pgfleet_search, whose policy lets it read them without the tenant's: under that policy conditions that are not
-- leakproof, as @@ and @>, may not use an index. It carries the tenant predicate itself, takes the tenant from platform.enter
-- alone, and refuses without one.
do $$
begin
  -- It belongs to pgfleet_search, whose members may drop it, but not replace it.
  if to_regprocedure('delivery.find_pull_requests(jsonb)') is not null then
    set local role pgfleet_search;
    drop function delivery.find_pull_requests(jsonb);
    set local role pgfleet_owner;
  end if;
end
$$;
create or replace function delivery.find_pull_requests(p_filter jsonb) returns table (pull_request_id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, extensions, public, pg_temp
set enable_seqscan = off
-- Planned for the filter at hand: a member that is left out is no condition at all.
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_tenant text := current_setting('pgfleet.tenant', true);
  v_query tsquery := websearch_to_tsquery('pg_catalog.english', p_filter ->> 'query') || websearch_to_tsquery('pg_catalog.simple', p_filter ->> 'query');
  v_labels jsonb := p_filter -> 'labels';
  v_metadata jsonb := p_filter -> 'metadata';
  v_repository text := p_filter ->> 'repository';
  v_status text := p_filter ->> 'status';
  v_author text := p_filter ->> 'author';
  v_review_status text := p_filter ->> 'review_status';
  v_ci_status text := p_filter ->> 'ci_status';
  v_security_status text := p_filter ->> 'security_status';
  v_after uuid := p_filter ->> 'after';
  v_max integer := p_filter ->> 'max';
begin
  if coalesce(v_tenant, '') = '' then
    raise exception 'no tenant was entered' using errcode = 'PF001';
  end if;
  return query
  select p.pull_request_id
  from delivery.pull_requests p
  where p.tenant_id = v_tenant
    and (v_query is null or p.search @@ v_query)
    and (v_labels is null or p.labels @> v_labels)
    and (v_metadata is null or p.metadata @> v_metadata)
    and (v_repository is null or p.repository = v_repository)
    and (v_status is null or p.status = v_status)
    and (v_author is null or p.author = v_author)
    and (v_review_status is null or p.review_status = v_review_status)
    and (v_ci_status is null or p.ci_status = v_ci_status)
    and (v_security_status is null or p.security_status = v_security_status)
    and (v_after is null or p.pull_request_id < v_after)
  order by p.pull_request_id desc
  limit v_max;
end
$$;
comment on function delivery.find_pull_requests(jsonb) is 'Pull requests by text, labels and metadata, for the tenant that was entered.';
revoke all on function delivery.find_pull_requests(jsonb) from public;
grant execute on function delivery.find_pull_requests(jsonb) to pgfleet_app;
do $$
begin
  if (select p.proowner::regrole::text from pg_proc p where p.oid = 'delivery.find_pull_requests(jsonb)'::regprocedure) <> 'pgfleet_search' then
    -- The new owner must be allowed to create in the schema for that moment.
    grant create on schema delivery to pgfleet_search;
    alter function delivery.find_pull_requests(jsonb) owner to pgfleet_search;
    revoke create on schema delivery from pgfleet_search;
  end if;
end
$$;
