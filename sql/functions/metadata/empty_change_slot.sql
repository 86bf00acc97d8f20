-- metadata.empty_change_slot(): empties the slot of the log of changes that the next quarter of an hour is written into, once
-- everything in it is older than half an hour, and remembers up to which transaction it was written. Runs as
-- pgfleet_owner, because a tenant may not truncate tables; narrow: it takes no argument, and tells nothing of the rows. It
-- waits a tenth of a second at most for those who read the slot; then it is left for another time.
-- returns the slot that was emptied; null: none.
create or replace function metadata.empty_change_slot() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $$
declare
  v_quarter bigint := floor(extract(epoch from clock_timestamp()) / 900);
  v_slot integer := (v_quarter + 1) % 4;
  v_newest timestamptz;
  v_transaction xid8;
begin
  perform from metadata.change_floors f where f.slot = v_slot and f.emptied_at >= to_timestamp(v_quarter * 900);
  if found then
    return null;
  end if;
  -- Before it is locked: this reads all of it. A clock that was put back leaves newer rows here.
  execute format('select max(c.recorded_at) from metadata.changes_s%s c', v_slot) into v_newest;
  if v_newest > clock_timestamp() - interval '30 minutes' then
    return null;
  end if;
  if v_newest is not null then
    begin
      execute format('lock table metadata.changes_s%s in access exclusive mode', v_slot);
    exception
      when lock_not_available then
        return null;
    end;
    execute format('select c.transaction_id from metadata.changes_s%1$s c where c.slot = %1$s order by c.transaction_id desc limit 1', v_slot) into v_transaction;
    execute format('truncate metadata.changes_s%s', v_slot);
  end if;
  update metadata.change_floors f
  set transaction_id = greatest(f.transaction_id, v_transaction), emptied_at = clock_timestamp()
  where f.slot = v_slot;
  return v_slot;
end
$$;
comment on function metadata.empty_change_slot() is 'Empties the slot of the log of changes that is written next, when it is old enough.';
revoke all on function metadata.empty_change_slot() from public;
grant execute on function metadata.empty_change_slot() to pgfleet_app, pgfleet_operator;
