-- memory.next_steps(tenant, sources): what follows, most frequent first. sources: a jsonb array of {source_hash uuid, most
-- integer}; see memory.record_transitions. returns one row for each source that anything followed: steps, an array of
-- {to, frequency, probability}, at most so many; the probability is the frequency's share of all that followed.
-- Errors: PF001..PF003 (platform.enter).
create or replace function memory.next_steps(p_tenant text, p_sources jsonb)
returns table (ordinal integer, steps jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, s.steps
  from rows from (jsonb_to_recordset(p_sources) as (source_hash uuid, most integer)) with ordinality as x
  cross join lateral (
    select jsonb_agg(
      jsonb_build_object('to', r.to_value, 'frequency', r.frequency, 'probability', r.frequency / r.total) order by r.place
    ) as steps
    from (
      select t.to_value, t.frequency, sum(t.frequency) over ()::double precision as total,
        row_number() over (order by t.frequency desc, t.target_hash) as place
      from memory.transitions t
      where t.tenant_id = p_tenant and t.source_hash = x.source_hash
    ) r
    where r.place <= x.most
  ) s
  where s.steps is not null;
end
$$;
comment on function memory.next_steps(text, jsonb) is 'What follows each of many sources, with probabilities.';
revoke all on function memory.next_steps(text, jsonb) from public;
grant execute on function memory.next_steps(text, jsonb) to pgfleet_app;
