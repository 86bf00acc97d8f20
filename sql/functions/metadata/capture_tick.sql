-- metadata.capture_tick(tenant, group, holder, delay_ms): writes what has changed in the group since its last tick into the ring, for
-- the holder of its lease. delay_ms: how late the caller is already. A tick without changes writes nothing. Values of
-- more than 8 kB are left out of the delta, with their size in `bytes`.
-- returns whether the caller holds the lease, the number of the tick that was written (null: none), how many keys it has,
-- and whether there is more to capture at once.
-- Errors: PF001..PF003 (platform.enter).
create or replace function metadata.capture_tick(p_tenant text, p_sync_group text, p_holder uuid, p_delay_ms double precision)
returns table (is_held boolean, tick_number bigint, change_count integer, more boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_started timestamptz := clock_timestamp();
  v_lease record;
  v_floor xid8;
  v_transaction xid8;
  v_sequence bigint;
  v_read record;
  v_duration_ms double precision;
  v_headroom_ms double precision;
begin
  perform platform.enter(p_tenant);
  is_held := false;
  change_count := 0;
  more := false;
  select l.transaction_id, l.sequence, g.tick_ms, g.ticks_kept into v_lease
  from metadata.tick_leases l
  join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = l.sync_group
  where l.tenant_id = p_tenant and l.sync_group = p_sync_group and l.holder_id = p_holder and l.expires_at > v_started and g.is_enabled;
  if not found then
    return next;
    return;
  end if;
  is_held := true;
  v_transaction := v_lease.transaction_id;
  v_sequence := v_lease.sequence;
  -- What the log has forgotten can be in no tick; nor can what came before a restore.
  select f.transaction_id into v_floor from metadata.change_floors f order by f.transaction_id desc limit 1;
  if v_transaction <= v_floor then
    v_transaction := (v_floor::text::numeric + 1)::text::xid8;
    v_sequence := 0;
  elsif v_transaction > pg_snapshot_xmax(pg_current_snapshot()) then
    v_transaction := pg_snapshot_xmin(pg_current_snapshot());
    v_sequence := 0;
  end if;
  select max(r.transaction_id::text) filter (where r.kind = 'end') as transaction_id,
    max(r.sequence) filter (where r.kind = 'end') as sequence,
    bool_or(r.more) as more,
    count(*) filter (where r.kind <> 'end' and not (r.kind = 'left' and r.is_here)) as changes,
    jsonb_agg(
      jsonb_build_object('entity', r.entity, 'key', r.key, 'version', r.version)
        || case r.kind
          when 'left' then '{"left": true}'::jsonb
          when 'deleted' then '{"deleted": true}'::jsonb
          else case
            when octet_length(r.value) > 8192 then jsonb_build_object('bytes', octet_length(r.value))
            else jsonb_build_object('value', case r.type
              when 'json' then r.value::jsonb
              when 'integer' then to_jsonb(r.value::bigint)
              when 'float' then to_jsonb(r.value::double precision)
              when 'boolean' then to_jsonb(r.value::boolean)
              else to_jsonb(r.value)
            end)
          end
        end
    ) filter (where r.kind <> 'end' and not (r.kind = 'left' and r.is_here)) as delta
  into v_read
  from metadata.read_changes(p_tenant, p_sync_group, null, platform.log_name(), v_transaction, v_sequence, null, null, null, 5000) r;
  if v_read.changes = 0 then
    return next;
    return;
  end if;
  -- Only from where it was read: a heartbeat, or another holder, may have moved it meanwhile.
  update metadata.tick_leases l
  set tick_number = l.tick_number + 1, transaction_id = v_read.transaction_id::xid8, sequence = v_read.sequence
  where l.tenant_id = p_tenant and l.sync_group = p_sync_group and l.holder_id = p_holder and l.expires_at > clock_timestamp()
    and l.transaction_id = v_lease.transaction_id and l.sequence = v_lease.sequence
  returning l.tick_number into tick_number;
  if not found then
    return next;
    return;
  end if;
  change_count := v_read.changes;
  more := v_read.more;
  v_duration_ms := greatest(extract(epoch from clock_timestamp() - v_started) * 1000, 0);
  v_headroom_ms := v_lease.tick_ms - p_delay_ms - v_duration_ms;
  -- pgfleet-lint ignore upsert-loses-update: a slot of the ring is written anew; its count is the tick's own
  insert into metadata.ticks as t
    (tenant_id, sync_group, slot, tick_number, due_at, started_at, duration_ms, delay_ms, headroom_ms, is_delayed, change_count, delta)
  values (p_tenant, p_sync_group, tick_number % v_lease.ticks_kept, tick_number, v_started - p_delay_ms * interval '1 millisecond', v_started,
    v_duration_ms, p_delay_ms, v_headroom_ms, v_headroom_ms < 0, change_count, v_read.delta)
  on conflict (tenant_id, sync_group, slot) do update
  set tick_number = excluded.tick_number, due_at = excluded.due_at, started_at = excluded.started_at, duration_ms = excluded.duration_ms,
    delay_ms = excluded.delay_ms, headroom_ms = excluded.headroom_ms, is_delayed = excluded.is_delayed,
    change_count = excluded.change_count, delta = excluded.delta;
  -- The ring was longer once.
  delete from metadata.ticks t where t.tenant_id = p_tenant and t.sync_group = p_sync_group and t.slot >= v_lease.ticks_kept;
  return next;
end
$$;
comment on function metadata.capture_tick(text, text, uuid, double precision) is 'Writes what has changed in a group since its last tick into the ring.';
revoke all on function metadata.capture_tick(text, text, uuid, double precision) from public;
grant execute on function metadata.capture_tick(text, text, uuid, double precision) to pgfleet_app;
