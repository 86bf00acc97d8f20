-- delivery.find_audit_entries(tenant, query): a page of the audit by time, interactions, and agent sessions and workflows as they were
-- created, among the entries of the log, of whose rows some hold several.
-- query: a jsonb object: limit, scan integer (required), from, to timestamptz, after uuid (behind the entry of that id), ascending
-- boolean; entity_type, entity_id, correlation_id, actor_type, actor_id, action, result, security_level text.
-- An entity (type and id) and a time are looked up by an index; another index would make each change dearer. What else is given is
-- looked for among the entries that these find, at most `scan` of them a page; of an entity
-- all that are not the first of their row are looked at for each page.
-- returns the entries, each with the id that the page has come to; then, when there may be more, one row with that id alone. Where what a
-- caller gave the id of has the id of another entry, they stand on one page.
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
  -- Bounds between which the ids lie. Those of a time are of version 0, which no entry has.
  v_above uuid := coalesce(overlay(platform.uuid_floor((p_query ->> 'from')::timestamptz)::text placing '0000-0000-000000000000' from 15)::uuid,
    '00000000-0000-0000-0000-000000000000');
  v_below uuid := coalesce(overlay(platform.uuid_floor((p_query ->> 'to')::timestamptz)::text placing '0000-0000-000000000000' from 15)::uuid,
    'ffffffff-ffff-ffff-ffff-ffffffffffff');
  v_type text := p_query ->> 'entity_type';
  v_id text := p_query ->> 'entity_id';
  v_entries refcursor;
  v_next record;
  v_own record;
  v_is_own_due boolean;
  v_entry record;
  -- Entries that are not the first of their row: their ids, the next of them, the row whose they are, and the one they were last taken of.
  v_further uuid[] := '{}';
  v_at integer := 1;
  v_row delivery.audit_log;
  v_opened uuid;
  v_open uuid;
  -- Interactions, agent sessions and workflows are found by the key of their table.
  v_own_id uuid := case
    when p_query ->> 'entity_type' in ('interaction', 'agent_session', 'workflow') then substring(lower(p_query ->> 'entity_id') from '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$')::uuid
  end;
  v_looked_at integer := 0;
  v_found integer := 0;
