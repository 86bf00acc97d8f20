-- delivery.record_audit(tenant, entries): the caller's own entries of the audit log; idempotent by id.
--
-- entries: a jsonb array of objects
--   id uuid (version 7, of the last hour), entity_type, entity_id, action, result, security_level text: required
--   changes jsonb object; actor_type, actor_id, correlation_id
-- returns no row.
-- Errors: PF001..PF003 (platform.enter), PF006 the id's time is not of the last hour, PF012 the id was used for another entry,
-- 42501 a word that the policy entry_shape does not know.
create or replace function delivery.record_audit(p_tenant text, p_entries jsonb)
returns table (ordinal integer)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_inserted bigint;
  v_bad record;
begin
  perform platform.enter(p_tenant);
  select x.ordinality, x.id into v_bad
  from rows from (jsonb_to_recordset(p_entries) as (id uuid)) with ordinality as x
  -- A minute ahead is what clocks differ by.
  where coalesce(platform.uuid_time(x.id) not between statement_timestamp() - interval '1 hour' and statement_timestamp() + interval '1 minute', true)
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'the time inside id % is not of the last hour', v_bad.id
      using errcode = 'PF006', column = format('entries[%s].id', v_bad.ordinality - 1);
  end if;
  perform platform.ensure_partitions('delivery', 'audit_log', array(select x.id from jsonb_to_recordset(p_entries) as x(id uuid)), 'entries');
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, result, security_level, actor_type, actor_id,
    correlation_id, changes)
  select p_tenant, x.id, x.entity_type, x.entity_id, x.action, x.result, x.security_level, x.actor_type, x.actor_id,
    x.correlation_id, delivery.redact(coalesce(x.changes, '{}'::jsonb))
  from rows from (
    jsonb_to_recordset(p_entries) as (id uuid, entity_type text, entity_id text, action text, result text, security_level text,
      actor_type text, actor_id text, correlation_id text, changes jsonb)
  ) with ordinality as x
  order by x.id, x.ordinality
  on conflict (tenant_id, audit_id) do nothing;
  get diagnostics v_inserted = row_count;
  if v_inserted = jsonb_array_length(p_entries) then
    return;
  end if;
  select x.ordinality, x.id into v_bad
  from rows from (
    jsonb_to_recordset(p_entries) as (id uuid, entity_type text, entity_id text, action text, result text, security_level text,
      actor_type text, actor_id text, correlation_id text, changes jsonb)
  ) with ordinality as x
  cross join lateral (select * from delivery.audit_log r where r.tenant_id = p_tenant and r.audit_id = x.id limit 1) a
  where (a.entity_type, a.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id, a.correlation_id, a.changes)
    is distinct from (x.entity_type, x.entity_id, x.action, x.result, x.security_level, x.actor_type, x.actor_id, x.correlation_id,
      delivery.redact(coalesce(x.changes, '{}'::jsonb)))
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'there is an entry % already, and it is another', v_bad.id
      using errcode = 'PF012', column = format('entries[%s].id', v_bad.ordinality - 1);
  end if;
end
$$;
comment on function delivery.record_audit(text, jsonb) is 'Records the caller''s own entries in the audit log; idempotent by id.';
revoke all on function delivery.record_audit(text, jsonb) from public;
grant execute on function delivery.record_audit(text, jsonb) to pgfleet_app;
