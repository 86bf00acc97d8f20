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
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  -- Taken before the changes are read: what it does not see is looked at next time.
  v_snapshot pg_snapshot := pg_current_snapshot();
  v_floor xid8;
  v_group record;
  v_from xid8;
  v_running xid8[];
  v_found record;
  v_entity_ids uuid[] := '{}';
  v_entity_times timestamptz[] := '{}';
  v_agent_ids text[] := '{}';
  v_agent_times timestamptz[] := '{}';
begin
  perform platform.enter(p_tenant);
  for v_group in
    select l.sync_group, l.touched from metadata.tick_leases l
    where l.tenant_id = p_tenant
    order by l.sync_group
    for no key update skip locked
  loop
    select f.transaction_id into v_floor from metadata.change_floors f order by f.transaction_id desc limit 1;
    if v_group.touched is null or pg_snapshot_xmin(v_group.touched) <= v_floor or pg_snapshot_xmax(v_group.touched) > pg_snapshot_xmax(v_snapshot) then
      select array_agg(e.entity_id) as ids, array_agg(n.updated_at) as times into v_found
      from metadata.entities e
      cross join lateral (
        select max(t.updated_at) as updated_at
        from (
          select s.updated_at from metadata.entries s where s.tenant_id = p_tenant and s.entity_id = e.entity_id
          union all
          select s.updated_at from metadata.volatile_entries s where s.tenant_id = p_tenant and s.entity_id = e.entity_id
        ) t
      ) n
      where e.tenant_id = p_tenant and e.sync_group = v_group.sync_group and e.updated_at < n.updated_at;
      v_entity_ids := v_entity_ids || coalesce(v_found.ids, '{}');
      v_entity_times := v_entity_times || coalesce(v_found.times, '{}');
      select array_agg(a.updated_by) as ids, array_agg(a.updated_at) as times into v_found
      from (
        select w.updated_by, max(w.updated_at) as updated_at
        from metadata.entities e
        cross join lateral (
          select t.updated_by, t.updated_at from metadata.entries t where t.tenant_id = p_tenant and t.entity_id = e.entity_id
          union all
          select t.updated_by, t.updated_at from metadata.volatile_entries t where t.tenant_id = p_tenant and t.entity_id = e.entity_id
        ) w
        where e.tenant_id = p_tenant and e.sync_group = v_group.sync_group and w.updated_by is not null
        group by w.updated_by
      ) a;
      v_agent_ids := v_agent_ids || coalesce(v_found.ids, '{}');
      v_agent_times := v_agent_times || coalesce(v_found.times, '{}');
    else
      -- What the last snapshot did not see: later transactions, and those that ran then.
      v_from := pg_snapshot_xmax(v_group.touched);
      v_running := array(select pg_snapshot_xip(v_group.touched));
      with change as materialized (
        (
          -- In the order of the log, so that it is found by its key.
          select c.recorded_at, c.kind, c.entity_ids, c.agent_ids from metadata.changes c
          where c.tenant_id = p_tenant and c.sync_group = v_group.sync_group and c.transaction_id >= v_from
          order by c.transaction_id, c.sequence
        )
        union all
        select c.recorded_at, c.kind, c.entity_ids, c.agent_ids from metadata.changes c
        where c.tenant_id = p_tenant and c.sync_group = v_group.sync_group and c.transaction_id = any (v_running)
      )
      select exists (select from change) as is_changed, e.ids as entity_ids, e.times as entity_times, a.ids as agent_ids, a.times as agent_times
      into v_found
      from (
        select coalesce(array_agg(n.entity_id), '{}') as ids, coalesce(array_agg(n.at), '{}') as times
        from (
          select x.entity_id, max(c.recorded_at) as at
          from change c
          cross join lateral unnest(c.entity_ids) as x(entity_id)
          where c.kind = 'entries'
          group by x.entity_id
        ) n
      ) e
      cross join (
        select coalesce(array_agg(n.agent_id), '{}') as ids, coalesce(array_agg(n.at), '{}') as times
        from (
          select x.agent_id, max(c.recorded_at) as at
          from change c
          cross join lateral unnest(c.agent_ids) as x(agent_id)
          where c.kind <> 'roles'
          group by x.agent_id
        ) n
      ) a;
      v_entity_ids := v_entity_ids || v_found.entity_ids;
      v_entity_times := v_entity_times || v_found.entity_times;
      v_agent_ids := v_agent_ids || v_found.agent_ids;
      v_agent_times := v_agent_times || v_found.agent_times;
      -- What is quiet is left as it is, but not so long that the log is emptied beyond it.
      continue when not v_found.is_changed and v_from::text::numeric > pg_snapshot_xmax(v_snapshot)::text::numeric - 1000;
    end if;
    update metadata.tick_leases l set touched = v_snapshot where l.tenant_id = p_tenant and l.sync_group = v_group.sync_group;
  end loop;
  -- Those of all groups together, in the order in which writers lock them.
  with newest as materialized (
    select x.entity_id, max(x.updated_at) as updated_at
    from unnest(v_entity_ids, v_entity_times) as x(entity_id, updated_at)
    group by x.entity_id
    order by x.entity_id
  ),
  behind as materialized (
    select e.entity_id, n.updated_at
    from newest n
    cross join lateral (
      select k.entity_id from metadata.entities k
      where k.tenant_id = p_tenant and k.entity_id = n.entity_id and k.updated_at < n.updated_at
      for no key update
    ) e
  )
  update metadata.entities e set updated_at = b.updated_at
  from behind b
  where e.tenant_id = p_tenant and e.entity_id = b.entity_id and e.updated_at < b.updated_at;
  get diagnostics entities = row_count;
  insert into metadata.agents as a (tenant_id, agent_id, last_seen_at)
  select p_tenant, x.agent_id, max(x.last_seen_at)
  from unnest(v_agent_ids, v_agent_times) as x(agent_id, last_seen_at)
  group by x.agent_id
  order by x.agent_id
  on conflict (tenant_id, agent_id) do update set last_seen_at = excluded.last_seen_at where a.last_seen_at < excluded.last_seen_at;
  get diagnostics agents = row_count;
  return next;
end
$$;
comment on function metadata.touch(text) is 'Brings entities and agents up to the newest change of an entry.';
revoke all on function metadata.touch(text) from public;
grant execute on function metadata.touch(text) to pgfleet_app;
