-- platform.flush_wal(wait): whether all that was written to the log of the server (WAL) before is on disk; with `wait` it is seen
-- to: at once from PostgreSQL 17 on, before it with the commit of this transaction, which gets an id for it.
-- A position in the order of transactions may be given away then. Each transaction that has ended has logged its id, so
-- after a crash no id below the position is given again, and what was read up to it is not taken back. Without it both happens,
-- as commits that do not wait, and transactions that fail, leave nothing on disk for a while.
create or replace function platform.flush_wal(p_wait boolean) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn() then
    return true;
  end if;
  if p_wait then
    -- No function does nothing but flush: a message for readers of logical replication, of whom none knows it.
    if current_setting('server_version_num')::integer >= 170000 then
      perform pg_logical_emit_message(false, 'pgfleet', '', true);
    else
      if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'local', true);
      end if;
      perform pg_logical_emit_message(true, 'pgfleet', '');
    end if;
  end if;
  return p_wait;
end
$$;
comment on function platform.flush_wal(boolean) is 'Whether all that was written to the WAL before is on disk; it can be waited for.';
revoke all on function platform.flush_wal(boolean) from public;
grant execute on function platform.flush_wal(boolean) to pgfleet_app;
