-- memory.record_hook_executions(tenant, executions): keeps what hooks did; idempotent by id.
-- executions: a jsonb array of objects
--   id uuid (version 7), hook_id, hook_type text, occurred_at timestamptz: required
--   correlation_id, outcome (continue), triggered_by, component_id text; duration_ms number (0); priority integer (0);
--   context text (base64), context_codec text, context_bytes integer; result, metadata jsonb; tags text[];
--   is_modified, is_sensitive bool (false)
-- returns one row an execution: whether the id was there before; then the first is kept as it is.
-- Errors: PF001..PF003 (platform.enter), PF007 the quota is reached, PF006 the id's time lies outside the window.
create or replace function memory.record_hook_executions(p_tenant text, p_executions jsonb)
returns table (ordinal integer, replayed boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  perform platform.check_quota(p_tenant, 'hook_executions');
  perform platform.ensure_partitions('memory', 'hook_executions',
    array(select x.id from rows from (jsonb_to_recordset(p_executions) as (id uuid)) with ordinality as x order by x.ordinality),
    'executions');
  return query
  with execution as materialized (
    select x.*, row_number() over (partition by x.id order by x.ordinality) as place
    from rows from (
      jsonb_to_recordset(p_executions) as (id uuid, hook_id text, hook_type text, correlation_id text, occurred_at timestamptz,
        outcome text, triggered_by text, component_id text, duration_ms double precision, priority integer, context text,
        context_codec text, context_bytes integer, result jsonb, metadata jsonb, tags text[], is_modified boolean, is_sensitive boolean)
    ) with ordinality as x
  ),
  recorded as (
    insert into memory.hook_executions
      (tenant_id, execution_id, hook_id, hook_type, correlation_id, occurred_at, outcome, triggered_by, component_id, duration_ms, priority,
       context, context_codec, context_bytes, result, metadata, tags, is_modified, is_sensitive)
    select p_tenant, x.id, x.hook_id, x.hook_type, x.correlation_id, x.occurred_at, coalesce(x.outcome, 'continue'), x.triggered_by,
      x.component_id, coalesce(x.duration_ms, 0), coalesce(x.priority, 0), decode(x.context, 'base64'), x.context_codec,
      coalesce(x.context_bytes, 0), x.result, coalesce(x.metadata, '{}'::jsonb), coalesce(x.tags, '{}'), coalesce(x.is_modified, false),
      coalesce(x.is_sensitive, false)
    from execution x
    where x.place = 1
    order by x.id
    on conflict (tenant_id, execution_id) do nothing
    returning execution_id
  )
  select x.ordinality::integer, r.execution_id is null or x.place > 1
  from execution x
  left join recorded r on r.execution_id = x.id;
end
$$;
comment on function memory.record_hook_executions(text, jsonb) is 'Keeps many hook executions; idempotent by id.';
revoke all on function memory.record_hook_executions(text, jsonb) from public;
grant execute on function memory.record_hook_executions(text, jsonb) to pgfleet_app;
