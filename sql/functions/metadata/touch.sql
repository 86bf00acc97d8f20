-- metadata.touch(tenant): brings entities.updated_at and agents.last_seen_at up to what the log of changes says, of all groups
-- that were ever ticked. Every change that is visible counts, also one that followers cannot read yet. Where
-- the log was emptied beyond what is known, both are found out from the entries themselves.
-- returns how many entities and agents were brought up to date. A group that another call works at is left out.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.touch(p_tenant text)
returns table (entities integer, agents integer)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  -- Taken before the changes are read: what it does not see is looked at next time.
  v_snapshot pg_snapshot := pg_current_snapshot();
  v_floor xid8;
  v_group record;
  v_from xid8;
  v_running xid8[];
  v_rows integer;
begin
  perform platform.enter(p_tenant);
  entities := 0;
  agents := 0;
  for v_group in
    select l.sync_group, l.touched from metadata.tick_leases l
    where l.tenant_id = p_tenant
    order by l.sync_group
    for no key update skip locked
  loop
    select f.transaction_id into v_floor from metadata.change_floors f order by f.transaction_id desc limit 1;
    if v_group.touched is null or pg_snapshot_xmin(v_group.touched) <= v_floor or pg_snapshot_xmax(v_group.touched) > pg_snapshot_xmax(v_snapshot) then
      with newest as materialized (
        select e.entity_id, greatest(n.updated_at, v.updated_at) as updated_at
        from metadata.entities e
        cross join lateral (
          select max(t.updated_at) as updated_at from metadata.entries t where t.tenant_id = p_tenant and t.entity_id = e.entity_id
        ) n
        cross join lateral (
          select max(t.updated_at) as updated_at from metadata.volatile_entries t where t.tenant_id = p_tenant and t.entity_id = e.entity_id
        ) v
        where e.tenant_id = p_tenant and e.sync_group = v_group.sync_group
      ),
      behind as materialized (
        select e.entity_id, n.updated_at
        from newest n
        join metadata.entities e on e.tenant_id = p_tenant and e.entity_id = n.entity_id
        where e.updated_at < n.updated_at
        order by e.entity_id
        for no key update of e
      )
      update metadata.entities e set updated_at = b.updated_at
      from behind b
      where e.tenant_id = p_tenant and e.entity_id = b.entity_id and e.updated_at < b.updated_at;
      get diagnostics v_rows = row_count;
      entities := entities + v_rows;
      insert into metadata.agents as a (tenant_id, agent_id, last_seen_at)
      select p_tenant, w.updated_by, max(w.updated_at)
      from metadata.entities e
      cross join lateral (
        select t.updated_by, t.updated_at from metadata.entries t where t.tenant_id = p_tenant and t.entity_id = e.entity_id
        union all
        select t.updated_by, t.updated_at from metadata.volatile_entries t where t.tenant_id = p_tenant and t.entity_id = e.entity_id
      ) w
      where e.tenant_id = p_tenant and e.sync_group = v_group.sync_group and w.updated_by is not null
      group by w.updated_by
      order by w.updated_by
      on conflict (tenant_id, agent_id) do update set last_seen_at = excluded.last_seen_at where a.last_seen_at < excluded.last_seen_at;
      get diagnostics v_rows = row_count;
      agents := agents + v_rows;
      update metadata.tick_leases l set touched = v_snapshot where l.tenant_id = p_tenant and l.sync_group = v_group.sync_group;
      continue;
    end if;
    -- What the last snapshot did not see: later transactions, and those that ran then.
    v_from := pg_snapshot_xmax(v_group.touched);
    v_running := array(select pg_snapshot_xip(v_group.touched));
    continue when not exists (
      select from metadata.changes c
      where c.tenant_id = p_tenant and c.sync_group = v_group.sync_group and c.transaction_id >= v_from
      union all
      select from metadata.changes c
      where c.tenant_id = p_tenant and c.sync_group = v_group.sync_group and c.transaction_id = any (v_running)
    ) and v_from::text::numeric > pg_snapshot_xmax(v_snapshot)::text::numeric - 1000;
    with change as (
      select c.recorded_at, c.entity_ids from metadata.changes c
      where c.tenant_id = p_tenant and c.sync_group = v_group.sync_group and c.transaction_id >= v_from and c.kind = 'entries'
      union all
      select c.recorded_at, c.entity_ids from metadata.changes c
      where c.tenant_id = p_tenant and c.sync_group = v_group.sync_group and c.transaction_id = any (v_running) and c.kind = 'entries'
    ),
    newest as materialized (
      select x.entity_id, max(c.recorded_at) as updated_at
      from change c
      cross join lateral unnest(c.entity_ids) as x(entity_id)
      group by x.entity_id
    ),
    -- In the order in which writers lock them.
    behind as materialized (
      select e.entity_id, n.updated_at
      from newest n
      join metadata.entities e on e.tenant_id = p_tenant and e.entity_id = n.entity_id
      where e.updated_at < n.updated_at
      order by e.entity_id
      for no key update of e
    )
    update metadata.entities e set updated_at = b.updated_at
    from behind b
    where e.tenant_id = p_tenant and e.entity_id = b.entity_id and e.updated_at < b.updated_at;
    get diagnostics v_rows = row_count;
    entities := entities + v_rows;
    insert into metadata.agents as a (tenant_id, agent_id, last_seen_at)
    select p_tenant, x.agent_id, max(c.recorded_at)
    from (
      select c.recorded_at, c.agent_ids from metadata.changes c
      where c.tenant_id = p_tenant and c.sync_group = v_group.sync_group and c.transaction_id >= v_from and c.kind <> 'roles'
      union all
      select c.recorded_at, c.agent_ids from metadata.changes c
      where c.tenant_id = p_tenant and c.sync_group = v_group.sync_group and c.transaction_id = any (v_running) and c.kind <> 'roles'
    ) c
    cross join lateral unnest(c.agent_ids) as x(agent_id)
    where x.agent_id is not null
    group by x.agent_id
    order by x.agent_id
    on conflict (tenant_id, agent_id) do update set last_seen_at = excluded.last_seen_at where a.last_seen_at < excluded.last_seen_at;
    get diagnostics v_rows = row_count;
    agents := agents + v_rows;
    update metadata.tick_leases l set touched = v_snapshot where l.tenant_id = p_tenant and l.sync_group = v_group.sync_group;
  end loop;
  return next;
end
$$;
comment on function metadata.touch(text) is 'Brings entities and agents up to the newest change of an entry.';
revoke all on function metadata.touch(text) from public;
grant execute on function metadata.touch(text) to pgfleet_app;