begin
  perform platform.enter(p_tenant);
  if v_ascending then
    v_above := greatest(v_above, v_after);
  else
    v_below := least(v_below, v_after);
  end if;
  -- One for the entity's own entry, three behind the last, for four tables may have the same id, one of each table that is ahead, and the
  -- row that the page before ended in.
  v_scan := v_scan - 8;
  -- The rows of an entity are a stretch of its index, and are asked for as that: as equalities another index looks as good before the
  -- log is analyzed.
  if v_id is not null and v_ascending then
    open v_entries no scroll for
      select a.audit_id, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id,
        a.correlation_id, a.changes, a.more_entity_ids
      from delivery.audit a
      where a.tenant_id = p_tenant and not a.is_further and not a.is_interaction and not a.is_session and not a.is_workflow
        and (a.entity_id, a.tenant_id, a.entity_type, a.audit_id) > (v_id, p_tenant, v_type, v_above)
        and (a.entity_id, a.tenant_id, a.entity_type, a.audit_id) < (v_id, p_tenant, v_type, v_below)
      order by a.entity_id, a.tenant_id, a.entity_type, a.audit_id
      limit v_scan + 3;
  elsif v_id is not null then
    open v_entries no scroll for
      select a.audit_id, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id,
        a.correlation_id, a.changes, a.more_entity_ids
      from delivery.audit a
      where a.tenant_id = p_tenant and not a.is_further and not a.is_interaction and not a.is_session and not a.is_workflow
        and (a.entity_id, a.tenant_id, a.entity_type, a.audit_id) > (v_id, p_tenant, v_type, v_above)
        and (a.entity_id, a.tenant_id, a.entity_type, a.audit_id) < (v_id, p_tenant, v_type, v_below)
      order by a.entity_id desc, a.tenant_id desc, a.entity_type desc, a.audit_id desc
      limit v_scan + 3;
  elsif v_ascending then
    open v_entries no scroll for
      select a.audit_id, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id,
        a.correlation_id, a.changes, a.more_entity_ids
      from delivery.audit a
      where a.tenant_id = p_tenant and not a.is_further and (v_type is null or v_type = 'interaction' or not a.is_interaction)
        and (v_type is null or v_type = 'agent_session' or not a.is_session)
        and (v_type is null or v_type = 'workflow' or not a.is_workflow)
        and a.audit_id > v_above and a.audit_id < v_below
      order by a.audit_id
      limit v_scan + 3;
  else
    open v_entries no scroll for
      select a.audit_id, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id,
        a.correlation_id, a.changes, a.more_entity_ids
      from delivery.audit a
      where a.tenant_id = p_tenant and not a.is_further and (v_type is null or v_type = 'interaction' or not a.is_interaction)
        and (v_type is null or v_type = 'agent_session' or not a.is_session)
        and (v_type is null or v_type = 'workflow' or not a.is_workflow)
        and a.audit_id > v_above and a.audit_id < v_below
      order by a.audit_id desc
      limit v_scan + 3;
  end if;
  fetch v_entries into v_next;
  -- Its own entry is put among those rows here: a union of one row and a stretch of an index would be sorted.
  select a.audit_id, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id,
    a.correlation_id, a.changes
  into v_own
  from delivery.audit a
  -- As a stretch again, so that no other index looks as good as the key.
  where a.tenant_id = p_tenant and case v_type when 'interaction' then a.is_interaction when 'workflow' then a.is_workflow else a.is_session end
    and a.audit_id >= v_own_id and a.audit_id <= v_own_id
  order by a.audit_id
  limit 1;
  v_is_own_due := found and v_own.audit_id > v_above and v_own.audit_id < v_below;
  if v_id is not null then
    v_further := array(select f.audit_id from delivery.find_further_entries(v_type, v_id, v_above, v_below, v_ascending, v_scan + 1) f);
  elsif v_ascending then
    -- Where the page before has come to: the rest of that row.
    v_open := delivery.packed_audit_id(v_after, 0);
  end if;
  loop
    if v_id is null then
      -- Backwards a row comes behind its further entries. One with an id between theirs, of which a caller gave it, is told by its form.
      if not v_ascending and (v_next.more_entity_ids is not null or v_next.audit_id::text like '______________7000-8000-%') then
        v_open := delivery.packed_audit_id(v_next.audit_id, 0);
      end if;
      if v_open is distinct from v_opened then
        select * into v_row
        from delivery.audit_log a
        where a.tenant_id = p_tenant and a.audit_id >= v_open and a.audit_id <= v_open and a.more_entity_ids is not null
        order by a.audit_id
        limit 1;
        v_further := array(
          select f.id
          from generate_series(1, cardinality(v_row.more_entity_ids)) as m(place)
          cross join lateral (select delivery.packed_audit_id(v_row.audit_id, m.place) as id) f
          where f.id > v_above and f.id < v_below
          order by case when v_ascending then m.place else -m.place end
        );
        v_at := 1;
        v_opened := v_open;
      end if;
    end if;
    case
      when v_is_own_due and (v_next.audit_id is null or v_own.audit_id = v_next.audit_id or (v_own.audit_id < v_next.audit_id) = v_ascending)
        and (v_at > cardinality(v_further) or v_own.audit_id = v_further[v_at] or (v_own.audit_id < v_further[v_at]) = v_ascending) then
        v_entry := v_own;
        v_is_own_due := false;
      when v_at <= cardinality(v_further)
        and (v_next.audit_id is null or v_further[v_at] = v_next.audit_id or (v_further[v_at] < v_next.audit_id) = v_ascending) then
        if v_row.audit_id is distinct from delivery.packed_audit_id(v_further[v_at], 0) then
          v_open := delivery.packed_audit_id(v_further[v_at], 0);
          -- As a stretch, too.
          select * into v_row
          from delivery.audit_log a
          where a.tenant_id = p_tenant and a.audit_id >= v_open and a.audit_id <= v_open
          order by a.audit_id
          limit 1;
        end if;
        v_entry := v_row;
        v_entry.audit_id := v_further[v_at];
        v_entry.entity_id := v_row.more_entity_ids[get_byte(uuid_send(v_further[v_at]), 15) & 31];
        v_at := v_at + 1;
      else
        v_entry := v_next;
        if v_ascending and v_entry.more_entity_ids is not null then
          v_open := v_entry.audit_id;
        end if;
        fetch v_entries into v_next;
    end case;
    exit when v_entry.audit_id is null or ((v_found >= v_limit or v_looked_at >= v_scan) and v_entry.audit_id <> reached);
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
    end if;
  end loop;
  close v_entries;
  if v_found >= v_limit or v_looked_at >= v_scan then
    audit_id := null;
    return next;
  end if;
end
$$;
comment on function delivery.find_audit_entries(text, jsonb) is 'A page of the audit log by time, entity, correlation id, actor and action.';
revoke all on function delivery.find_audit_entries(text, jsonb) from public;
grant execute on function delivery.find_audit_entries(text, jsonb) to pgfleet_app;
