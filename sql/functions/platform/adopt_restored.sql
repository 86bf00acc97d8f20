-- platform.adopt_restored(): makes a database that was restored from a dump go on in this cluster. Its logs name transactions of
-- the cluster that it came from; where this one has not come as far, everything that follows them would wait for it: rollups
-- and seals refuse (WATERMARK_FOREIGN), new events stand before old ones. From here on an offset is added to the transactions of
-- this cluster, so that they go on behind the last one of the other. No row of a log is changed: sealed entries keep their
-- hashes, rollups count each point once. The log of metadata's changes begins anew; its followers, like those of events, hold
-- cursors of another log and are refused.
-- For a superuser or a login with BYPASSRLS that is a member of pgfleet_owner, before anybody writes. Harmless to repeat: a database
-- that is ahead of its logs is left as it is.
-- returns the offset, and whether this call has set it.
-- Errors: 42501 the login does not see all rows, or is not the owner.
create or replace function platform.adopt_restored() returns table (transaction_offset bigint, is_adopted boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- With it a login that row-level security would keep rows from fails, and is told so.
set row_security = off
as $$
declare
  v_table text;
  v_newest bigint := 0;
  v_found bigint;
  v_changes bigint;
  v_now bigint;
begin
  transaction_offset := platform.transaction_offset();
  is_adopted := false;
  -- Whoever writes meanwhile would take a number from before.
  lock table memory.events, delivery.metrics, delivery.audit_log, delivery.agent_interactions, delivery.agent_sessions, delivery.workflow_details,
    metadata.changes in access exclusive mode;
  v_now := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
  foreach v_table in array array['memory.events', 'delivery.metrics', 'delivery.audit_log', 'delivery.agent_interactions', 'delivery.agent_sessions',
    'delivery.workflow_details'] loop
    execute format('select max(n.transaction_id::text::bigint) from platform.tenants t cross join lateral (select l.transaction_id from %s l where l.tenant_id = t.tenant_id and l.transaction_id is not null order by l.transaction_id desc limit 1) n', v_table)
    into v_found;
    v_newest := greatest(v_newest, v_found);
  end loop;
  select greatest(v_newest, max(w.rolled_up_below::text::bigint)) into v_newest from delivery.metric_watermarks w;
  select greatest(v_newest, max(s.to_transaction::text::bigint)) into v_newest from delivery.audit_seals s;
  if v_newest >= v_now + transaction_offset then
    transaction_offset := v_newest + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    is_adopted := true;
    -- Interactions, agent sessions and workflows ask platform.log_transaction for theirs.
    foreach v_table in array array['memory.events', 'delivery.metrics', 'delivery.audit_log'] loop
      execute format('alter table %s alter column transaction_id set default (((pg_current_xact_id()::text)::bigint + %s)::text)::xid8', v_table, transaction_offset);
    end loop;
  end if;
  -- An hour of changes, which nobody can follow any more: it begins anew, without an offset.
  select max(c.transaction_id::text::bigint) into v_changes from metadata.changes c;
  select greatest(v_changes, max(f.transaction_id::text::bigint)) into v_changes from metadata.change_floors f;
  select greatest(v_changes, max(l.transaction_id::text::bigint), max(pg_snapshot_xmax(l.touched)::text::bigint)) into v_changes from metadata.tick_leases l;
  if v_changes > v_now then
    is_adopted := true;
    -- pgfleet-lint ignore truncate: what nobody can follow any more; the brief lock comes before anybody writes
    truncate metadata.changes;
    update metadata.change_floors set transaction_id = '0' where transaction_id <> '0';
    update metadata.tick_leases set transaction_id = '0', sequence = 0, touched = null, expires_at = '-infinity' where expires_at <> '-infinity' or transaction_id <> '0' or touched is not null;
  end if;
  return next;
end
$$;
comment on function platform.adopt_restored() is 'Makes the logs of a database that was restored from a dump go on in this cluster.';
revoke all on function platform.adopt_restored() from public;
