-- delivery.find_further_entries(type, id, above, below, ascending, limit): the ids of the entries of an entity in rows of the audit log that
-- hold several, where it is not the first of them: between these ids, in their order. All of the entity are looked at; of a task, which is
-- <workflow>/<number>, those of its workflow that hold several.
-- Runs as pgfleet_search, whose policy lets it read the log without the tenant's: under that policy a condition that is not leakproof, as
-- @> is, may not use an index. It carries the tenant predicate itself, takes the tenant from platform.enter alone, and refuses without one.
do $$
begin
  -- It belongs to pgfleet_search, whose members may drop it, but not replace it.
  if to_regprocedure('delivery.find_further_entries(text,text,uuid,uuid,boolean,integer)') is not null then
    set local role pgfleet_search;
    drop function delivery.find_further_entries(text, text, uuid, uuid, boolean, integer);
    set local role pgfleet_owner;
  end if;
end
$$;
create or replace function delivery.find_further_entries(p_type text, p_id text, p_above uuid, p_below uuid, p_ascending boolean, p_limit integer)
returns table (audit_id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_indexscan = off
-- The caller has done without.
set enable_bitmapscan = on
set enable_sort = on
as $$
#variable_conflict use_column
declare
  v_tenant text := current_setting('pgfleet.tenant', true);
  -- Rows that hold several tasks are found by these.
  v_workflow_id uuid := case when p_type = 'task' then substring(p_id from '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/') end;
begin
  if coalesce(v_tenant, '') = '' then
    raise exception 'no tenant was entered' using errcode = 'PF001';
  end if;
  return query
  select e.audit_id
  from (
    select delivery.packed_audit_id(a.audit_id, m.place::integer) as audit_id
    from delivery.audit_log a
    cross join lateral unnest(a.more_entity_ids) with ordinality as m(entity_id, place)
    -- Tenant and kind are written as expressions, and the bounds stand outside, so that no other index than the condition's own can be taken.
    where a.tenant_id || '' = v_tenant and a.more_entity_ids @> array[p_id] and a.workflow_ids is null and m.entity_id = p_id
      and a.entity_type || '' = p_type
    union all
    select delivery.packed_audit_id(a.audit_id, m.place::integer)
    from delivery.audit_log a
    cross join lateral unnest(a.more_entity_ids) with ordinality as m(entity_id, place)
    where v_workflow_id is not null and a.tenant_id || '' = v_tenant and a.workflow_ids @> array[v_workflow_id] and m.entity_id = p_id
      and a.entity_type || '' = p_type
  ) e
  where e.audit_id > p_above and e.audit_id < p_below
  order by case when p_ascending then e.audit_id end, case when not p_ascending then e.audit_id end desc
  limit p_limit;
end
$$;
comment on function delivery.find_further_entries(text, text, uuid, uuid, boolean, integer) is 'Finds the entries of an entity in rows of the audit log that hold several.';
revoke all on function delivery.find_further_entries(text, text, uuid, uuid, boolean, integer) from public;
grant execute on function delivery.find_further_entries(text, text, uuid, uuid, boolean, integer) to pgfleet_app;
do $$
begin
  if (select p.proowner::regrole::text from pg_proc p where p.oid = 'delivery.find_further_entries(text,text,uuid,uuid,boolean,integer)'::regprocedure) <> 'pgfleet_search' then
    -- The new owner must be allowed to create in the schema for that moment.
    grant create on schema delivery to pgfleet_search;
    alter function delivery.find_further_entries(text, text, uuid, uuid, boolean, integer) owner to pgfleet_search;
    revoke create on schema delivery from pgfleet_search;
  end if;
end
$$;
