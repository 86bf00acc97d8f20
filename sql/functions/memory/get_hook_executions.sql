-- memory.get_hook_executions(tenant, ids): hook executions by id, with their contexts. ids: a jsonb array of uuids.
-- returns one row for each that is there. Errors: PF001..PF003 (platform.enter).
create or replace function memory.get_hook_executions(p_tenant text, p_ids jsonb)
returns table (ordinal integer, execution_id uuid, hook_id text, hook_type text, correlation_id text, occurred_at timestamptz,
  duration_ms double precision, priority integer, context_bytes integer, is_modified boolean, is_sensitive boolean, outcome text,
  triggered_by text, component_id text, context_codec text, context bytea, result jsonb, tags text[], metadata jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select x.place::integer, e.*
  -- Cast here: a cast where they are looked up would use no index under row-level security.
  from unnest(array(select i::uuid from jsonb_array_elements_text(p_ids) i)) with ordinality as x(id, place)
  cross join lateral (
    select h.execution_id, h.hook_id, h.hook_type, h.correlation_id, h.occurred_at, h.duration_ms, h.priority, h.context_bytes,
      h.is_modified, h.is_sensitive, h.outcome, h.triggered_by, h.component_id, h.context_codec, h.context, h.result, h.tags, h.metadata
    from memory.hook_executions h
    where h.tenant_id = p_tenant and h.execution_id = x.id
    offset 0
  ) e;
end
$$;
comment on function memory.get_hook_executions(text, jsonb) is 'Many hook executions by id.';
revoke all on function memory.get_hook_executions(text, jsonb) from public;
grant execute on function memory.get_hook_executions(text, jsonb) to pgfleet_app;
