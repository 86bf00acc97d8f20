-- metadata.forget_tombstones(tenant, rows): removes tombstones that no cursor can need any more: older than two hours, and than
-- all that is left of the tenant's log. Their entities remember the highest version, so that a key that is set again goes
-- on above it. returns how many there were.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.forget_tombstones(p_tenant text, p_rows integer) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_log timestamptz;
  v_entity_ids uuid[];
  v_forgotten integer;
begin
  perform platform.enter(p_tenant);
  select min(c.recorded_at) into v_log
  from metadata.sync_groups g
  cross join lateral (
    select c.recorded_at from metadata.changes c
    where c.tenant_id = p_tenant and c.sync_group = g.sync_group
    order by c.transaction_id
    limit 1
  ) c
  where g.tenant_id = p_tenant;
  -- A tombstone's deadline is two hours behind the deletion.
  v_log := least(v_now, coalesce(v_log, v_now) + interval '2 hours');
  v_entity_ids := array(
    select distinct d.entity_id
    from (
      select e.entity_id from metadata.entries e
      where e.tenant_id = p_tenant and e.expires_at <= v_log and e.is_deleted
      limit p_rows
    ) d
  );
  perform from metadata.entities e
  where e.tenant_id = p_tenant and e.entity_id = any (v_entity_ids)
  order by e.entity_id
  for no key update;
  with doomed as materialized (
    select e.entity_id, e.key from metadata.entries e
    where e.tenant_id = p_tenant and e.entity_id = any (v_entity_ids) and e.is_deleted and e.expires_at <= v_log
    order by e.entity_id, e.key
    limit p_rows
  ),
  forgotten as (
    delete from metadata.entries e
    using doomed d
    where e.tenant_id = p_tenant and e.entity_id = d.entity_id and e.key = d.key and e.is_deleted
    returning e.entity_id, e.version
  ),
  raised as (
    update metadata.entities e
    set version_floor = greatest(e.version_floor, f.version)
    from (select f.entity_id, max(f.version) as version from forgotten f group by f.entity_id) f
    where e.tenant_id = p_tenant and e.entity_id = f.entity_id
  )
  select count(*) into v_forgotten from forgotten f;
  return v_forgotten;
end
$$;
comment on function metadata.forget_tombstones(text, integer) is 'Removes tombstones that no cursor can need any more.';
revoke all on function metadata.forget_tombstones(text, integer) from public;
grant execute on function metadata.forget_tombstones(text, integer) to pgfleet_app;
