-- metadata.read_changes(tenant, group, agent, log, transaction, sequence, channel, entities, keys, limit): what has changed in a
-- sync group behind a position, each key once, as it is now; of transactions older than every running one, so that
-- nothing can appear before them any more.
-- agent: who has to have the right to read the group; null: the service itself, which may.
-- log: what platform.log_name() was when the position was read. transaction null: nothing but the present end of the log.
-- channel, entities, keys: only what is in this channel, of entities of these names, under these keys; null for all.
-- limit: about how many keys are looked at.
-- The position that is returned outlives a crash (platform.flush_wal): the call waits for the disk, but for a look that finds
-- nothing: that one stays where it was, unless all is on disk anyway or a thousand transactions have begun meanwhile.
-- returns rows in no order, by `kind`:
--   set      a key, with its version and value (as text, and its type), where its entity is now; place: its order among the changes; transaction_id,
--            sequence: the position of its last change
--   deleted  a key that was deleted or has expired; of a tombstone that is forgotten, the version below which it was
--   left     an entity that is no longer in the group under this name, or with is_here no longer in this channel: moved,
--            renamed or deleted; all its keys go with it
--   end      one row: the position that was reached, whether there is more to read at once, whether something waits for an
--            older transaction to end (is_waiting), the group's tick_ms, and agent_ids: whose rights in the group have changed, also where the log is not at its end (null: nobody's;
--            empty: maybe everybody's).
-- Errors: PF001..PF003 (platform.enter), PF091 unknown group, PF094 the agent may not read it, PF050 the position is of another database, or of the time before a restore; PF095
-- it is older than the log, and has missed something.
create or replace function metadata.read_changes(
  p_tenant text,
  p_sync_group text,
  p_agent text,
  p_log text,
  p_transaction xid8,
  p_sequence bigint,
  p_channel text,
  p_entities text[],
  p_keys text[],
  p_limit integer
)
returns table (
  kind text,
  place integer,
  transaction_id xid8,
  sequence bigint,
  entity_id uuid,
  entity text,
  channel text,
  is_here boolean,
  key text,
  version bigint,
  updated_at timestamptz,
  updated_by text,
  type text,
  value text,
  log text,
  more boolean,
  is_waiting boolean,
  tick_ms integer,
  agent_ids text[]
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
declare
  -- Taken before the changes are read: what had ended by then is seen by the statements below.
  v_horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
  v_transaction xid8 := coalesce(p_transaction, v_horizon);
  v_sequence bigint := coalesce(p_sequence, 0);
  v_end_transaction xid8;
  v_end_sequence bigint;
  v_keys bigint := 0;
  v_rows integer := 0;
  v_log text;
  v_more boolean := false;
  v_is_waiting boolean := false;
  v_tick_ms integer;
  v_agent_ids text[];
  v_change record;
begin
  perform platform.enter(p_tenant);
  v_log := platform.log_name();
  perform metadata.assert_readable(p_tenant, p_agent, p_sync_group);
  select g.tick_ms into v_tick_ms from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = p_sync_group;
  if p_transaction is not null then
    if p_log is distinct from v_log or p_transaction > pg_snapshot_xmax(pg_current_snapshot()) then
      raise exception 'the cursor is of log %, at transaction %; this is log %', coalesce(quote_literal(p_log), 'null'), p_transaction, v_log
        using errcode = 'PF050', column = 'cursor';
    end if;
    -- How far this call goes.
    for v_change in
      select c.transaction_id, c.sequence, cardinality(c.entity_ids) as keys
      from metadata.changes c
      where c.tenant_id = p_tenant and c.sync_group = p_sync_group
        and (c.transaction_id, c.sequence) > (v_transaction, v_sequence) and c.transaction_id < v_horizon
      order by c.transaction_id, c.sequence
      limit p_limit
    loop
      if v_rows > 0 and v_keys + v_change.keys > p_limit then
        v_more := true;
        exit;
      end if;
      v_rows := v_rows + 1;
      v_keys := v_keys + v_change.keys;
      v_end_transaction := v_change.transaction_id;
      v_end_sequence := v_change.sequence;
    end loop;
    v_more := v_more or v_rows = p_limit;
    if v_keys > 0 then
      return query
      with change as materialized (
        select c.kind, c.transaction_id, c.sequence, c.entity_ids, c.names, c.channels, c.keys,
          (row_number() over (order by c.transaction_id, c.sequence))::integer as place
        from metadata.changes c
        where c.tenant_id = p_tenant and c.sync_group = p_sync_group and c.transaction_id < v_horizon
          and (c.transaction_id, c.sequence) > (v_transaction, v_sequence)
          and (c.transaction_id, c.sequence) <= (v_end_transaction, v_end_sequence)
      ),
      item as materialized (
        select c.kind, x.entity_id, x.name, x.channel, x.key, max(c.place) as place
        from change c
        cross join lateral unnest(c.entity_ids, c.names, c.channels, c.keys) as x(entity_id, name, channel, key)
        where c.kind in ('entries', 'entities')
        group by c.kind, x.entity_id, x.name, x.channel, x.key
      ),
      -- Those that are in the group now. What has left it meanwhile, left it in a change that is told of as such.
      entity as materialized (
        select i.entity_id, e.name, e.channel, e.version_floor
        from (select distinct i.entity_id from item i) i
        cross join lateral (
          select n.name, n.channel, n.version_floor from metadata.entities n
          where n.tenant_id = p_tenant and n.entity_id = i.entity_id and n.sync_group = p_sync_group
            and case
              when n.expire_after_update_ms is null and n.expire_after_creation_ms is null then true
              else not metadata.is_over(p_tenant, n.entity_id, n.created_at, n.updated_at, n.expire_after_creation_ms, n.expire_after_update_ms)
            end
          offset 0
        ) e
      ),
      -- An entity that is new here, or here under another name, brings all its keys.
      named as (
        select i.entity_id, i.key, i.place from item i where i.kind = 'entries'
        union all
        select i.entity_id, k.key, i.place
        from item i
        join entity e on e.entity_id = i.entity_id
        cross join lateral (
          select t.key from metadata.entries t where t.tenant_id = p_tenant and t.entity_id = i.entity_id
          union all
          select t.key from metadata.volatile_entries t where t.tenant_id = p_tenant and t.entity_id = i.entity_id
        ) k
        where i.kind = 'entities'
      ),
      changed as materialized (
        select n.entity_id, n.key, max(n.place) as place
        from named n
        where p_keys is null or n.key = any (p_keys)
        group by n.entity_id, n.key
      )
      select case when v.version is null or v.is_gone then 'deleted' else 'set' end, k.place, c.transaction_id, c.sequence,
        k.entity_id, e.name, e.channel, true, k.key, coalesce(v.version, e.version_floor), v.updated_at, v.updated_by,
        case when not v.is_gone then v.type end, case when not v.is_gone then v.value end,
        null::text, null::boolean, null::boolean, null::integer, null::text[]
      from changed k
      join entity e on e.entity_id = k.entity_id
      join change c on c.place = k.place
      left join lateral (
        select t.version, t.updated_at, t.updated_by, t.type, t.value, t.type is null or t.expires_at <= statement_timestamp() as is_gone
        from metadata.present_entries t
        where t.tenant_id = p_tenant and t.entity_id = k.entity_id and t.key = k.key
        offset 0
      ) v on true
      where (p_channel is null or e.channel = p_channel) and (p_entities is null or e.name = any (p_entities))
      union all
      select 'left', i.place, c.transaction_id, c.sequence, i.entity_id, i.name, i.channel, coalesce(e.name = i.name, false),
        null, null, null, null, null, null, null, null, null, null, null
      from item i
      join change c on c.place = i.place
      left join entity e on e.entity_id = i.entity_id
      where i.kind = 'entities' and (p_entities is null or i.name = any (p_entities))
        and case
          when e.name is distinct from i.name then p_channel is null or i.channel = p_channel
          else e.channel is distinct from i.channel and (p_channel is null or i.channel = p_channel)
        end;
    end if;
    select array_agg(a.agent_id) filter (where a.agent_id is not null) into v_agent_ids
    from metadata.changes c
    left join lateral unnest(c.agent_ids) as a(agent_id) on true
    where c.tenant_id = p_tenant and c.sync_group = p_sync_group and c.kind = 'roles' and c.transaction_id >= v_transaction
      and (c.transaction_id, c.sequence) > (v_transaction, v_sequence)
    having count(*) > 0;
    if found then
      v_agent_ids := coalesce(v_agent_ids, '{}');
    end if;
    select true into v_is_waiting
    from metadata.changes c
    where c.tenant_id = p_tenant and c.sync_group = p_sync_group and c.transaction_id >= greatest(v_horizon, v_transaction)
    order by c.transaction_id, c.sequence
    limit 1;
    v_is_waiting := v_is_waiting is true;
    -- Last: the log is emptied and its floor raised in one commit, so whoever found rows missing finds it raised.
    if exists (select from metadata.change_floors f where f.transaction_id >= p_transaction) then
      raise exception 'the cursor, at transaction %, is older than the log of changes', p_transaction
        using errcode = 'PF095', column = 'cursor';
    end if;
  end if;
  if not v_more then
    -- All that is older than the horizon was read; what comes has a sequence above 0.
    v_end_transaction := greatest(v_horizon, v_transaction);
    v_end_sequence := case when v_transaction > v_horizon then v_sequence else 0 end;
  end if;
  if (v_more or p_transaction is null or v_end_transaction > v_transaction)
    and not platform.flush_wal(
      p_transaction is null or v_rows > 0 or v_agent_ids is not null
        or v_end_transaction::text::bigint - v_transaction::text::bigint >= 1000
    )
  then
    v_end_transaction := v_transaction;
    v_end_sequence := v_sequence;
  end if;
  return query
  select 'end', null::integer, v_end_transaction, v_end_sequence, null::uuid, null::text, null::text, null::boolean, null::text, null::bigint, null::timestamptz, null::text,
    null::text, null::text, v_log, v_more, v_is_waiting, v_tick_ms, v_agent_ids;
end
$$;
comment on function metadata.read_changes(text, text, text, text, xid8, bigint, text, text[], text[], integer) is 'What has changed in a sync group behind a position, each key once, as it is now.';
revoke all on function metadata.read_changes(text, text, text, text, xid8, bigint, text, text[], text[], integer) from public;
grant execute on function metadata.read_changes(text, text, text, text, xid8, bigint, text, text[], text[], integer) to pgfleet_app;
