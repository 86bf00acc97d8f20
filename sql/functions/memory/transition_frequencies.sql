-- memory.transition_frequencies(tenant, transitions): how often transitions were recorded. transitions: a jsonb array of
-- {source_hash, target_hash uuid}; see memory.record_transitions. returns one row for each that was.
-- Errors: PF001..PF003 (platform.enter).
create or replace function memory.transition_frequencies(p_tenant text, p_transitions jsonb)
returns table (ordinal integer, frequency bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, f.frequency
  from rows from (jsonb_to_recordset(p_transitions) as (source_hash uuid, target_hash uuid)) with ordinality as x
  cross join lateral (
    select t.frequency from memory.transitions t
    where t.tenant_id = p_tenant and t.source_hash = x.source_hash and t.target_hash = x.target_hash
    offset 0
  ) f;
end
$$;
comment on function memory.transition_frequencies(text, jsonb) is 'How often each of many transitions was recorded.';
revoke all on function memory.transition_frequencies(text, jsonb) from public;
grant execute on function memory.transition_frequencies(text, jsonb) to pgfleet_app;
