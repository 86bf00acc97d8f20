-- delivery.find_audit_entries(tenant, query): a page of the audit log by time.
-- query: a jsonb object: limit, scan integer (required), from, to timestamptz, after uuid (behind the entry of that id), ascending
-- boolean; entity_type, entity_id, correlation_id, actor_type, actor_id, action, result, security_level text.
-- An entity (type and id) and a time are looked up by an index; another index would make each change dearer. What else is given is
-- looked for among the entries that these find, at most `scan` of them a page.
-- returns the entries, each with the id that the page has come to; then, when there may be more, one row with that id alone.
-- Errors: PF001..PF003 (platform.enter).
create or replace function delivery.find_audit_entries(p_tenant text, p_query jsonb)
returns table (reached uuid, audit_id uuid, recorded_at timestamptz, entity_type text, entity_id text, action text, result text,
  security_level text, actor_type text, actor_id text, correlation_id text, changes jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- Planned for what is given: that decides which index serves.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
declare
  v_ascending boolean := coalesce((p_query ->> 'ascending')::boolean, false);
  v_limit integer := (p_query ->> 'limit')::integer;
  v_scan integer := (p_query ->> 'scan')::integer;
  v_after uuid := (p_query ->> 'after')::uuid;
  v_low uuid := platform.uuid_floor((p_query ->> 'from')::timestamptz);
  v_high uuid := platform.uuid_floor((p_query ->> 'to')::timestamptz);
  v_type text := p_query ->> 'entity_type';
  v_id text := p_query ->> 'entity_id';
  v_entries refcursor;
  v_entry delivery.audit_log;
  v_looked_at integer := 0;
  v_found integer := 0;
begin
  perform platform.enter(p_tenant);
  if v_ascending then
    open v_entries no scroll for
      select a.* from delivery.audit_log a
      where a.tenant_id = p_tenant and (v_low is null or a.audit_id >= v_low) and (v_high is null or a.audit_id < v_high)
        and (v_id is null or (a.entity_type = v_type and a.entity_id = v_id))
        and (v_after is null or a.audit_id > v_after)
      order by a.audit_id
      limit v_scan;
  else
    open v_entries no scroll for
      select a.* from delivery.audit_log a
      where a.tenant_id = p_tenant and (v_low is null or a.audit_id >= v_low) and (v_high is null or a.audit_id < v_high)
        and (v_id is null or (a.entity_type = v_type and a.entity_id = v_id))
        and (v_after is null or a.audit_id < v_after)
      order by a.audit_id desc
      limit v_scan;
  end if;
  loop
    fetch v_entries into v_entry;
    exit when not found;
    v_looked_at := v_looked_at + 1;
    reached := v_entry.audit_id;
    if (v_type is null or v_entry.entity_type = v_type)
      and coalesce(v_entry.actor_type = p_query ->> 'actor_type', p_query ->> 'actor_type' is null)
      and coalesce(v_entry.actor_id = p_query ->> 'actor_id', p_query ->> 'actor_id' is null)
      and coalesce(v_entry.correlation_id = p_query ->> 'correlation_id', p_query ->> 'correlation_id' is null)
      and coalesce(v_entry.action = p_query ->> 'action', true)
      and coalesce(v_entry.result = p_query ->> 'result', true)
      and coalesce(v_entry.security_level = p_query ->> 'security_level', true)
    then
      audit_id := v_entry.audit_id;
      recorded_at := v_entry.recorded_at;
      entity_type := v_entry.entity_type;
      entity_id := v_entry.entity_id;
      action := v_entry.action;
      result := v_entry.result;
      security_level := v_entry.security_level;
      actor_type := v_entry.actor_type;
      actor_id := v_entry.actor_id;
      correlation_id := v_entry.correlation_id;
      changes := v_entry.changes;
      return next;
      v_found := v_found + 1;
      exit when v_found = v_limit;
    end if;
  end loop;
  close v_entries;
  if v_found = v_limit or v_looked_at = v_scan then
    audit_id := null;
    return next;
  end if;
end
$$;
comment on function delivery.find_audit_entries(text, jsonb) is 'A page of the audit log by time, entity, correlation id, actor and action.';
revoke all on function delivery.find_audit_entries(text, jsonb) from public;
grant execute on function delivery.find_audit_entries(text, jsonb) to pgfleet_app;
