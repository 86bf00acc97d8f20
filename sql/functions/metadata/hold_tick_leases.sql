-- metadata.hold_tick_leases(tenant, holder, groups, lease_ms): the heartbeat of a ticker. Keeps the leases that it holds, and takes
-- those of enabled groups that nobody holds any more, where something has changed since the last tick. groups: only
-- these; null for all.
-- returns one row a group: its tick_ms, whether the caller holds it now, whether
-- something waits to be captured, and whether somebody else holds it.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.hold_tick_leases(p_tenant text, p_holder uuid, p_groups text[], p_lease_ms integer)
returns table (sync_group text, tick_ms integer, is_held boolean, is_active boolean, is_others boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
declare
  v_horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
  v_now timestamptz := clock_timestamp();
begin
  perform platform.enter(p_tenant);
  -- A group begins where the log begins, so that its first change is in its first tick.
  insert into metadata.tick_leases (tenant_id, sync_group, holder_id, expires_at, transaction_id)
  select p_tenant, g.sync_group, p_holder, '-infinity', '0'
  from metadata.sync_groups g
  where g.tenant_id = p_tenant and g.is_enabled and (p_groups is null or g.sync_group = any (p_groups))
    and not exists (select from metadata.tick_leases l where l.tenant_id = p_tenant and l.sync_group = g.sync_group)
  order by g.sync_group
  on conflict (tenant_id, sync_group) do nothing;
  return query
  with wanted as materialized (
    select l.sync_group, l.holder_id, l.expires_at, l.transaction_id, l.sequence, g.tick_ms, g.is_enabled,
      -- In the order of the log: by its key, and no further than the first.
      (
        select true from metadata.changes c
        where c.tenant_id = p_tenant and c.sync_group = l.sync_group and c.transaction_id < v_horizon
          and (c.transaction_id, c.sequence) > (l.transaction_id, l.sequence)
        order by c.transaction_id, c.sequence
        limit 1
      ) is true as is_active
    from metadata.tick_leases l
    join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = l.sync_group
    where l.tenant_id = p_tenant and (p_groups is null or l.sync_group = any (p_groups))
    order by l.sync_group
    for no key update of l skip locked
  ),
  held as (
    update metadata.tick_leases l
    set holder_id = p_holder, expires_at = v_now + p_lease_ms * interval '1 millisecond',
      -- A quiet group keeps up with the log, so that the log is never emptied beyond it; one of before a restore
      -- begins anew.
      transaction_id = case when w.is_active then l.transaction_id else v_horizon end,
      sequence = case when w.is_active then l.sequence else 0 end
    from wanted w
    where l.tenant_id = p_tenant and l.sync_group = w.sync_group and w.is_enabled
      and ((w.holder_id = p_holder and w.expires_at > v_now) or (w.expires_at <= v_now and w.is_active))
    returning l.sync_group
  )
  select w.sync_group, w.tick_ms, h.sync_group is not null, w.is_active, h.sync_group is null and w.expires_at > v_now
  from wanted w
  left join held h on h.sync_group = w.sync_group;
end
$$;
comment on function metadata.hold_tick_leases(text, uuid, text[], integer) is 'The heartbeat of a ticker: keeps its leases, takes over those that have run out.';
revoke all on function metadata.hold_tick_leases(text, uuid, text[], integer) from public;
grant execute on function metadata.hold_tick_leases(text, uuid, text[], integer) to pgfleet_app;
